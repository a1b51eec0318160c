"""What stands beside a trace, seen from a measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.head_id import HeadId
    from attnwidget.measures.region import Region


class Beside(Protocol):
    """Another trace whose tokens are aligned with this one's."""

    @property
    def other(self) -> Any:
        """The trace."""

    @property
    def head(self) -> HeadId | None:
        """Its one head that all heads are compared with; None: each with the one in the same place."""

    @property
    def is_second(self) -> bool:
        """Whether this trace is B, and the other one A."""

    def sides(self, attention: str) -> Any:
        """Return the alignments of queries and of keys; None where the other has no such attention."""

    def why_not(self, attention: str, layer: int | None = None) -> str:
        """Say why a layer, or all of them, has no difference of weights; empty if it has."""

    def weights(self, region: Region) -> Tensor:
        """Return the other's weights of a region's pairs, (heads, queries, keys); 0 without a partner."""

    def allowed(self, region: Region) -> Tensor:
        """Say which pairs have partners that may attend, bool (heads, queries, keys)."""
