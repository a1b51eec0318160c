"""What effects are computed from, seen from here: a trace, and the pass that it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from attnwidget.effects.edits import Edit
    from attnwidget.effects.target import Asked, Target
    from attnwidget.effects.written import Key, Written
    from attnwidget.maths import Layer, Projection
    from attnwidget.tokens import Tokens

    OnLayer = Callable[[int, int], None]  # (layers done, layers in all); what it raises stops the pass
    OnDone = Callable[[int, int], None]  # (passes done, passes in all); what it raises stops the work
    OnPart = Callable[[float, Tensor], None]  # what `outcomes` would return by now, NaN for what is not known yet


class Again(Protocol):
    """The pass that a trace is of, to be made again on a twin of its model, with edits."""

    def resolve(self, trace: Traced, target: Target | None) -> Asked:
        """Look up a target's tokens and positions; None is the default of this model. Raises ValueError."""

    def outcomes(
        self,
        edits: Sequence[Sequence[Edit]],
        asked: Asked,
        on_done: OnDone | None = None,
        on_part: OnPart | None = None,
    ) -> tuple[float, Tensor]:
        """Run the model once for each list of edits, several at once; return the target without any, and (passes,)."""

    def estimates(
        self, edits: Sequence[Sequence[Edit]], asked: Asked, on_done: OnDone | None = None
    ) -> tuple[float, Tensor]:
        """Estimate the same to first order, from one backward pass; of heads that are replaced only."""

    def edited(self, edits: Sequence[Edit]) -> Any:
        """Capture the same text with edits: a trace, whose own predictions are those of the edited model."""

    def masked(self, allowed: Tensor, on_layer: OnLayer | None = None) -> Any:
        """Capture the same inputs with another mask in all layers, bool (n, n); raise ValueError with the reason."""

    def written(self, trace: Traced, asked: Asked) -> Written:
        """Say what every part of the model writes into a target of one row."""

    def directions(self, trace: Traced, asked: Asked | None) -> Mapping[Key, Tensor]:
        """Return what a vector given by each W_O is multiplied with at each row, (n, d_model)."""

    def blocks(self, layers: Any, projections: Any) -> dict[str, list[Any]]:
        """Find what each layer's block does with what its heads write, or why that is not known."""

    def structure(self, layers: Any, projections: Any) -> Any:
        """Say what stands around the model's attention."""

    def gradients(self, asked: Asked, layers: Any, projections: Any) -> dict[str, list[Any]]:
        """Differentiate a target by every head's output, (n, heads, d_v) a layer, or say why that is not known."""


class Rerun(Protocol):
    """Where a trace keeps its pass."""

    def get(self) -> Again:
        """Return it; raise ValueError with the reason if there is none."""


class Traced(Protocol):
    """As much of an `AttentionTrace` as effects need."""

    @property
    def rerun(self) -> Rerun:
        """Where the pass is."""

    @property
    def attentions(self) -> tuple[str, ...]:
        """Their names."""

    @property
    def predictions(self) -> Any:
        """What its model expects; `predicts` of it is "next", "place", or None of a model without a head."""

    @property
    def tokens(self) -> list[str]:
        """Those that are predicted."""

    def n_layers(self, attention: str | None = None) -> int:
        """Count the layers."""

    def n_heads(self, attention: str | None = None) -> int:
        """Count the heads of a layer."""

    def layer(self, number: int, *, attention: str | None = None) -> Layer:
        """Return what a layer's numbers are recomputed from."""

    def projection(self, layer: int, *, attention: str | None = None) -> Projection | str:
        """Return a layer's W_O, or why it is not known."""

    def sides(self, attention: str | None = None) -> tuple[Tokens, Tokens]:
        """Return the tokens that attend, and those attended to."""

    def allowed(self, layer: int, head: Any = None, *, attention: str | None, queries: Any, keys: Any) -> Tensor:
        """Return which pairs may attend."""

    def weights(self, layer: int, head: Any = None, *, attention: str | None, queries: Any, keys: Any) -> Tensor:
        """Compute weights."""
