"""What the model of a trace expects at each place of the text."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    Predicts = Literal["next", "place"]

NO_MODEL = (
    "what comes next is not known: this trace has no model (it was made without one, read from a file, or let go of it)"
)


class Predictor(Protocol):
    """What runs the model for a row."""

    @property
    def tensors(self) -> list[Tensor]:
        """Everything that it keeps in memory, the model left out."""

    def probabilities(self, row: int) -> Tensor:
        """Return the probability of every token, (vocabulary,)."""

    def labels(self, ids: list[int]) -> list[str]:
        """Return how tokens of the vocabulary read."""

    def __call__(self, row: int, k: int) -> list[tuple[str, float]]:
        """Return the k likeliest tokens and their probabilities."""


class Predictions:
    """The likeliest tokens of each row, or why they cannot be had.

    Parameters
    ----------
    predictor : Predictor, optional
        It keeps the model alive.
    predicts : {"next", "place"}, optional
        Whether a row tells the token after it, or, as masked language models do, the one at its own place.
    missing : str
        Why there is no predictor.
    """

    def __init__(
        self, predictor: Predictor | None = None, predicts: Predicts | None = None, missing: str = NO_MODEL
    ) -> None:
        self._predictor, self.predicts, self.missing = predictor, predicts, missing
        if predictor is not None:
            self.missing = ""
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle why there is none: the model stays behind."""
        return {"missing": self.missing or NO_MODEL}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(missing=state["missing"])  # type: ignore[misc]

    @property
    def tensors(self) -> list[Tensor]:
        """Everything that occupies memory."""
        return [] if self._predictor is None else self._predictor.tensors

    def get(self, row: int, k: int) -> list[tuple[str, float]]:
        """Return the k likeliest tokens of a row and their probabilities; raise if they cannot be had."""
        with self._lock:
            return self._there(row, k)

    def probabilities(self, row: int) -> Tensor:
        """Return the probability of every token, (vocabulary,); raise if they cannot be had."""
        with self._lock:
            return self._there.probabilities(row)

    def labels(self, ids: list[int]) -> list[str]:
        """Return how tokens of the vocabulary read; raise if that is not known."""
        with self._lock:
            return self._there.labels(ids)

    @property
    def _there(self) -> Predictor:
        if self._predictor is None:
            raise ValueError(self.missing)
        return self._predictor

    def release(self) -> None:
        """Let go of the model."""
        if self._predictor is not None:
            self._predictor, self.predicts, self.missing = None, None, NO_MODEL
