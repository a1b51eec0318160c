"""The KV cache of a model: what it keeps of the tokens before while it writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.variants.cost import PLAIN_CACHE, Sizes

if TYPE_CHECKING:
    from attnwidget.variants.core import Variant

_WINDOWS = {"sliding_attention": "sliding_window", "chunked_attention": "attention_chunk_size"}
_NAMES = {
    "layers": ("num_decoder_layers", "decoder_layers", "num_hidden_layers", "n_layer", "num_layers"),
    "heads": ("decoder_attention_heads", "num_attention_heads", "n_head", "num_heads"),
    "width": ("hidden_size", "d_model", "n_embd"),
    "head_dim": ("head_dim", "d_kv", "kv_channels"),
}


@dataclass(frozen=True)
class KVCache:
    """How many bytes are kept, and how that comes about: one line for each kind of layer."""

    bytes: int
    lines: tuple[str, ...]


def kv_bytes(
    config: Any,
    length: int,
    dtype: torch.dtype | str | None = None,
    variant: Variant | None = None,
    **settings: int,
) -> int:
    """Return how many bytes a model keeps of `length` tokens while it writes; see `kv_cache`."""
    return kv_cache(config, length, dtype, variant, **settings).bytes


def kv_cache(
    config: Any,
    length: int,
    dtype: torch.dtype | str | None = None,
    variant: Variant | None = None,
    **settings: int,
) -> KVCache:
    """Count what a model keeps of the tokens before while it writes, for one text.

    A model that reads a text once and writes nothing (BERT) keeps none; for it this is what it would take.

    Parameters
    ----------
    config : transformers.PreTrainedConfig
        The model's. Of an encoder–decoder its decoder is meant, which keeps its own tokens and the encoder's.
    length : int
        How many tokens there are; of an encoder–decoder, on either side.
    dtype : torch.dtype or str, optional
        Of the numbers kept: "float16". By default the config's, or float32.
    variant : Variant, optional
        What the same model would keep with this attention in all layers; by default what it does keep.
    **settings : int
        Of the variant: `groups`, `rank`, `d_rope`, `window` (`Sizes`).

    Returns
    -------
    KVCache
        `bytes`, and `lines` that multiply up to them.

    Raises
    ------
    ValueError
        If the config does not tell heads and layers, has layers that keep something else than keys and values, or the
        length is negative.
    TypeError
        If `dtype` is no dtype.
    """
    if length < 0:
        raise ValueError(f"length must be 0 or more, got {length}")
    reads_another = getattr(config, "is_encoder_decoder", False)
    kind = _dtype(config, dtype)
    config = _writer(config)
    sizes = _sizes(config, length, settings)
    layers = _first(config, "layers")
    if variant is not None:
        numbers = variant.cost.cache(sizes)
        kept = [(f"{_some(layers, 'layer')} × {numbers} numbers, {variant.cost.cache.text},", layers, numbers)]
    elif getattr(config, "kv_lora_rank", None):
        width = config.kv_lora_rank + config.qk_rope_head_dim
        each = f"(latent {config.kv_lora_rank} + rotated {config.qk_rope_head_dim}) numbers"
        text = f"{_some(layers, 'layer')} × {_some(length, 'token')} × {each}"
        kept = [(text, layers, length * width)]
    else:
        kept = [_line(sizes, count, seen) for seen, count in _by_length(config, layers, length).items()]
    if reads_another:
        text, count, numbers = _line(sizes, layers, length)
        kept.append((f"{text} for the encoder's tokens", count, numbers))
    lines = tuple(f"{text} × {kind.itemsize} bytes" for text, _, _ in kept)
    return KVCache(sum(count * numbers for _, count, numbers in kept) * kind.itemsize, lines)


def _writer(config: Any) -> Any:
    """Return the config of the part that writes, which may be the whole."""
    if any(hasattr(config, name) for name in ("decoder_layers", "num_decoder_layers")):
        return config  # it names what is its decoder's
    return config.get_text_config(decoder=True)


def _line(sizes: Sizes, layers: int, seen: int) -> tuple[str, int, int]:
    """Say and count what layers of one kind keep: keys and values of the tokens that they still see."""
    numbers = PLAIN_CACHE(Sizes(1, seen, sizes.d_k, sizes.d_v, sizes.heads, sizes.key_heads))
    both = f"2 × {sizes.d_k}" if sizes.d_k == sizes.d_v else f"({sizes.d_k} + {sizes.d_v})"
    text = f"{_some(layers, 'layer')} × {_some(sizes.key_heads, 'key head')} × {_some(seen, 'token')} × {both} numbers"
    return text, layers, numbers


def _some(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _by_length(config: Any, layers: int, length: int) -> dict[int, int]:
    """Count the layers that keep so many tokens."""
    kinds = getattr(config, "layer_types", None)
    if kinds is None:
        windowed = getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True)
        kinds = ["sliding_attention" if windowed else "full_attention"] * layers
    found: dict[int, int] = {}
    for kind in kinds:
        if kind not in {"full_attention", *_WINDOWS}:
            raise ValueError(
                f"this model has layers of the kind {kind!r}, which keep something else than keys and values"
            )
        window = getattr(config, _WINDOWS[kind], None) if kind in _WINDOWS else None
        seen = length if window is None else min(length, window)
        found[seen] = found.get(seen, 0) + 1
    return found


def _sizes(config: Any, length: int, settings: dict[str, int]) -> Sizes:
    """Read the sizes of a layer out of a config."""
    heads = _first(config, "heads")
    shared = getattr(config, "num_key_value_heads", None) or getattr(config, "num_kv_heads", None) or heads
    if getattr(config, "multi_query", False) and not getattr(config, "new_decoder_architecture", False):  # Falcon …
        shared = 1
    d = next((found for name in _NAMES["head_dim"] if (found := getattr(config, name, None))), None)
    d = d or _first(config, "width") // heads
    d_k, d_v = d, d
    if getattr(config, "kv_lora_rank", None):  # its heads' keys and values, as they are made of the latents
        d_k, d_v = config.qk_nope_head_dim + config.qk_rope_head_dim, config.v_head_dim
    return Sizes(1, length, d_k, d_v, heads, shared, **settings)


def _first(config: Any, what: str) -> int:
    """Return a number of a config, under whichever name it has."""
    for name in _NAMES[what]:
        found = getattr(config, name, None)
        if isinstance(found, int) and found > 0:
            return found
    raise ValueError(f"{type(config).__name__} does not tell its {what}; looked for {', '.join(_NAMES[what])}")


def _dtype(config: Any, wanted: torch.dtype | str | None) -> torch.dtype:
    given = wanted if wanted is not None else getattr(config, "dtype", None) or torch.float32
    found = getattr(torch, given.removeprefix("torch."), None) if isinstance(given, str) else given
    if not isinstance(found, torch.dtype):
        raise TypeError(f"dtype must be a torch.dtype or its name, such as 'float16', got {given!r}")
    return found
