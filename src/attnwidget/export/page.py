"""A page: one file with the widget in it, and the numbers that it computes its answers from. It needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import asdict

from attnwidget.export import page_states as states
from attnwidget.export.carried import (
    Carried,
    Errors,
    Precision,
    carry,
    carry_ways,
    carry_weights,
    errors,
    numbers_of,
    weights_bytes,
)
from attnwidget.export.norms import write_norms
from attnwidget.export.page_file import Contents, frame_of, html_of
from attnwidget.export.quantise import pack
from attnwidget.export.shared import Shared
from attnwidget.head_id import HeadId
from attnwidget.maths import LeftOut
from attnwidget.replacing import replacing
from attnwidget.session import Session
from attnwidget.trace import AttentionTrace
from attnwidget.wire.schema import VIEWS, Status, Texts
from attnwidget.wire.steps import pipeline

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    Alive = Callable[[int, int], None]

WEIGHTS_LIMIT = 32 << 20  # bytes of weights that are carried as they are
_LEFT_OUT = "is not on this page: its weights would take too much room; save it with other heads= or layers="


def page(session: Session, **options: Any) -> bytes:
    """Write what a session shows, and all that can be looked at without a model, as one HTML file.

    Parameters
    ----------
    session : Session
        With a trace.
    **options
        As of `contents`.

    Returns
    -------
    bytes
        UTF-16, with the mark that says so.
    """
    return html_of(contents(session, **options))


def frame(session: Session, **options: Any) -> str:
    """Write the same as a frame for a larger page, such as a notebook's output, in ASCII; options as of `contents`."""
    return frame_of(contents(session, **options))


def contents(
    session: Session,
    *,
    heads: Any = None,
    layers: int | Sequence[int] | None = None,
    values: bool = True,
    alive: Alive = lambda *_: None,
) -> Contents:
    """Gather what a page carries.

    Parameters
    ----------
    session : Session
        With a trace.
    heads : list of (layer, head), optional
        Which heads the page carries, beside those of `layers`: ``"L4-H11"`` is understood too. All by default.
    layers : int or sequence of int, optional
        Of which layers it carries all heads.
    values : bool
        Whether it carries values, for the breakdown. Without them it is smaller.
    alive : function
        Called between pieces of work with how many are done of how many; what it raises stops the work.

    Raises
    ------
    ValueError, IndexError, TypeError
        If there is no such head or layer.
    """
    trace = session.settled()
    with session.lock:  # they belong together
        selection, texts = session.selection, session.texts
        known = states.Known.of(session)
    wanted = {name: choose(trace, name, heads, layers) for name in trace.attentions}
    if not any(wanted.values()):
        raise ValueError("heads, layers: the trace has none of these, so there would be nothing to see on the page")
    posed = session.questions.state().to_state()
    answers = [one["show"] or {} for one in posed["questions"]]  # they are drawn, too
    ways = "contribution" in {one.get("measure") for one in (asdict(selection), *answers)}
    packing = _Packing(trace, wanted, values=values, ways=ways, alive=alive)
    written = {name: packing.attention(name, those, selection.layer) for name, those in wanted.items() if those}
    written = {name: those for name, those in written.items() if those}
    bound, predicted = states.bound(packing.worst), states.predicted(trace, alive)
    there = {name: {one["number"]: one["heads"] for one in those} for name, those in written.items()}
    data = {
        "texts": asdict(texts),
        "selection": asdict(selection) | states.opening(selection, there),
        "status": Status(state="ready").to_state(),
        "posed": posed,
        "steps": [name for name, drawn_from in VIEWS.items() if drawn_from == "steps"],
        "attentions": {
            name: {
                "run": run,
                "layers": layers_of,
                "outline": states.outline(
                    session.outline(name),
                    layers_of,
                    predicted,
                    run=run,
                    page=bound,
                    nbytes=sum(map(len, packing.blocks)),
                    notices=packing.notices,
                ).to_state(),
                "pictures": known.pictures(trace, name, run).to_state(),
                "categories": known.categories(trace, name, run).to_state(),
                "effects": known.effects(name, run),
            }
            for run, (name, layers_of) in enumerate(written.items(), 1)
        },
        "masks": packing.shared.masks,
        "biases": packing.shared.biases,
        "next": predicted.tokens,
        "errors": packing.worst._asdict(),
        "values": values,
    }
    return Contents(data, packing.blocks, texts.text or " ".join(trace.tokens))


def save_html(source: Session | AttentionTrace, path: str | os.PathLike[str], **options: Any) -> None:
    """Save a trace as a page of its own: one file that opens from disk, without a kernel or a network.

    Parameters
    ----------
    source : AttentionTrace
        What is shown; of a widget, `AttentionWidget.save_html` shows what is on screen.
    path : str or path
        Where to. A file that stands there stays as it is until the new one is whole.
    **options
        `heads`, `layers` and `values`, as of `AttentionWidget.save_html`.

    Raises
    ------
    IndexError, ValueError
        If there is no such head or layer.
    OSError
        If the file cannot be written.
    """
    session = source if isinstance(source, Session) else Session()
    if isinstance(source, AttentionTrace):
        session.open(source, Texts(), None)
    made = page(session, **options)
    with replacing(path) as part:
        part.write_bytes(made)


