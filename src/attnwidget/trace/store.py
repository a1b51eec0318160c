"""A trace as one safetensors file: tensors, and everything else as JSON beside them. No pickle.

``attnwidget`` in the file's metadata holds the description. Its ``version`` rises when a file can
no longer be read by older code; such a file is refused by name, not misread. Layers that share a
tensor (T5's bias, a mask) share it in the file as well, and again after loading.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from attnwidget.maths import LeftOut, Mask, QKVLayer, RelativeBias, WeightsLayer
from attnwidget.tokens import Tokens

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from attnwidget.maths import Layer

VERSION = 1
KEY = "attnwidget"


class TraceFileError(ValueError):
    """A file holds no trace that can be read: damaged, foreign, or written by newer code."""


def write(path: str | os.PathLike[str], layers: Mapping[str, Sequence[Layer]], about: dict[str, Any]) -> None:
    """Write layers and a description that JSON can hold. An old file is replaced only when all is written."""
    tensors = _Tensors()
    described = {name: [_describe(one, tensors) for one in those] for name, those in layers.items()}
    text = json.dumps({"version": VERSION, "layers": described, **about})
    target = Path(path)
    part = target.with_name(target.name + ".part")
    try:
        save_file(tensors.found, part, metadata={KEY: text})
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, list[Layer]], dict[str, Any]]:
    """Read what `write` wrote: layers and description.

    Raises
    ------
    TraceFileError
        If the file is damaged, foreign, or newer than this code.
    FileNotFoundError
        If there is none.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise TraceFileError(f"{str(path)!r} is no safetensors file, or is damaged ({error})") from error
    if text is None:
        raise TraceFileError(f"{str(path)!r} is a safetensors file, but holds no attention trace")
    try:
        about = json.loads(text)
        version = int(about.pop("version"))
        layers = {} if version > VERSION else _restore_all(about.pop("layers"), tensors)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TraceFileError(f"{str(path)!r} is damaged: its description does not fit ({error!r})") from error
    if version > VERSION:
        raise TraceFileError(
            f"{str(path)!r} has version {version} of the format, this attnwidget reads up to {VERSION}; "
            "update attnwidget"
        )
    return layers, about


def read_tokens(saved: dict[str, Any]) -> Tokens:
    """Make tokens from their description, checked."""
    tokens = Tokens(**saved)
    if len({len(tokens.text), len(tokens.raw), len(tokens.special), len(tokens.words)}) != 1:
        raise ValueError("tokens of different lengths")
    return tokens


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


def _restore_all(saved: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, list[Layer]]:
    return {name: [_restore(one, tensors) for one in those] for name, those in saved.items()}


def _restore(saved: dict[str, Any], tensors: dict[str, Tensor]) -> Layer:
    def at(name: str | None) -> Tensor | None:
        return None if name is None else tensors[name]

    def needed(name: str) -> Tensor:
        return tensors[name]

    rule = saved["mask"]
    mask = Mask(rule["before"], rule["after"], at(rule["keep"]), at(rule["dense"]))
    if saved["kind"] == "weights":
        return WeightsLayer(needed(saved["given"]), mask)
    if saved["kind"] == "left out":
        heads, n, m = saved["shape"]
        return LeftOut((heads, n, m), mask)
    if saved["kind"] != "qkv":
        raise ValueError(f"a layer of kind {saved['kind']!r}")
    bias: Tensor | RelativeBias | None = at(saved["bias"])
    if saved["bias_queries"] is not None:
        bias = RelativeBias(needed(saved["bias"]), saved["bias_queries"])
    layer = QKVLayer(
        needed(saved["q"]),
        needed(saved["k"]),
        at(saved["v"]),
        float(saved["scale"]),
        softcap=saved["softcap"],
        bias=bias,
        mask=mask,
        sinks=at(saved["sinks"]),
        known_lse=at(saved["lse"]),
    )
    _check(layer)
    return layer


def _check(layer: QKVLayer) -> None:
    heads, n, m = layer.shape
    fits = layer.q.ndim == layer.k.ndim == 3 and layer.q.shape[2] == layer.k.shape[2]
    fits = fits and layer.k.shape[0] > 0 and heads % layer.k.shape[0] == 0
    if layer.v is not None:
        fits = fits and layer.v.shape[:2] == layer.k.shape[:2]
    if layer.known_lse is not None:
        fits = fits and layer.known_lse.shape == torch.Size((heads, n))
    if not fits:
        raise ValueError(f"queries, keys and values of shapes that do not fit ({heads} × {n} × {m})")


def tokens_as_json(tokens: Tokens | None) -> dict[str, Any] | None:
    """Describe tokens for `write`."""
    return None if tokens is None else asdict(tokens)
