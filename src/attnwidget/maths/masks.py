"""Masks by name: "causal", "window:4", "bigbird:2,2,1" …, each as a bool matrix and in words.

Queries and keys are counted from the same start. Names are joined with +, and a pair must then satisfy all of them:
"causal+padding-left:2".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from attnwidget.maths.presets import PRESETS, Preset

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BLIND", "PRESETS", "Preset", "blind", "explain", "preset"]

BLIND = (
    "This token may attend to nothing. A softmax over no score has no value (0 ÷ 0); here its weights are 0, and so is "
    "its output."
)
"""What a row is that sees nothing."""

_BY_NAME = {one.name: one for one in PRESETS}


def preset(spec: str, n: int, m: int | None = None) -> Tensor:
    """Make a mask from its name.

    Parameters
    ----------
    spec : str
        "none", "causal", "padding-left:2", "padding-right:2", "window:4", "around:2", "prefix:3", "blocks:4",
        "strided:4" or "bigbird:2,2,1" (global, on each side, random, and a seed if one likes), or several, joined
        with +.
    n : int
        Number of queries.
    m : int, optional
        Number of keys; as many as queries by default.

    Returns
    -------
    Tensor
        bool (n, m), True where the query may attend to the key.

    Raises
    ------
    ValueError
        If there is no such mask, or its numbers do not fit.
    """
    i, j = torch.arange(n)[:, None], torch.arange(n if m is None else m)[None]  # (n, 1), (1, m)
    allowed = torch.ones(i.shape[0], j.shape[1], dtype=torch.bool)  # (n, m)
    for kind, numbers in _parse(spec):
        allowed &= kind.pairs(i, j, *numbers)
    return allowed


def explain(spec: str, n: int, m: int | None = None) -> str:
    """Say what a mask does, and which of these rows it leaves without anything to see.

    Parameters
    ----------
    spec, n, m
        As of `preset`.

    Returns
    -------
    str
        A few sentences.
    """
    said = [kind.says(*numbers) for kind, numbers in _parse(spec)]
    rows = blind(preset(spec, n, m))
    if rows:
        which = ", ".join(map(str, rows[:8])) + (" …" if len(rows) > 8 else "")
        said.append(f"Blind: {'row' if len(rows) == 1 else 'rows'} {which} of {n}, counted from 0. {BLIND}")
    return " ".join(said)


def blind(allowed: Tensor) -> list[int]:
    """Return the rows that see nothing, in any head, of a mask bool (n, m) or (heads, n, m)."""
    sees = allowed.any(-1)  # (n,) or (heads, n)
    sees = sees.any(0) if sees.ndim == 2 else sees  # (n,)
    return [] if not len(sees) else (~sees).nonzero()[:, 0].tolist()


def _parse(spec: str) -> list[tuple[Preset, tuple[int, ...]]]:
    """Take a name apart: its kinds of mask, with their numbers."""
    if not isinstance(spec, str):
        raise TypeError(f"a mask's name must be a string such as 'window:4', got {type(spec).__name__}")
    return [_one(part.strip(), spec) for part in spec.split("+")]


def _one(part: str, spec: str) -> tuple[Preset, tuple[int, ...]]:
    name, _, rest = part.partition(":")
    kind = _BY_NAME.get(name.strip())
    if kind is None:
        forms = ", ".join(one.form for one in PRESETS)
        raise ValueError(f"there is no mask {spec!r}; expected one of {forms}, or several joined with +")
    texts = [text.strip() for text in rest.split(",")] if rest.strip() else []
    most = len(kind.numbers)
    right = most - len(kind.optional) <= len(texts) <= most
    if not right or not all(text.isascii() and text.isdigit() and int(text) >= kind.lowest for text in texts):
        what = "no numbers" if not most else f"whole numbers from {kind.lowest} on"
        raise ValueError(f"mask {part!r}: expected {kind.form} with {what}, such as {kind.example!r}")
    left_out = most - len(texts)
    return kind, (*map(int, texts), *kind.optional[len(kind.optional) - left_out :])