class _Written(NamedTuple):
    """A layer's numbers in the file, and how far they are off."""

    carried: Carried
    off: Errors


class _Packing:
    """Packs layer by layer.

    Attributes
    ----------
    blocks : list of bytes
        The layers' numbers, packed.
    shared : Shared
        What several have in common.
    worst : Errors
        The largest differences so far.
    notices : list of str
        What had to be left out.
    """

    def __init__(
        self, trace: AttentionTrace, wanted: dict[str, dict[int, list[int]]], *, values: bool, ways: bool, alive: Alive
    ) -> None:
        self.blocks: list[bytes] = []
        self.shared = Shared()
        self.worst = Errors()
        self.notices: list[str] = []
        self._trace, self._values, self._has_ways = trace, values, ways
        self._alive, self._done, self._total = alive, 0, sum(map(len, wanted.values()))
        tokens = max(len(side.text) for name in wanted for side in trace.sides(name))
        numbers = sum(
            numbers_of(trace.layer(layer, attention=name), heads)
            for name, those in wanted.items()
            for layer, heads in those.items()
        )
        self._precision = Precision.of(tokens, numbers)
        self._room = WEIGHTS_LIMIT

    def attention(self, name: str, heads: dict[int, list[int]], first: int) -> list[dict[str, Any]]:
        """Pack the layers of an attention, the one on screen first; return what the page has to know of each."""
        found = {}
        for layer in sorted(heads, key=lambda one: (one != first, one)):
            self._alive(self._done, self._total)
            self._done += 1
            written = self._layer(name, layer, heads[layer])
            if written is None:
                self.notices.append(f"layer {layer} {_LEFT_OUT}")
                continue
            self.worst = self.worst.worse(written.off)
            norms = self._norms(name, layer, heads[layer], written.carried)
            ways = b""
            if self._has_ways:
                ways, off = carry_ways(self._trace, name, layer, heads[layer], written.carried, self._precision)
                self.worst = self.worst.worse(Errors(contributions=off))
            where = pipeline(self._trace, name, layer, run=self._values).to_state()
            about = {
                "pipeline": where,
                "number": layer,
                "block": len(self.blocks),
                "norms": bool(norms),
                "ways": bool(ways),
            }
            found[layer] = written.carried.about | about
            self.blocks.append(pack(written.carried.raw + norms + ways))
        return [found[layer] for layer in sorted(found)]

    def _layer(self, attention: str, number: int, heads: list[int]) -> _Written | None:
        layer = self._trace.layer(number, attention=attention)
        assert not isinstance(layer, LeftOut)  # noqa: S101 - those were not chosen
        carried = carry(layer, heads, self.shared, self._precision, values=self._values)
        if carried is None:
            self._room -= weights_bytes(layer, heads)
            if self._room < 0:
                return None
            carried = carry_weights(self._trace, attention, number, heads, self.shared)
        return _Written(carried, errors(self._trace, attention, number, heads, carried))

    def _norms(self, attention: str, layer: int, heads: list[int], carried: Carried) -> bytes:
        """Write what the measure "norms" needs, if it can be had: the model may run once more for it."""
        if not self._values or carried.about["kind"] == "weights":
            return b""
        if self._trace.lacks("norms", attention, layer=layer):
            return b""
        try:
            norms = self._trace.value_norms(layer, attention=attention)  # (all heads, keys)
        except ValueError:  # the model could not be run again
            return b""
        return write_norms(norms[heads].float().cpu())


def choose(
    trace: AttentionTrace, attention: str, heads: Any, layers: int | Sequence[int] | None
) -> dict[int, list[int]]:
    """Choose which heads of an attention a page carries, by layer.

    Raises
    ------
    IndexError
        If there is no such head or layer, in any attention.
    ValueError, TypeError
        If something names no head.
    """
    kept, count = trace.kept(attention), trace.n_heads(attention)
    if heads is None and layers is None:
        return {layer: list(range(count)) for layer in kept}
    whole = [layers] if isinstance(layers, int) else list(layers or ())
    single = [] if heads is None else HeadId.read_all(heads)
    most = [max(of(name) for name in trace.attentions) for of in (trace.n_layers, trace.n_heads)]
    for what, number, limit in (
        *(("layer", layer, most[0]) for layer in (*whole, *(one.layer for one in single))),
        *(("head", one.head, most[1]) for one in single),
    ):
        if not 0 <= number < limit:
            raise IndexError(f"{what} {number} is out of range: 0 to {limit - 1}")
    found = {
        layer: sorted({one.head for one in single if one.layer == layer and one.head < count})
        if layer not in whole
        else list(range(count))
        for layer in kept
    }
    return {layer: some for layer, some in found.items() if some}
