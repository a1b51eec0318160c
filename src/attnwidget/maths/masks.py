"""Masks by name: "causal", "window:4", "bigbird:2,2,1" …, each as a bool matrix and in words; or matrices of one's own.

Queries and keys are counted from the same start. Names are joined with +, and a pair must then satisfy all of them:
"causal+padding-left:2".
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from attnwidget.maths.presets import PRESETS, Preset

__all__ = ["BLIND", "BLIND_IN_MODELS", "PRESETS", "Preset", "blind", "brief", "explain", "plain", "preset", "read"]

BLIND = (
    "This token may attend to nothing. A softmax over no score has no value (0 ÷ 0); here its weights are 0, and so is "
    "its output."
)
"""What a row is that sees nothing."""

BLIND_IN_MODELS = (
    "This token may attend to nothing. A softmax over no score has no value (0 ÷ 0), and its weights are shown as 0. "
    "The model has to go on with something: where its code adds the lowest number to what is hidden, and not −∞, such "
    "a token takes all values in equal parts."
)
"""The same where a model was run with the mask."""

_MOST = 1 << 26  # pairs of a matrix that is made: 8,192 tokens
_PLAIN = 1 << 16  # pairs of a matrix that is written out: 256 tokens

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
    m = n if m is None else m
    _check_size(n, m)
    i, j = torch.arange(n)[:, None], torch.arange(m)[None]  # (n, 1), (1, m)
    allowed = torch.ones(i.shape[0], j.shape[1], dtype=torch.bool)  # (n, m)
    for kind, numbers in _parse(spec):
        allowed &= kind.pairs(i, j, *numbers)
    return allowed


def read(mask: Any, n: int, m: int | None = None) -> Tensor:
    """Make a mask from whatever may be written for one.

    Parameters
    ----------
    mask : str, or a matrix
        A name, as of `preset`; or (n, m), nested lists, an array or a tensor: True, or 1, where the query may attend to
        the key.
    n, m : int
        As of `preset`.

    Returns
    -------
    Tensor
        bool (n, m).

    Raises
    ------
    ValueError
        If there is no such mask, or the matrix is of another shape or holds something else.
    TypeError
        If it is neither.
    """
    m = n if m is None else m
    if isinstance(mask, str):
        return preset(mask, n, m)
    found = _matrix(mask)
    if tuple(found.shape) != (n, m):
        raise ValueError(f"the mask must have (queries, keys) {(n, m)}, as there are tokens; got {tuple(found.shape)}")
    return found


def plain(mask: Any) -> str | list[list[int]]:
    """Write a mask as JSON can carry it: its name, or rows of 1 (may attend) and 0.

    Raises
    ------
    ValueError, TypeError
        As `read`; and if a matrix has more than 65,536 pairs.
    """
    if isinstance(mask, str):
        return "+".join(_spelled(kind, numbers) for kind, numbers in _parse(mask))
    found = _matrix(mask)
    if found.numel() > _PLAIN:
        raise ValueError(
            f"a matrix of {' × '.join(map(str, found.shape))} is too large to be written out: up to 256 × 256, or a "
            "name such as 'window:4'; `trace.with_mask` takes larger ones"
        )
    return [[int(one) for one in row] for row in found.tolist()]


def brief(mask: Any) -> str:
    """Name a mask in a few words: "causal, padding of 2 on the left"; one that is a matrix is "painted"."""
    if not isinstance(mask, str):
        return "painted"
    return ", ".join(kind.brief.format(*numbers) for kind, numbers in _parse(mask))


def explain(mask: Any, n: int, m: int | None = None, *, in_model: bool = False) -> str:
    """Say what a mask does, and which of these rows it leaves without anything to see.

    Parameters
    ----------
    mask, n, m
        As of `read`.
    in_model : bool
        Whether a model was run with it, which goes on with something where nothing is seen.

    Returns
    -------
    str
        A few sentences.
    """
    allowed = read(mask, n, m)  # (n, m)
    if isinstance(mask, str):
        said = [kind.says(*numbers) for kind, numbers in _parse(mask)]
    else:
        said = [f"Of {allowed.numel():,} pairs {int(allowed.sum()):,} may attend."]
    rows = blind(allowed)
    if rows:
        which = ", ".join(map(str, rows[:8])) + (" …" if len(rows) > 8 else "")
        why = BLIND_IN_MODELS if in_model else BLIND
        said.append(f"Blind: {'row' if len(rows) == 1 else 'rows'} {which} of {n}, counted from 0. {why}")
    return " ".join(said)


def blind(allowed: Tensor) -> list[int]:
    """Return the rows that see nothing, in any head, of a mask bool (n, m) or (heads, n, m)."""
    sees = allowed.any(-1)  # (n,) or (heads, n)
    sees = sees.any(0) if sees.ndim == 2 else sees  # (n,)
    return [] if not len(sees) else (~sees).nonzero()[:, 0].tolist()


def _spelled(kind: Preset, numbers: tuple[int, ...]) -> str:
    if kind.optional and numbers[-len(kind.optional) :] == kind.optional:
        numbers = numbers[: -len(kind.optional)]
    return f"{kind.name}:{','.join(map(str, numbers))}" if numbers else kind.name


def _matrix(given: Any) -> Tensor:
    """Read a matrix of True and False, or of 1 and 0, (n, m)."""
    forms = "a name such as 'window:4', or a matrix (queries, keys) of True and False"
    if given is None or isinstance(given, int | float | dict | set):
        raise TypeError(f"expected {forms}, got {given!r}")
    try:
        found = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"expected {forms}: {error}") from None
    is_bool = found.dtype == torch.bool or (not found.is_floating_point() and bool(((found == 0) | (found == 1)).all()))
    if found.ndim != 2 or not found.numel() or not is_bool:
        raise ValueError(f"expected {forms}, got {found.dtype} of shape {tuple(found.shape)}")
    return found.bool()


def _check_size(n: int, m: int) -> None:
    if n * m > _MOST:
        raise ValueError(f"a mask of {n:,} × {m:,} pairs is too large to be made: up to 8,192 × 8,192")


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
