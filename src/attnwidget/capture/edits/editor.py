"""What edits do to the heads of each layer, for every row of a batch of copies of one text."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from attnwidget.capture.edits.links import Link, change, forbidding
from attnwidget.capture.recorder import Recorder
from attnwidget.effects.edits import HeadOff, Taken, ValueIn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from torch import Tensor, nn

    from attnwidget.effects.edits import Edit
    from attnwidget.maths import QKVLayer

    Place = tuple[str, int]  # an attention, and the number of a layer
    # of other texts' passes, or of this one's (None), at each place what the heads gave, (batch, n, heads, d_v), and
    # their values, (batch, key heads, m, d_v)
    Sources = Mapping[object, "Kept"]


class Kept:
    """What was seen at some places of a pass.

    Parameters
    ----------
    at : collection of places, optional
        Where to keep it; None: everywhere.
    with_gradient : bool
        Whether the outputs are to be differentiated by.
    """

    def __init__(self, at: Collection[Place] | None, *, with_gradient: bool = False) -> None:
        self._at, self._with_gradient = at, with_gradient
        self.outputs: dict[Place, Tensor] = {}  # (batch, n, heads, d_v)
        self.values: dict[Place, Tensor] = {}  # (batch, key heads, m, d_v)

    def add(self, place: Place, output: Tensor, value: Tensor | None) -> Tensor:
        """Keep what a layer's heads gave and took, and return the output to go on with."""
        if self._at is not None and place not in self._at:
            return output
        if self._with_gradient and not output.requires_grad:
            output = output.detach().requires_grad_()
        self.outputs[place] = output if self._with_gradient else output.detach()
        if value is not None:
            self.values[place] = value.detach()
        return output


class Editor:
    """Changes the heads of a pass, layer by layer in the order in which they are computed.

    Parameters
    ----------
    rows : sequence of sequences of edits
        Of each copy of the text in the batch its edits.
    name_of : function, optional
        Of which attention a module is.
    sources : mapping, optional
        Where the values of `Taken` are: of passes of the same batch.
    kept : Kept, optional
        What is to be remembered of the heads, before any edit.
    """

    def __init__(
        self,
        rows: Sequence[Sequence[Edit]],
        name_of: Callable[[nn.Module], str] | None = None,
        *,
        sources: Sources | None = None,
        kept: Kept | None = None,
    ) -> None:
        self.rows, self._name_of = rows, name_of
        self._sources, self._kept = sources or {}, kept
        self.done: Counter[str] = Counter()  # layers of each attention
        self.reader = Recorder()  # of masks and biases
        self._firsts: dict[int, tuple[Tensor, Tensor]] = {}  # the wholes are kept alive, so that their ids stay theirs

    def first(self, whole: Tensor | None) -> Tensor | None:
        """Return the first row of a mask or a bias, (1, 1 or heads, n, m): the same tensor each time."""
        if whole is None or len(whole) == 1:
            return whole
        return self._firsts.setdefault(id(whole), (whole, whole[:1]))[1]

    def place(self, module: nn.Module) -> Place:
        """Say which layer of which attention comes now; it counts on."""
        assert self._name_of is not None  # noqa: S101 - only of models that name their attentions
        return self.next(self._name_of(module))

    def next(self, name: str) -> Place:
        """Return the next layer of an attention."""
        self.done[name] += 1
        return name, self.done[name] - 1

    def edit_heads(self, place: Place, output: Tensor, value: Tensor | None = None) -> Tensor:
        """Replace what heads have computed, (batch, n, heads, d_v)."""
        if self._kept is not None:
            output = self._kept.add(place, output, value)
        result = output
        for row, edits in enumerate(self.rows):
            for one in edits:
                if isinstance(one, HeadOff) and (one.attention, one.layer) == place:
                    result = output.clone() if result is output else result
                    queries = slice(None) if one.queries is None else list(one.queries)
                    value = value_of(one, self._sources, row)
                    result[row, queries, one.head] = 0.0 if value is None else value.to(output)
        return result

    def edit_links(self, place: Place, output: Tensor, read: Callable[[int], QKVLayer]) -> Tensor:
        """Change what heads have computed, (batch, n, heads, d_v), by what cut links and other values make of it.

        `read` gives a row's queries, keys and values.
        """
        result = output
        for row, edits in enumerate(self.rows):
            links = self._links(place, edits, row)
            if links:
                result = output.clone() if result is output else result
                for at, difference in change(read(row), links):  # (heads, queries), (queries, heads, d_v)
                    result[row][at] = (result[row][at].to(difference) + difference).to(output)
        return result

    def forbid(self, place: Place, layer: QKVLayer) -> QKVLayer:
        """Return a layer of which the links that are cut in the first row are forbidden."""
        links = self._links(place, self.rows[0], 0)
        if not links:
            return layer
        return replace(layer, mask=forbidding(layer, links), known_lse=None)

    def _links(self, place: Place, edits: Sequence[Edit], row: int) -> list[Link]:
        name, number = place
        return [
            Link(one, value_of(one, self._sources, row) if isinstance(one, ValueIn) else None)
            for one in edits
            if not isinstance(one, HeadOff) and one.attention == name and one.layer in {None, number}
        ]


def value_of(one: HeadOff | ValueIn, sources: Sources, row: int = 0) -> Tensor | None:
    """Return what is put in the place of a head's output, (queries, d_v) or (d_v,), or of its values; None: zeros.

    Values that are taken from a pass are (key heads, keys, d_v).
    """
    if not isinstance(one.value, Taken):
        return one.value
    kept, place = sources[one.value.again], (one.attention, one.layer)
    if isinstance(one, ValueIn):
        values = kept.values[place][row]  # (key heads, m, d_v)
        return (values.mean(1, keepdim=True).expand_as(values) if one.value.mean else values)[:, list(one.keys)]
    output = kept.outputs[place][row, :, one.head]  # (n, d_v)
    if one.value.mean:
        return output.mean(0)
    return output if one.queries is None else output[list(one.queries)]


def places_of(edits: Sequence[Edit], places: Collection[Place]) -> list[Place]:
    """List where edits change something; a layer of None is every one."""
    named = {(one.attention, one.layer) for one in edits}
    return [(name, layer) for name, layer in places if {(name, layer), (name, None)} & named]
