"""What must be drawn without a kernel: the heads on screen, kept in the state as the selection moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attnwidget import measures
from attnwidget.session.feeds.base import Feed
from attnwidget.wire import tiles
from attnwidget.wire.schema import VIEWS, Snapshot

if TYPE_CHECKING:
    from attnwidget.session.feeds.base import Shown


class SnapshotFeed(Feed):
    """Keeps in the saved state what the view shows now."""

    _last: Snapshot | None = None

    def forget(self) -> None:
        """Drop what is known."""
        super().forget()
        self._last = None

    def follow(self, shown: Shown) -> None:
        """Send the heads that the state does not hold yet, with the others of their layer if the text is short."""
        run, trace, selection, *_ = shown
        wanted = selection.heads if VIEWS[selection.view] == "tiles" else []  # what nobody sees is not sent
        last = self._last
        about: dict[str, Any] = {"run": run, "measure": selection.measure, "words": selection.words}
        if (
            last is not None
            and about == {name: getattr(last, name) for name in about}
            and {*selection.heads} <= {*last.heads}
        ):
            return
        if "output" in measures.get(selection.measure).needs and not trace.knows_projections:
            self._last = Snapshot(heads=[], **about)  # the model would run here: the browser asks, off this thread
        else:
            self._last = tiles.snapshot(trace, selection, run, wanted)
        self._tell(self._last)
