"""The head that a picture opens on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from attnwidget.trace import AttentionTrace

NO_LAYER = "all layers were left out of the trace (layers=): there is nothing to show"
SAMPLED_ROWS = 32  # enough to tell a sharp head from a flat one, and cheap at every length


def opening_head(trace: AttentionTrace, attention: str | None = None) -> tuple[int, int]:
    """Choose the head with most to show: the one that looks hardest beyond a token's neighbours.

    Most heads of a trained model look at the first token, at themselves or at the token before, and a first picture
    of those says little. So each head is scored by the mean, over queries, of its largest weight on any *other* key:
    not first, not itself, not a direct neighbour, not special.

    Parameters
    ----------
    trace : AttentionTrace
        Of long texts `SAMPLED_ROWS` evenly spread queries are looked at.

    attention : str, optional
        Which attention, the first by default. Between two texts there are no neighbours: only the first key and
        special ones are left out.

    Returns
    -------
    (layer, head)
        Head 0 of the first layer that was kept, if the text is too short to have other keys.

    Raises
    ------
    ValueError
        If no layer was kept.
    """
    kept = trace.kept(attention)
    if not kept:
        raise ValueError(NO_LAYER)
    queries, attended = trace.sides(attention)
    n, m = len(queries.text), len(attended.text)
    first = 3 if queries is attended else 0
    if n <= first:
        return kept[0], 0
    here = torch.device("cpu")  # whatever the user's default device is
    rows = torch.linspace(first, n - 1, min(n - first, SAMPLED_ROWS), device=here).round().long()  # (rows,)
    keys = torch.arange(m, device=here)  # (keys,)
    plain = torch.tensor([not special for special in attended.special], device=here)  # (keys,)
    telling = (keys > 0) & plain  # (keys,)
    if queries is attended:
        telling = telling & ((rows[:, None] - keys).abs() > 1)  # (rows, keys)
    scores = []
    for layer in kept:
        weights = trace.weights(layer, attention=attention, queries=rows.tolist()).nan_to_num()  # (heads, rows, keys)
        scores.append(weights.cpu().masked_fill(~telling, 0).amax(-1).mean(-1))  # (heads,)
    at, head = divmod(int(torch.stack(scores).argmax()), trace.n_heads(attention))
    return kept[at], head
