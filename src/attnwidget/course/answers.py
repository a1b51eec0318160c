"""What a reader answered in a lesson: a table to look at, or to hand in. It leaves the machine by nobody's doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.replacing import replacing
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from attnwidget.asking import Question
    from attnwidget.course.parts import Exercise

_COLUMNS = ("question", "answer", "state", "tries", "hint", "shown")


class Answers(Tabular):
    """A row for each question of a lesson: what was asked, what was answered last, in words, and how it went.

    Parameters
    ----------
    title : str
        The lesson's.
    rows : sequence of (Exercise, Question or None)
        None where the widget has not asked it yet.
    """

    def __init__(self, title: str, rows: Sequence[tuple[Exercise, Question | None]]) -> None:
        self.title = title
        self.rows = tuple(rows)

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        rows = [
            (exercise.text.replace("*", ""), *(("", "not asked", 0, False, False) if asked is None else asked.row))
            for exercise, asked in self.rows
        ]
        right = sum(asked is not None and asked.right for _, asked in self.rows)
        return Table(_COLUMNS, rows, caption=f"{self.title}: {right} of {len(rows)} answered")

    def save_csv(self, path: str | PathLike[str]) -> None:
        """Write it as a table for a spreadsheet (CSV, UTF-8 with a byte order mark); a file there is replaced."""
        with replacing(path) as part:
            part.write_bytes(self.to_table().to_csv().encode("utf-8-sig"))

    def __repr__(self) -> str:
        table = self.to_table()
        lines = (f"{row[0]} · {row[1] or '–'} · {row[2]}" for row in table.rows)
        return "\n".join([table.caption, *lines])
