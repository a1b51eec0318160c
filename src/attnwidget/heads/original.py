"""The rule of LLMVis' dashboard, for comparison with ours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attnwidget.head_id import HeadId

if TYPE_CHECKING:
    from attnwidget.trace import AttentionTrace

SHORTEST = 4


def original_rule(trace: AttentionTrace, *, attention: str | None = None) -> dict[str, str]:
    """Label heads as LLMVis' dashboard did (its file ``head_detection.py`` until February 2026).

    Tested in this order, the first that holds wins: mean weight on the previous token ≥ 0.40, Previous-Token; mean
    weight on the first ≥ 0.25, First/Positional; mean entropy over ln n ≥ 0.65 and mean largest weight ≤ 0.35,
    Bag-of-Words; 1 / (1 + variance of the distance to the strongest key) ≥ 0.30 where the mean distance is above 1,
    Syntactic; else Other.

    Its faults, and why `categorize` differs: nothing is corrected for chance, so an even spread over up to 12 tokens
    is called First/Positional; 65 % on the first token and 35 % on the previous one is called Previous-Token, for in
    the second row the previous token *is* the first; a fixed distance of two is called Syntactic, though it knows no
    grammar; the order of the tests hides a head's larger score.

    Parameters
    ----------
    trace : AttentionTrace
        Of at least four tokens.
    attention : str, optional
        Which attention, the first by default.

    Returns
    -------
    dict of str to str
        ``{"L0-H3": "Previous-Token", …}``.
    """
    labels = {}
    for layer in trace.kept(attention):
        weights = trace.weights(layer, attention=attention).float().cpu()  # (heads, n, n)
        n = weights.shape[1]
        if n < SHORTEST or n != weights.shape[2]:
            raise ValueError(f"the original rule is for one text of at least {SHORTEST} tokens")
        previous = weights.diagonal(-1, 1, 2).mean(-1)  # (heads,)
        first = weights[:, :, 0].mean(-1)  # (heads,)
        entropy = -(weights * weights.clamp(min=1e-30).log()).sum(-1).mean(-1) / math.log(n)  # (heads,)
        largest = weights.amax(-1).mean(-1)  # (heads,)
        for head in range(len(weights)):
            distances = (weights[head].argmax(-1) - weights.new_tensor(range(n))).abs()  # (n,)
            distances = distances[distances > 0]
            steady = 0.0
            if len(distances) and distances.mean() > 1:
                steady = 1 / (1 + float(distances.var(unbiased=False)))
            labels[str(HeadId(layer, head))] = (
                "Previous-Token"
                if previous[head] >= 0.40
                else "First/Positional"
                if first[head] >= 0.25
                else "Bag-of-Words"
                if entropy[head] >= 0.65 and largest[head] <= 0.35
                else "Syntactic"
                if steady >= 0.30
                else "Other"
            )
    return labels
