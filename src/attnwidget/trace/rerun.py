"""The pass that a trace is of, as long as its model is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attnwidget.effects.again import Again

NO_MODEL = (
    "the model cannot be run again: this trace has none (it was made without one, read from a file, or let go of it)"
)


class Rerun:
    """What runs the model again, or why nothing does.

    Parameters
    ----------
    again : Again, optional
        It keeps the model alive.
    missing : str
        Why there is none.
    """

    def __init__(self, again: Again | None = None, missing: str = NO_MODEL) -> None:
        self._again, self.missing = again, "" if again is not None else missing

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle why there is none: the model stays behind."""
        return {"_again": None, "missing": self.missing or NO_MODEL}

    def get(self) -> Again:
        """Return what runs the model again; raise ValueError with the reason if nothing does."""
        if self._again is None:
            raise ValueError(self.missing)
        return self._again

    def release(self) -> None:
        """Let go of the model."""
        if self._again is not None:
            self._again, self.missing = None, NO_MODEL
