"""Whether what a capture keeps fits into memory: said before the pass, with the numbers."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Collection

_NOT_KEPT = "linear_attention", "mamba", "mamba2", "conv", "recurrent"  # kinds of layers without queries and keys
_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")


def check_fits(
    config: Any, dtype: torch.dtype, device: torch.device, count: int, *, layers: Collection[int] | None, values: bool
) -> None:
    """Raise if the queries, keys and values of a text would take more than the memory that is free.

    Parameters
    ----------
    config : transformers.PreTrainedConfig
        Of a model with one attention a layer.
    dtype, device
        In which they are kept, and where.
    count : int
        Tokens of the text.
    layers, values
        As of `attnwidget.capture.capture`.

    Raises
    ------
    MemoryError
        With what it would take, what is free, and what to do.
    """
    one = _a_token_in_a_layer(config, dtype, values=values)
    kinds = getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None)
    total = getattr(config, "num_hidden_layers", 0) if kinds is None else sum(kind not in _NOT_KEPT for kind in kinds)
    kept = total if layers is None else min(total, len(set(layers)))
    needed, free = count * one * kept, free_memory(device)
    if not needed or free is None or needed <= free:
        return
    what = "Queries, keys and values" if values else "Queries and keys"
    few = max(1, kept * free // needed) if free else 1
    ways = [f"keep fewer layers, as in layers=range({few})"] if kept > 1 else []
    if values:
        without = count * kept * _a_token_in_a_layer(config, dtype, values=False)
        ways.append(f"leave out the values (values=False takes {_size(without)})")
    where = "1 layer" if kept == 1 else f"{kept} layers"
    raise MemoryError(
        f"{what} of {count:,} tokens in {where} take {_size(needed)}, and {_size(free)} are free: "
        f"{', '.join([*ways, 'or take a shorter text'])}"
    )


def free_memory(device: torch.device) -> int | None:
    """Return how many bytes can still be had on a device; None where nothing tells."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    found = []
    with suppress(OSError, StopIteration, ValueError):
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
        found.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]))
    with suppress(OSError, ValueError):  # a container's own bound; "max" where there is none
        bound, used = (int((_CGROUP / name).read_text(encoding="ascii")) for name in ("memory.max", "memory.current"))
        found.append(max(0, bound - used))
    return min(found, default=None) if device.type == "cpu" else None


def _a_token_in_a_layer(config: Any, dtype: torch.dtype, *, values: bool) -> int:
    """Bytes; 0 where the configuration does not tell."""
    heads = getattr(config, "num_attention_heads", None)
    width = getattr(config, "hidden_size", None)
    if not isinstance(heads, int) or not isinstance(width, int) or not heads:
        return 0
    key_heads = getattr(config, "num_key_value_heads", None) or heads
    size = getattr(config, "head_dim", None) or width // heads
    return int((heads * size + key_heads * size * (2 if values else 1)) * dtype.itemsize)


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
