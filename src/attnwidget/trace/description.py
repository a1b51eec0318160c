"""What the JSON in a saved trace holds, typed; and layers made from it, each tensor checked against the others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

import torch
from msgspec import Meta, Struct

from attnwidget.maths import LeftOut, Mask, QKVLayer, RelativeBias, WeightsLayer
from attnwidget.maths.from_arrays import as_weights
from attnwidget.tokens import Tokens, describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from attnwidget.maths import Layer

_FAR = 1 << 53  # a window may be far larger than the text, but positions are added to it
Distance = Annotated[int, Meta(ge=-_FAR, le=_FAR)]
Size = Annotated[int, Meta(ge=1, le=1 << 31)]
Attention = Literal["self", "encoder", "decoder", "cross"]


class Entry(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Part of the description. Tensors stand in it by their names in the file."""


class MaskEntry(Entry, kw_only=True, frozen=True):
    """A `Mask`."""

    before: Distance | None
    after: Distance | None
    keep: str | None
    dense: str | None


class QKVEntry(Entry, kw_only=True, frozen=True, tag_field="kind", tag="qkv"):
    """A `QKVLayer`."""

    q: str
    k: str
    v: str | None
    sinks: str | None
    lse: str | None
    scale: float
    softcap: float | None
    bias: str | None
    bias_queries: Size | None
    mask: MaskEntry


class WeightsEntry(Entry, kw_only=True, frozen=True, tag_field="kind", tag="weights"):
    """A `WeightsLayer`."""

    given: str
    mask: MaskEntry


class LeftOutEntry(Entry, kw_only=True, frozen=True, tag_field="kind", tag="left out"):
    """A `LeftOut`."""

    shape: tuple[Size, Size, Size]
    mask: MaskEntry


LayerEntry = QKVEntry | WeightsEntry | LeftOutEntry


class TokensEntry(Entry, kw_only=True, frozen=True):
    """`Tokens`."""

    text: list[str]
    raw: list[str]
    special: list[bool]
    words: list[int]
    word_texts: list[str]
    parts: list[str] | None = None  # since version 3
    ids: list[Annotated[int, Meta(ge=-1, le=_FAR)]] | None = None  # since version 4


class Version1(Entry, kw_only=True, frozen=True):
    """What a file of version 1 says; it has no checksum."""

    version: int
    layers: dict[Attention, list[LayerEntry]]
    tokens: TokensEntry
    source: TokensEntry | None
    model_name: str
    max_error: float | None
    segments: list[Annotated[int, Meta(ge=0, le=_FAR)]] | None  # until version 3 only 0 and 1
    generated: list[bool]
    missing: str


class Description(Version1, kw_only=True, frozen=True):
    """What a file says."""

    notices: list[str]


VERSIONS: dict[int, type[Version1]] = {1: Version1, 2: Description, 3: Description, 4: Description}


def layers_from(
    described: Mapping[Attention, list[LayerEntry]], tensors: Mapping[str, Tensor]
) -> dict[str, list[Layer]]:
    """Make the layers, or raise a ValueError that names the field that is wrong."""
    return {
        name: [_Reader(tensors, f"layers.{name}[{number}]").layer(one) for number, one in enumerate(those)]
        for name, those in described.items()
    }


def tokens_from(entry: TokensEntry, name: str) -> Tokens:
    """Make tokens, or raise a ValueError."""
    counts = {field: len(getattr(entry, field)) for field in ("text", "raw", "special", "words")}
    if len(set(counts.values())) > 1 or not entry.text:
        raise ValueError(f"{name}: lists of different lengths, or empty ones: {counts}")
    steps = [after - before for before, after in zip([0, *entry.words], entry.words, strict=False)]
    if entry.words[0] or not {*steps} <= {0, 1} or len(entry.word_texts) != entry.words[-1] + 1:
        raise ValueError(f"{name}.words: expected numbers from 0 on without gaps, and as many entries of word_texts")
    parts = describe(entry.raw, special=entry.special).parts if entry.parts is None else entry.parts
    if len(parts) != len(entry.text):
        raise ValueError(f"{name}.parts: expected {len(entry.text)} entries, one for each token, got {len(parts)}")
    if entry.ids is not None and len(entry.ids) != len(entry.text):
        raise ValueError(f"{name}.ids: expected {len(entry.text)} entries, one for each token, got {len(entry.ids)}")
    return Tokens(entry.text, entry.raw, entry.special, entry.words, entry.word_texts, parts, entry.ids)


