"""Several texts in one pass: of every attention each text's own part, without the padding behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor, nn

    from attnwidget.capture.recorder import Recorder


class Row(NamedTuple):
    """One text's part of an attention."""

    number: int
    recorder: Recorder
    operands: tuple[Tensor, Tensor, Tensor]  # (1, heads, n, d_k), (1, key heads, m, d_k), (1, key heads, m, d_v)
    mask: Tensor | None  # (1, 1 or heads, n or 1, m)
    bias: Tensor | None  # (1, heads, n, m)


class Rows:
    """What records a pass over several texts that are padded at their ends, each by a recorder of its own.

    Parameters
    ----------
    recorders : sequence of Recorder
        One for each text.
    sizes : sequence of mapping
        Of each text, by the names of attentions, how many queries and keys it has.
    name_of : function
        Of which attention a module is.
    """

    def __init__(
        self,
        recorders: Sequence[Recorder],
        sizes: Sequence[Mapping[str, tuple[int, int]]],
        name_of: Callable[[nn.Module], str],
    ) -> None:
        self.recorders, self._sizes, self._name_of = recorders, sizes, name_of
        # Layers share masks and biases: so do their parts. The wholes are kept alive, so that their ids stay theirs.
        self._parts: dict[tuple[int, int, int, int], tuple[Tensor, Tensor]] = {}

    def of(
        self, module: nn.Module, operands: tuple[Tensor, Tensor, Tensor], mask: Tensor | None, bias: Tensor | None
    ) -> Iterator[Row]:
        """Cut an attention's operands into each text's, (batch, heads, n, d)."""
        query, key, value = operands
        for row, (recorder, sizes) in enumerate(zip(self.recorders, self._sizes, strict=True)):
            n, m = sizes[self._name_of(module)]
            own = (query[row, None, :, :n], key[row, None, :, :m], value[row, None, :, :m])
            yield Row(row, recorder, own, self._part(mask, row, n, m), self._part(bias, row, n, m))

    def _part(self, whole: Tensor | None, row: int, n: int, m: int) -> Tensor | None:
        if whole is None:
            return None
        key = id(whole), row, n, m
        if key not in self._parts:
            self._parts[key] = whole, whole[row if len(whole) > 1 else 0, None, :, :n, :m]  # (1, 1 or heads, n, m)
        return self._parts[key][1]
