"""Tables of results: as CSV for a spreadsheet, as HTML in a notebook, as a pandas DataFrame."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from attnwidget.head_id import HeadId
from attnwidget.tokens.labels import encodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_SHOWN = 20  # rows in a notebook
_HEADS = 10  # of the text form
# What a spreadsheet would take for a formula (OWASP, "CSV injection"), the full-width forms among it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
_SMALL = 1e-3  # below, powers of ten are shorter
_NUMBER = "text-align:right;font-variant-numeric:tabular-nums"


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    Attributes
    ----------
    columns : sequence of str, or of tuples of them
        The names; a tuple's parts stand together.
    rows : sequence of tuples
        Texts, numbers, truths, and None for what there is not.
    index : sequence of str, optional
        The rows' own names.
    caption : str
        What all of it is.
    """

    columns: Sequence[str | tuple[str, ...]]
    rows: Sequence[tuple[Any, ...]]
    index: Sequence[str] | None = None
    caption: str = ""

    def to_csv(self) -> str:
        """Write it with commas, quotes where they are needed, and lines that end in CR LF (RFC 4180).

        A text that a spreadsheet would take for a formula stands behind an apostrophe. Numbers have the nine digits
        that tell every float32; a cell is empty where there is no number.
        """
        out = io.StringIO()
        write = csv.writer(out).writerow
        write([*([""] if self.index else []), *map(_csv_cell, map(_name, self.columns))])
        for at, row in enumerate(self.rows):
            write([*([_csv_cell(self.index[at])] if self.index else []), *map(_csv_cell, row)])
        return out.getvalue()

    def to_html(self, shown: int = _SHOWN) -> str:
        """Write its first rows as an HTML table without colours of its own, and how many more there are."""
        heads = [*([""] if self.index else []), *map(_name, self.columns)]
        top = "".join(f'<th scope="col">{_html(name)}</th>' for name in heads)
        body = []
        for at, row in enumerate(self.rows[:shown]):
            first = f'<th scope="row">{_html(self.index[at])}</th>' if self.index else ""
            body.append(f"<tr>{first}{''.join(map(_html_cell, row))}</tr>")
        more = len(self.rows) - shown
        caption = (
            f'<caption style="text-align:start;white-space:nowrap">{_html(self.caption)}</caption>'
            if self.caption
            else ""
        )
        rest = f"<p>{more:,} more rows: <code>to_pandas()</code> has all.</p>" if more > 0 else ""
        return f"<table>{caption}<thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>{rest}"

    def to_pandas(self) -> Any:
        """Return it as a pandas DataFrame.

        Raises
        ------
        ImportError
            Without pandas.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_pandas needs pandas: pip install pandas") from error
        columns = {name: [row[at] for row in self.rows] for at, name in enumerate(self.columns)}
        return pd.DataFrame(columns, index=None if self.index is None else list(self.index))


class Tabular:
    """What can be had as a table: `to_table` makes it."""

    __slots__ = ()

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        raise NotImplementedError

    def to_pandas(self) -> Any:
        """Return it as a pandas DataFrame; raise ImportError without pandas."""
        return self.to_table().to_pandas()

    def _repr_html_(self) -> str:
        return self.to_table().to_html()


def _name(column: str | tuple[str, ...]) -> str:
    return column if isinstance(column, str) else " ".join(column)


def _csv_cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.9g}" if math.isfinite(value) else ""
        case str():
            text = encodable(value)
            return f"'{text}" if text.startswith(_FORMULA) else text
    return str(value)


def _html_cell(value: Any) -> str:
    if isinstance(value, str):
        return f'<td dir="auto" style="text-align:start">{_html(value)}</td>'
    if isinstance(value, float):
        text = "−∞" if value == -math.inf else "NaN" if math.isnan(value) else _brief(value)
    else:
        text = _csv_cell(value)
    return f'<td style="{_NUMBER}">{text}</td>'


def _brief(value: float) -> str:
    """Return four digits after the point, and no 0 for what is not."""
    return f"{value:.4f}" if value == 0 or abs(value) >= _SMALL else f"{value:.2e}"


def _html(text: str) -> str:
    return escape(encodable(text))


class HeadDivergences(Tabular):
    """Heads in their order, each with a divergence; a dataclass with `heads` and `values` (heads,) builds on it."""

    heads: list[str]
    values: Tensor

    @property
    def _about(self) -> str:
        """What the numbers are, as a caption."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.heads)

    def to_dict(self) -> dict[str, float | None]:
        """Return ``{"L4-H11": 0.08, …}`` in their order; NaN becomes None, so that JSON can hold it."""
        return {name: None if math.isnan(value) else value for name, value in self.to_numbers()}

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        rows = [(*HeadId.read(name), value) for name, value in self.to_numbers()]
        return Table(["layer", "head", "divergence"], rows, self.heads, self._about)

    def to_numbers(self) -> list[tuple[str, float]]:
        """Return pairs of a head's name and its number."""
        return list(zip(self.heads, self.values.tolist(), strict=True))

    def __repr__(self) -> str:
        lines = [self._about]
        lines += [f"  {name:8}{value:8.4f}" for name, value in self.to_numbers()[:_HEADS]]
        return "\n".join([*lines, *(["  …"] if len(self) > _HEADS else [])])
