"""A widget whose traits show what a session has, and set it: on any thread, and never another than the session's."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import asdict, replace
from traitlets import TraitError, observe, validate

from attnwidget.session import Session
from attnwidget.synced import SyncedWidget
from attnwidget.wire.schema import STATES, Selection, Stamp, Texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TEXTS = Texts.__struct_fields__
SELECTION = Selection.__struct_fields__
_SET_THERE = {"_view_count"}  # by ipywidgets' own front end


class SessionWidget(SyncedWidget):
    """Ties traits to a session: those of `Texts` and `Selection` both ways, those of the states one way.

    A subclass has a trait for each, and sets `_session` before anything else.
    """

    _session: Session
    _lock = Session.lock

    @staticmethod
    def _mirrored(texts: Texts | None, selection: Selection | None, states: Mapping[str, Any]) -> dict[str, Any]:
        """Return the traits that show parts of a session."""
        public = {name: getattr(one, name) for one in (texts, selection) if one for name in one.__struct_fields__}
        return public | {f"_{name}": {} if one is None else one.to_state() for name, one in states.items()}

    def _follow(self, changes: Mapping[str, Any]) -> None:
        """Show what has changed in the session."""
        states = {name: one for name, one in changes.items() if name in STATES}
        with self.hold_trait_notifications():  # what the session has is not checked again
            for name, value in self._mirrored(changes.get("texts"), changes.get("selection"), states).items():
                setattr(self, name, value)

    @validate(*TEXTS)
    def _run_texts(self, proposal: dict[str, Any]) -> str:
        """Run the model before the trait takes the text: on a failure both text and picture stay as they were."""
        name, text = proposal["trait"].name, proposal["value"]
        if text != getattr(self._session.texts, name):
            # One message may set several: then the others are here already, and one run is of all.
            chosen = self._moved()
            self._run(Texts(**{one: getattr(self, one) for one in TEXTS} | {name: text}))
            for one, value in chosen.items():  # likewise, and it is about the new text
                setattr(self, one, self._checked(one, value))
        return str(text)

    def _run(self, texts: Texts) -> None:
        try:
            self._session.run(texts)
        except Exception as error:
            raise TraitError(str(error)) from error

    def _chosen(self) -> Selection:
        return Selection(**{name: getattr(self, name) for name in SELECTION})

    @validate(*SELECTION)
    def _check(self, proposal: dict[str, Any]) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        return value if value == getattr(self._session.selection, name) else self._checked(name, value)

    def _checked(self, name: str, value: Any) -> Any:
        try:
            return self._session.checked(name, value, self._chosen())
        except (ValueError, TypeError, IndexError) as error:
            raise TraitError(str(error)) from error

    @observe(*SELECTION)
    def _select(self, _change: object = None) -> None:
        moved = self._moved()
        if moved:
            self._session.select(**moved)

    def _moved(self) -> dict[str, Any]:
        before = self._session.selection
        return {name: one for name, one in asdict(self._chosen()).items() if one != getattr(before, name)}

    @contextmanager
    def hold_trait_notifications(self) -> Iterator[None]:
        """Check what changes at the end, and tell of it then, in one message."""
        try:
            with super().hold_trait_notifications():
                yield
        except TraitError:  # every trait is as it was, but a new text may have been run
            with self._lock:
                session = self._session
                self._follow({"texts": session.texts, "selection": session.selection, **session.states})
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in {*TEXTS, *SELECTION}:
            super().__setattr__(name, value)
            return
        with self._lock:  # browsers set these on other threads
            if name in SELECTION or self._cross_validation_lock:
                super().__setattr__(name, value)
                return
        # Not under the lock, so that browsers are answered meanwhile: the traits follow when the run is over.
        texts = replace(self._session.texts, **{name: self.traits()[name].validate(self, value)})
        if texts != self._session.texts:
            self._run(texts)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take values from the browser; a wrong one is shown there, and the browser gets the right one back."""
        with self._lock:
            stamp = Stamp()
            try:
                stamp = msgspec.convert(sync_data.get("_stamp", {}), Stamp)
                known = self.traits(sync=True).keys() & sync_data.keys() - {*stamp.followed}
                # The others only the kernel sets: the states, the code, what ipywidgets and anywidget go by.
                meant = {name: sync_data[name] for name in known if not name.startswith("_") or name in _SET_THERE}
                if stamp.client:
                    if self._session.has_seen(stamp):
                        meant = {name: value for name, value in meant.items() if name not in SELECTION}
                    meant["_stamp"] = stamp.to_state()
                super().set_state(self._session.within(meant))
            except (TraitError, msgspec.ValidationError) as error:
                self._session.fail(error)
                self.send_state([name for name in sync_data if name in self.traits(sync=True)])
            if stamp.client:
                self.send(self._session.confirmed(stamp).to_state())
