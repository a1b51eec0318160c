"""A trace as one safetensors file: tensors, and everything else as JSON beside them. No pickle.

``attnwidget`` in the file's metadata holds the description, typed in `trace.description`, and ``checksum`` the SHA-256
of it and of all tensors. The description's ``version`` rises when a file can no longer be read by older code; such a
file is refused by name, not misread. Layers that share a tensor (T5's bias, a mask) share it in the file as well, and
again after loading.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from attnwidget.maths import LeftOut, RelativeBias, WeightsLayer
from attnwidget.replacing import replacing
from attnwidget.trace.description import VERSIONS, check_labels, layers_from

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from attnwidget.maths import Layer
    from attnwidget.tokens import Tokens
    from attnwidget.trace.description import Version1

VERSION = max(VERSIONS)
KEY, SUM = "attnwidget", "checksum"
NO_CHECKSUM = (
    "read from a file of an older attnwidget, which has no checksum: if the file was damaged, nobody would notice; "
    "save it again"
)


class TraceFileError(ValueError):
    """A file holds no trace that can be read: damaged, foreign, or written by newer code."""


def write(path: str | os.PathLike[str], layers: Mapping[str, Sequence[Layer]], about: dict[str, Any]) -> None:
    """Write layers and a description that JSON can hold. An old file is replaced only when all is written."""
    tensors = _Tensors()
    described = {name: [_describe(one, tensors) for one in those] for name, those in layers.items()}
    text = json.dumps({"version": VERSION, "layers": described, **about})
    metadata = {KEY: text, SUM: checksum(text, tensors.found)}
    with replacing(path) as part:
        try:
            save_file(tensors.found, part, metadata=metadata)
        except SafetensorError as error:  # a full disk, a folder that is not there
            raise OSError(f"{str(path)!r} could not be written ({error})") from error


def read(path: str | os.PathLike[str]) -> tuple[dict[str, list[Layer]], Version1]:
    """Read what `write` wrote: layers and description.

    Raises
    ------
    TraceFileError
        If the file is damaged, foreign, or newer than this code; the message names what is wrong.
    FileNotFoundError
        If there is none.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise TraceFileError(f"{str(path)!r} is no safetensors file, or is damaged ({error})") from error
    if KEY not in metadata:
        raise TraceFileError(f"{str(path)!r} is a safetensors file, but holds no attention trace")
    text = metadata[KEY]
    try:
        about = _parse(text, metadata.get(SUM), tensors)
        return layers_from(about.layers, tensors), about
    except (ValueError, RecursionError) as error:
        raise damaged(path, error) from error


def damaged(path: str | os.PathLike[str], error: Exception) -> TraceFileError:
    """Say what is wrong with a file."""
    if isinstance(error, TraceFileError):
        return TraceFileError(f"{str(path)!r} {error}")
    return TraceFileError(f"{str(path)!r} is damaged: {error}")


def _parse(text: str, given: str | None, tensors: Mapping[str, Tensor]) -> Version1:
    """Read the description, which `given` is the checksum of."""
    if given is not None and given != checksum(text, tensors):
        raise ValueError("its checksum is not that of what it holds")
    raw = json.loads(text)  # msgspec's own reader takes neither NaN nor half a character
    version = raw.get("version") if isinstance(raw, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise TraceFileError(
            f"has version {version} of the format, this attnwidget reads up to {VERSION}; update attnwidget"
        )
    if version not in VERSIONS:
        raise ValueError(f"version: expected 1 to {VERSION}, got {version!r}")
    if version > 1 and given is None:
        raise ValueError("it has lost its checksum")
    about = msgspec.convert(raw, VERSIONS[version])
    check_labels(about)
    return about


def checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of a description and of the tensors beside it: names, types, shapes and bytes."""
    found = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        found.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


class _Tensors:
    """Tensors with a name each; one that comes twice is written once."""

    def __init__(self) -> None:
        self.found: dict[str, Tensor] = {}
        self._names: dict[tuple[Any, ...], str] = {}

    def name(self, tensor: Tensor | None) -> str | None:
        if tensor is None:
            return None
        same = (tensor.data_ptr(), tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
        if same not in self._names:
            self._names[same] = name = str(len(self._names))
            # views of one storage are refused by safetensors: every tensor gets its own
            self.found[name] = tensor.detach().to("cpu", copy=True).contiguous()
        return self._names[same]


def _describe(layer: Layer, tensors: _Tensors) -> dict[str, Any]:
    mask = {
        "before": layer.mask.before,
        "after": layer.mask.after,
        "keep": tensors.name(layer.mask.keep),
        "dense": tensors.name(layer.mask.dense),
    }
    if isinstance(layer, WeightsLayer):
        return {"kind": "weights", "mask": mask, "given": tensors.name(layer.given)}
    if isinstance(layer, LeftOut):
        return {"kind": "left out", "mask": mask, "shape": list(layer.shape)}
    bias = layer.bias
    return {
        "kind": "qkv",
        **{name: tensors.name(getattr(layer, name)) for name in ("q", "k", "v", "sinks")},
        "lse": tensors.name(layer.known_lse),
        "scale": layer.scale,
        "softcap": layer.softcap,
        "bias": tensors.name(bias.diagonals if isinstance(bias, RelativeBias) else bias),
        "bias_queries": bias.queries if isinstance(bias, RelativeBias) else None,
        "mask": mask,
    }


def tokens_as_json(tokens: Tokens | None) -> dict[str, Any] | None:
    """Describe tokens for `write`."""
    return None if tokens is None else asdict(tokens)
