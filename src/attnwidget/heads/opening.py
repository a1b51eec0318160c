"""The head that a picture opens on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from attnwidget.trace import AttentionTrace

SAMPLED_ROWS = 32  # enough to tell a sharp head from a flat one, and cheap at every length


def opening_head(trace: AttentionTrace) -> tuple[int, int]:
    """Choose the head with most to show: the one that looks hardest beyond a token's neighbours.

    Most heads of a trained model look at the first token, at themselves or at the token before, and a first picture
    of those says little. So each head is scored by the mean, over queries, of its largest weight on any *other* key:
    not first, not itself, not a direct neighbour, not special.

    Parameters
    ----------
    trace : AttentionTrace
        Of long texts `SAMPLED_ROWS` evenly spread queries are looked at.

    Returns
    -------
    (layer, head)
        (0, 0) if the text is too short to have other keys.
    """
    n = len(trace.tokens)
    if n < 4:
        return (0, 0)
    here = torch.device("cpu")  # whatever the user's default device is
    rows = torch.linspace(3, n - 1, min(n - 3, SAMPLED_ROWS), device=here).round().long()  # (rows,)
    keys = torch.arange(n, device=here)  # (keys,)
    plain = torch.tensor([not special for special in trace.special], device=here)  # (keys,)
    telling = ((rows[:, None] - keys).abs() > 1) & (keys > 0) & plain  # (rows, keys)
    scores = []
    for layer in range(trace.n_layers()):
        weights = trace.weights(layer, queries=rows.tolist()).nan_to_num()  # (heads, rows, keys)
        scores.append(weights.cpu().masked_fill(~telling, 0).amax(-1).mean(-1))  # (heads,)
    best = int(torch.stack(scores).argmax())
    return divmod(best, trace.n_heads())
