"""`AttentionLab`: ties traits and messages to a `LabSession`, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict
from traitlets import Dict, Int, List, TraitError, Unicode, observe, validate

from attnwidget.front_end import LAB, LabFrontEnd
from attnwidget.lab.session import LabSession
from attnwidget.session import jobs
from attnwidget.synced import SyncedWidget
from attnwidget.wire import schema
from attnwidget.wire.schema import LAB_STATES, LabChoice
from attnwidget.wire.server import RequestServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from torch import Tensor
    from torch.nn import Module

    from attnwidget.trace import AttentionTrace
    from attnwidget.variants import Attended

CHOICE = LabChoice.__struct_fields__
_LIVE = {"sync": True, "echo_update": False}  # a browser holds the newest of what it set itself
_SHOWN = ("text", *CHOICE, *(f"_{name}" for name in LAB_STATES))
_SET_THERE = {"_view_count"}  # by ipywidgets' own front end
_LIVE_PICTURE = "To get the live picture: run the cell, or, if its state was saved, File → Trust Notebook."


class AttentionLab(SyncedWidget):
    """One sentence through variants of attention, side by side.

    From the real queries, keys and values of a layer, or from small weights whose numbers are on screen.

    Parameters
    ----------
    text : str
        A sentence: up to 64 tokens.
    model : str, path, or model, optional
        As of `AttentionWidget`; a model of one text. By default the bundled ``"demo/causal"``. With
        ``numbers="small"`` none is loaded.
    tokenizer : optional
        The model's, where its own cannot be found.
    **options
        First values of the traits below.

    Attributes
    ----------
    text : str
        Setting it runs the model. On a failure the old text and picture stay, and the exception is raised here.
    variants : list of str
        One to three names of `attnwidget.variants`, side by side: ``["additive", "flash"]``.
    chosen : str
        The one of them that is explained.
    numbers : str
        ``"model"``: q, k and v of `layer`; ``"small"``: small weights that nobody trained.
    layer, head : int
        Where the numbers come from.
    mask : str
        A mask's name for all variants, such as ``"causal+padding-left:2"``; empty for the model's own.
    options : dict
        What is set of each variant: ``{"sliding_window": {"window": 3}, "grouped_query": {"groups": 2}}``.
    length : int
        How many tokens the costs are of.
    depth : str
        ``"sentence"``, ``"paragraph"`` or ``"formula"``: how much is explained.

    Raises
    ------
    TypeError
        For an unknown keyword.
    ValueError, TraitError, OSError
        If the text is empty or too long, the model reads one text and says another, or a value is out of range.
    """

    _home = LabFrontEnd
    _esm = LAB.esm
    _lock = LabSession.lock

    text = Unicode().tag(**_LIVE)
    variants = List(Unicode()).tag(**_LIVE)
    chosen = Unicode().tag(**_LIVE)
    numbers = Unicode("model").tag(**_LIVE)
    layer = Int(0).tag(**_LIVE)
    head = Int(0).tag(**_LIVE)
    mask = Unicode().tag(**_LIVE)
    options = Dict().tag(**_LIVE)
    length = Int(1000).tag(**_LIVE)
    depth = Unicode("sentence").tag(**_LIVE)

    # The wire: `attnwidget.wire.schema` says what these hold.
    _board = Dict().tag(sync=True)
    _status = Dict().tag(sync=True)

    def __init__(
        self,
        text: str = "The animal didn't cross the road because it was too tired",
        model: str | PathLike[str] | Module | None = None,
        *,
        tokenizer: object = None,
        **options: Any,
    ) -> None:
        unknown = sorted(set(options) - set(CHOICE))
        if unknown:
            known = ", ".join(("text", "model", "tokenizer", *CHOICE))
            raise TypeError(f"unknown keyword {', '.join(map(repr, unknown))}; known: {known}")
        self._session = session = LabSession(tokenizer=tokenizer, **options)
        super().__init__(**asdict(session.choice), _status=schema.Status(state="loading").to_state())
        session.listener = self._follow
        self._server = RequestServer(
            {
                schema.Hello: lambda *_: schema.Wired(),
                schema.Resend: lambda *_: self.send_state([*_SHOWN]),
                schema.AskCode: lambda *_: (schema.Wired(), LAB.packed),
                schema.Run: lambda ask, _: session.start(ask.text),
                schema.ChooseInLab: lambda ask, _: self._take(ask.choice),
                schema.Stop: lambda *_: session.stop(),
            },
            lambda reply, buffers: jobs.bring_home(lambda: self.send(reply, buffers)),
            start=jobs.in_background,
        )
        self.on_msg(lambda _widget, content, _buffers: self._server.receive(content))
        try:
            session.open(text, model)
        except BaseException:  # nothing is left behind, in no browser either
            self.layout.close()
            self.close()
            raise

    # -- traits and session -------------------------------------------------------------------------------------

    def _follow(self, changes: Mapping[str, Any]) -> None:
        """Show what has changed in the session."""
        choice = changes.get("choice")
        shown = {} if choice is None else asdict(choice)
        shown |= {f"_{name}": changes[name].to_state() for name in LAB_STATES.keys() & changes.keys()}
        if "text" in changes:
            shown["text"] = changes["text"]
        with self.hold_trait_notifications():
            for name, value in shown.items():
                setattr(self, name, value)

    @validate("text")
    def _run_text(self, proposal: dict[str, Any]) -> str:
        """Run the model before the trait takes the text: on a failure both text and picture stay as they were."""
        text: str = proposal["value"]
        if text != self._session.text:
            try:
                self._session.run(text)
            except Exception as error:
                raise TraitError(str(error)) from error
        return text

    @validate(*CHOICE)
    def _check(self, proposal: dict[str, Any]) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if value == getattr(self._session.choice, name):
            return value
        beside = {one: getattr(self, one) for one in CHOICE} | {name: value}
        try:
            return self._session.checked(name, value, LabChoice(**beside))
        except (ValueError, TypeError, IndexError) as error:
            raise TraitError(str(error)) from error

    @observe(*CHOICE)
    def _choose(self, _change: object = None) -> None:
        before = self._session.choice
        moved = {name: getattr(self, name) for name in CHOICE if getattr(self, name) != getattr(before, name)}
        if moved:
            try:
                self._session.choose(**moved)
            except Exception as error:
                self._follow({"choice": before})
                raise TraitError(str(error)) from error

    def _take(self, choice: Mapping[str, Any]) -> None:
        """Look at what a reader chose; a wrong value is told there."""
        try:
            self._session.choose(**{name: value for name, value in choice.items() if name in CHOICE})
        except Exception as error:
            self._session.fail(error)
            raise

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take values from the browser: of a trait that is linked there, as a reader chooses by a request.

        A wrong one is told there, and the browser gets the right one back.
        """
        with self._lock:
            meant = {name: value for name, value in sync_data.items() if name in CHOICE or name in _SET_THERE}
            try:
                super().set_state(meant)
            except TraitError as error:
                self._session.fail(error)
                self.send_state([name for name in meant if name in CHOICE])

    # -- what Python reads --------------------------------------------------------------------------------------

    @property
    def trace(self) -> AttentionTrace | None:
        """The model on this text; None where small numbers need none. Waits for a model that is still loading."""
        self._session.settle()
        return self._session.trace

    @property
    def tokens(self) -> list[str]:
        """The tokens on both sides."""
        return list(self._session.settle().inputs.queries)

    def result(self, name: str | None = None) -> Attended:
        """Compute a variant as it is on screen, all heads.

        Parameters
        ----------
        name : str, optional
            Any variant's; by default `chosen`.

        Returns
        -------
        Attended
            What `attnwidget.variants` gives for the layer's q, k and v, the mask and the options at hand.
        """
        return self._session.result(name)

    def weights(self, name: str | None = None) -> Tensor:
        """Return the weights of a variant as they are drawn: (n, n) of `head`, −∞ where the mask forbids a pair."""
        return self._session.drawn(name)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Add a text for readers without the widget: a notebook opened elsewhere, a terminal."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "text/plain": f"{self!r}\n{_LIVE_PICTURE}"}, metadata

    def __repr__(self) -> str:
        return self._session.in_words("AttentionLab")

    def _get_embed_state(self, drop_defaults: bool = False) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002
        # embed_minimal_html drops traits that hold their default, the front end's own module among them
        state: dict[str, Any] = super()._get_embed_state(drop_defaults=False)
        return state

    def close(self) -> None:
        """Leave the page; what runs in the background stops."""
        if hasattr(self, "_session"):
            self._session.close()
        super().close()
