"""Why a query may not attend to a key, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attnwidget.maths import Mask
    from attnwidget.tokens import Tokens


def why_forbidden(  # noqa: PLR0911 - one for each reason
    masks: Sequence[Mask],
    sides: tuple[Tokens, Tokens],
    queries: Sequence[int] | None,
    keys: Sequence[int] | None,
    *,
    put: str = "",
) -> str:
    """Say why pairs that no layer allows are forbidden, as far as the masks' rules tell.

    Parameters
    ----------
    masks : sequence of Mask
        Of the layers.
    sides : pair of Tokens
        Those that attend, and those attended to.
    queries, keys : sequence of int, or None
        Positions that are forbidden to each other; None for all of a side.
    put : str
        The mask that was put in the place of the model's own, in a few words; empty for that.
    """
    if queries is None or keys is None:
        return "it is hidden from every token" if queries is None else "every token is hidden from it"
    if len(queries) != 1 or len(keys) != 1:
        return "the mask forbids every one of these pairs"
    (query,), (key,) = queries, keys
    one, other = (f"“{side.text[at]}”" for side, at in zip(sides, (query, key), strict=True))
    if put:
        return f"the mask put here ({put}) hides {other} from {one}"
    if all(mask.keep is not None and not bool(mask.keep[key]) for mask in masks):
        return f"{other} is hidden from every token, as padding is"
    if all(mask.is_causal for mask in masks) and key > query:
        return f"{one} cannot see {other}, which comes after it: this model reads from left to right"
    limits = (("ahead of", 1, [mask.after for mask in masks]), ("before", -1, [mask.before for mask in masks]))
    for way, ahead, reaches in limits:
        if all(reach is not None and ahead * (key - query) > reach for reach in reaches):
            furthest = max(reach or 0 for reach in reaches)
            return f"{other} lies {abs(key - query)} tokens {way} {one}, which sees no further than {furthest}"
    return f"the mask hides {other} from {one}"
