"""`Breakdown`: every step of one query's computation, and what it would be with something changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from attnwidget.breakdown.change import Change, changed
from attnwidget.breakdown.combine import combine
from attnwidget.head_id import HeadId
from attnwidget.maths.projection import value_norms
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class Breakdown(Tabular):
    """Every step of one attention computation, for m keys, the forbidden ones included.

    For several queries everything is their mean, or sum: of `products`, `dots` and the like over those queries that
    may see the key. Each query has a softmax of its own, in `parts`; `maximum`, `exponentials` and `total` are then
    None. All tensors are float32, or float64 if the model is; some are the trace's or the model's own memory: do not
    write into them. `to_pandas` has a row a key, and a column a step.

    Attributes
    ----------
    attention : str
        "self", "encoder", "decoder" or "cross".
    layer, head : int
        Counted from 0.
    queries : tuple of int
        The tokens that look; usually one.
    combine : str
        "mean" or "sum" of several queries.
    query : Tensor
        (d_k,), as it is multiplied: after any rotation and normalisation. So are the keys.
    keys : Tensor
        (m, d_k).
    products : Tensor
        (m, d_k), query × key, dimension by dimension.
    dots : Tensor
        (m,), the products' sums q·k.
    scale : float
        What the model multiplies them with; usually 1/√d_k.
    scaled : Tensor
        (m,), scale × dots.
    softcap : float, optional
        Bound c of the scores.
    capped : Tensor, optional
        (m,), c · tanh(scaled / c) (Gemma 2).
    bias : Tensor, optional
        (m,), what the model adds for the positions, or with its mask.
    allowed : Tensor
        bool (m,), True where attention is permitted.
    scores : Tensor
        (m,), what goes into the softmax; −inf where forbidden.
    maximum : float, optional
        The largest score, the sink's among them; it is subtracted from all of them first. −inf if every key is hidden.
    exponentials : Tensor, optional
        (m,), exp(scores − maximum).
    total : float, optional
        Their sum, the sink's among them.
    sink_logit : float, optional
        A learned number per head that takes part in the softmax as if it were the score of a key (gpt-oss).
    sink : float, optional
        Its share of the weight, which goes to no key.
    weights : Tensor
        (m,), exponentials / total. They sum to 1, less the sink's share.
    values : Tensor
        (m, d_v).
    weighted_values : Tensor
        (m, d_v), weights × values.
    weighted_norms : Tensor
        (m,), their Euclidean lengths.
    head_output : Tensor
        (d_v,), their sum.
    key_head : int
        Which key head this head uses.
    shared_by : tuple of int
        The heads that use it, this one among them; more than one with grouped queries.
    head_outputs : Tensor
        (heads, d_v), of all heads for the same queries: what is put side by side.
    output_weight : Tensor, optional
        (d_v, d_model), this head's slice of W_O.
    output_bias : Tensor, optional
        (d_model,), what the projection adds.
    norms : Tensor, optional
        (m,), how long what the head writes for each key is, ‖α f(x)‖ = weights × ‖values · output_weight‖ (Kobayashi
        et al. 2020): the measure "norms".
    contribution : Tensor, optional
        (d_model,), head_output · output_weight: what this head writes.
    contributions : Tensor, optional
        (heads, d_model), what each head writes.
    output : Tensor, optional
        (d_model,), the sum of `contributions`, and the bias.
    attention_output : Tensor, optional
        (d_model,), what the model's own attention module returned for these queries; None where W_O was given by hand
        and nobody has seen that.
    max_difference : float, optional
        Largest |output − attention_output|.
    output_name : str
        The module that projects, by its name in the model.
    missing : str
        Why there is no W_O and what follows from it; empty where there is.
    removed : float
        After `what_if`: the weight that the hidden and removed keys would have without that.
    grown : float
        After ``what_if(removed=…)``: the factor by which the other weights grew, so that weights =
        grown × exponentials / total.
    parts : tuple of Breakdown
        Of several queries, each one's own.
    """

    attention: str
    layer: int
    head: int
    queries: tuple[int, ...]
    combine: str
    query: Tensor
    keys: Tensor
    products: Tensor
    dots: Tensor
    scale: float
    scaled: Tensor
    softcap: float | None
    capped: Tensor | None
    bias: Tensor | None
    allowed: Tensor
    scores: Tensor
    maximum: float | None
    exponentials: Tensor | None
    total: float | None
    sink_logit: float | None
    sink: float | None
    weights: Tensor
    values: Tensor
    weighted_values: Tensor
    head_output: Tensor
    key_head: int
    shared_by: tuple[int, ...]
    head_outputs: Tensor
    output_weight: Tensor | None = None
    output_bias: Tensor | None = None
    contributions: Tensor | None = None
    attention_output: Tensor | None = None
    output_name: str = ""
    missing: str = ""
    removed: float = 0.0
    grown: float = 1.0
    parts: tuple[Breakdown, ...] = ()
    _base: Breakdown | None = None  # of a changed one, the model's own

    @property
    def weighted_norms(self) -> Tensor:
        """(m,), see above."""
        norms: Tensor = torch.linalg.vector_norm(self.weighted_values, dim=-1)
        return norms

    @property
    def norms(self) -> Tensor | None:
        """(m,), see above."""
        return None if self.output_weight is None else self.weights * value_norms(self.values, self.output_weight)

    @property
    def contribution(self) -> Tensor | None:
        """(d_model,), see above."""
        return None if self.contributions is None else self.contributions[self.head]

    @property
    def output(self) -> Tensor | None:
        """(d_model,), see above."""
        if self.contributions is None:
            return None
        summed = self.contributions.sum(0)
        return summed if self.output_bias is None else summed + self.output_bias

    @property
    def max_difference(self) -> float | None:
        """See above."""
        if self.output is None or self.attention_output is None:
            return None
        return float((self.output - self.attention_output).abs().max())

    def what_if(
        self,
        *,
        scaled: bool = True,
        temperature: float = 1.0,
        scores: Mapping[int, float] | None = None,
        masked: Collection[int] = (),
        removed: Collection[int] = (),
    ) -> Breakdown:
        """Compute the head again with something changed; all other heads stay as they are.

        Parameters
        ----------
        scaled : bool
            False: the products go on unscaled.
        temperature : float
            Scores are divided by it: above 1 the weights are more even, below 1 more decided.
        scores : mapping of int to float, optional
            Scores set by hand, by key.
        masked : collection of int
            Keys that are hidden before the softmax.
        removed : collection of int
            Keys that are taken out after it; the others' weights grow to the same sum (a way to read heads that
            rest on their first token: Xiao et al. 2023 call it an attention sink).

        Returns
        -------
        Breakdown
            Its `removed` says how much weight the hidden and removed keys would have without that; `attention_output`
            is still the model's own, so that `max_difference` tells what the change moves. Called on a changed
            breakdown, this starts again from the model's own.

        Raises
        ------
        IndexError
            For a key that does not exist.
        TypeError, ValueError
            For a temperature outside 1e-6 … 1e6, a score that is not a number up to 1e30 (or −inf), or one of a key
            that the mask hides.
        """
        base = self._base or self
        change = Change.read(
            len(base.keys), scaled=scaled, temperature=temperature, scores=scores, masked=masked, removed=removed
        )
        hidden = [key for key in change.scores if not base.allowed[key]]
        if hidden:
            raise ValueError(f"key {hidden[0]} is hidden by the mask and has no score")
        if not base.parts:
            return changed(base, change)
        return replace(combine([changed(part, change) for part in base.parts], base.combine), _base=base)

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        steps = {
            "key": torch.arange(len(self.keys)),
            "allowed": self.allowed,
            "q·k": self.dots,
            "scaled": self.scaled,
            "capped": self.capped,
            "bias": self.bias,
            "score": self.scores,
            "exponential": self.exponentials,
            "weight": self.weights,
            "‖weight × value‖": self.weighted_norms,
            "‖weight × value · W_O‖": self.norms,
        }
        columns = {name: one.tolist() for name, one in steps.items() if one is not None}
        who = f"{self.attention} {HeadId(self.layer, self.head)}, query {', '.join(map(str, self.queries))}"
        return Table([*columns], [*zip(*columns.values(), strict=True)], caption=who)

    def __repr__(self) -> str:
        who = ", ".join(map(str, self.queries))
        ends = (
            f"ends at the head: {self.missing}"
            if self.output is None
            else "the model's own output is not known"
            if self.max_difference is None
            else f"max_difference={self.max_difference:.1e}"
        )
        name = HeadId(self.layer, self.head)
        return f"Breakdown({self.attention} {name}, query {who}, {len(self.keys)} keys, {ends})"