def check_labels(about: Version1) -> None:
    """Check what is said of each token and of the whole; raise a ValueError."""
    n = len(tokens_from(about.tokens, "tokens").text)
    for name, labels in (("segments", about.segments), ("generated", about.generated)):
        if labels is not None and len(labels) != n:
            raise ValueError(f"{name}: expected {n} entries, one for each token, got {len(labels)}")
    if about.max_error is not None and not (about.max_error >= 0 or math.isnan(about.max_error)):
        raise ValueError(f"max_error: expected 0 or more, got {about.max_error}")
    if "self" in about.layers and len(about.layers) > 1:
        raise ValueError(f"layers: expected self alone or the others, got {', '.join(about.layers)}")


class _Reader:
    """Makes one layer."""

    def __init__(self, tensors: Mapping[str, Tensor], where: str) -> None:
        self._tensors, self._where = tensors, where

    def layer(self, entry: LayerEntry) -> Layer:
        if isinstance(entry, LeftOutEntry):
            return LeftOut(entry.shape, self._mask(entry.mask, entry.shape))
        if isinstance(entry, WeightsEntry):
            given = self._tensor("given", entry.given, (None, None, None))  # (heads, n, m)
            mask = self._mask(entry.mask, given.shape)
            return WeightsLayer(as_weights(given, mask, f"{self._where}.given"), mask)
        q = self._tensor("q", entry.q, (None, None, None))  # (heads, n, d_k)
        k = self._tensor("k", entry.k, (None, None, q.shape[2]))  # (key heads, m, d_k)
        heads, n, (groups, m) = q.shape[0], q.shape[1], k.shape[:2]
        if heads % groups:
            raise ValueError(f"{self._where}.k: {groups} key heads do not divide {heads} heads")
        for name, number, expected in (("scale", entry.scale, "a number"), ("softcap", entry.softcap, "more than 0")):
            if number is not None and (not math.isfinite(number) or (name == "softcap" and number <= 0)):
                raise ValueError(f"{self._where}.{name}: expected {expected}, got {number}")
        return QKVLayer(
            q,
            k,
            self._maybe("v", entry.v, (groups, m, None)),
            entry.scale,
            softcap=entry.softcap,
            bias=self._bias(entry, (heads, n, m)),
            mask=self._mask(entry.mask, (heads, n, m)),
            sinks=self._maybe("sinks", entry.sinks, (heads,)),
            known_lse=self._maybe("lse", entry.lse, (heads, n)),
        )

    def _bias(self, entry: QKVEntry, shape: tuple[int, int, int]) -> Tensor | RelativeBias | None:
        heads, n, m = shape
        if entry.bias_queries is None:
            return self._maybe("bias", entry.bias, ({1, heads}, {1, n}, {1, m}))
        diagonals = self._maybe("bias", entry.bias, (heads, n + m - 1))
        if diagonals is None or entry.bias_queries != n:
            raise ValueError(f"{self._where}.bias_queries: expected {n} and a bias, got {entry.bias_queries}")
        return RelativeBias(diagonals, n)

    def _mask(self, entry: MaskEntry, shape: Any) -> Mask:
        heads, n, m = shape
        keep = self._maybe("mask.keep", entry.keep, (m,), is_bool=True)
        dense = entry.dense
        by_head = dense is not None and dense in self._tensors and self._tensors[dense].ndim == 3
        form = (({1, heads},) if by_head else ()) + (n, m)
        return Mask(entry.before, entry.after, keep, self._maybe("mask.dense", dense, form, is_bool=True))

    def _maybe(self, field: str, name: str | None, form: tuple[Any, ...], *, is_bool: bool = False) -> Tensor | None:
        return None if name is None else self._tensor(field, name, form, is_bool=is_bool)

    def _tensor(self, field: str, name: str, form: tuple[Any, ...], *, is_bool: bool = False) -> Tensor:
        """Return a tensor whose sizes are the form's: a number, one of a set, or None for any from 1 on."""
        if name not in self._tensors:
            raise ValueError(f"{self._where}.{field}: there is no tensor {name!r} in the file")
        found = self._tensors[name]
        is_kind = found.dtype == torch.bool if is_bool else found.is_floating_point()
        if found.ndim != len(form) or not is_kind or not all(map(_fits, found.shape, form)):
            sizes = ", ".join("any" if one is None else str(one) for one in form)
            raise ValueError(
                f"{self._where}.{field}: expected a tensor of {'bool' if is_bool else 'floats'} of shape ({sizes}), "
                f"got {found.dtype} of shape {tuple(found.shape)}"
            )
        return found


def _fits(size: int, wanted: int | set[int] | None) -> bool:
    if wanted is None:
        return size > 0
    return size in wanted if isinstance(wanted, set) else size == wanted
