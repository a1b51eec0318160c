"""A widget that may have a trait named `keys`."""

from __future__ import annotations

from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

from ipywidgets import Widget

from attnwidget.front_end import PackedWidget

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from traitlets import TraitType


class SyncedWidget(PackedWidget):
    """`PackedWidget` whose synced traits are found by their metadata.

    ipywidgets keeps their names in a trait of its own, `Widget.keys`. In attention, keys are what queries look at, and
    that is what a user of this widget means by the name. So the four methods of `Widget` that read its list are
    written here to do without.

    And its traits may be set on several threads: `_lock` is held while changes are held back, in which ipywidgets and
    traitlets count on one thread.
    """

    _lock = RLock()

    @contextmanager
    def hold_sync(self) -> Iterator[None]:
        """Send what changes at the end, as one message."""
        with self._lock, super().hold_sync():
            yield

    @contextmanager
    def hold_trait_notifications(self) -> Iterator[None]:
        """Check what changes at the end, and tell of it then, in one message."""
        with self.hold_sync(), super().hold_trait_notifications():
            yield

    def add_traits(self, **traits: TraitType[Any, Any]) -> None:
        """Add traits to this widget alone."""
        super(Widget, self).add_traits(**traits)
        for name, trait in traits.items():
            if trait.metadata.get("sync"):
                self.send_state(key=name)

    def get_state(self, key: str | Iterable[str] | None = None, drop_defaults: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """Return the synced traits, or those named, as they travel."""
        state: dict[str, Any] = super().get_state(self.traits(sync=True) if key is None else key, drop_defaults)
        return state

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take values from the browser. They are not echoed."""
        with self._lock_property(**sync_data), self.hold_trait_notifications():
            for name in self.traits(sync=True).keys() & sync_data.keys():
                from_json = self.trait_metadata(name, "from_json", self._trait_from_json)
                self.set_trait(name, from_json(sync_data[name], self))

    def notify_change(self, change: Any) -> None:
        """Tell the browser of a change, then the observers."""
        name = change["name"]
        live = self.comm is not None and getattr(self.comm, "kernel", True) is not None  # as in ipywidgets
        if live and self.trait_metadata(name, "sync") and self._should_send_property(name, getattr(self, name)):
            self.send_state(key=name)
        super(Widget, self).notify_change(change)
