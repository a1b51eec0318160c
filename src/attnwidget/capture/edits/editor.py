"""What edits do to the heads of each layer, for every row of a batch of copies of one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.effects.edits import HeadOff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from attnwidget.effects.edits import Edit

    Place = tuple[str, int]  # an attention, and the number of a layer


class Editor:
    """Changes the heads of a pass.

    Parameters
    ----------
    rows : sequence of sequences of edits
        Of each copy of the text in the batch its edits.
    """

    def __init__(self, rows: Sequence[Sequence[Edit]]) -> None:
        self.rows = rows

    def edit_output(self, place: Place, output: Tensor) -> Tensor:
        """Replace what heads have computed, (batch, n, heads, d_v)."""
        result = output
        for row, edits in enumerate(self.rows):
            for one in edits:
                if isinstance(one, HeadOff) and (one.attention, one.layer) == place:
                    if result is output:
                        result = output.clone()
                    result[row, :, one.head] = 0 if one.value is None else one.value.to(output)  # (n, d_v)
        return result
