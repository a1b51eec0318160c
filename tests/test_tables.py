"""Tables: what a spreadsheet, a notebook and pandas get to see."""

from __future__ import annotations

import csv
import io
import math
import sys

import pytest

import attnwidget
import tiny
from attnwidget.tables import Table

ODD = [
    "=1+1",
    "+1",
    "-",
    "@SUM(A1)",
    "\t=1",
    "\r",
    "\uff1d1",
    'say "no"',
    "a,b",
    "two\nlines",
    "<b>&",
    "猫",
    "שלום",
    "👩‍🚀",
]


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_no_text_is_a_formula_and_all_else_comes_back() -> None:
    found = read(Table(["text"], [(one,) for one in ODD]).to_csv())[1:]
    for (cell,), text in zip(found, ODD, strict=True):
        assert cell[0] not in "=+-@\t\r\n\uff1d"
        assert cell.removeprefix("'") == text


def test_numbers_are_not_guarded_and_keep_their_digits() -> None:
    cells = read(Table(["n"], [(-0.1234567890123,), (-3,), (True,), (None,), (math.nan,), (-math.inf,)]).to_csv())
    assert [cell for (cell,) in cells[1:] if cell] == ["-0.123456789", "-3", "yes"]


def test_column_names_and_row_names_are_guarded_too() -> None:
    found = read(Table(["=cmd"], [(1,)], ["@x"]).to_csv())
    assert found == [["", "'=cmd"], ["'@x", "1"]]


def test_html_is_text_however_hostile_and_says_how_many_more() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    html = Table([hostile], [(hostile,)] * 30, [hostile] * 30, hostile).to_html()
    assert "<img" not in html
    assert html.count("<tr>") == 21
    assert "10 more rows" in html
    assert "color" not in html  # the notebook's own, in any theme
    assert "−∞" in Table(["n"], [(-math.inf,)]).to_html()


@pytest.fixture(scope="module")
def trace():
    return attnwidget.capture(tiny.gpt2(), tiny.TEXT, tokenizer=tiny.tokenizer())


def tables(trace):
    yield trace.rank(3)
    yield attnwidget.categorize(trace)
    yield attnwidget.similar_heads(trace, "L1-H2")
    yield trace.breakdown(1, 2, 5)
    yield attnwidget.AttentionWidget.examples()


def test_every_public_table_has_all_forms(trace) -> None:
    pytest.importorskip("pandas")
    for one in tables(trace):
        frame, html = one.to_pandas(), one._repr_html_()
        assert len(frame) == len(one.to_table().rows)
        assert html.startswith("<table>")
        assert all(str(name) in html.replace("&lt;", "<") for name in frame.columns if isinstance(name, str))


def test_a_breakdown_is_a_row_a_key(trace) -> None:
    pytest.importorskip("pandas")
    steps = trace.breakdown(1, 2, 5)
    frame = steps.to_pandas()
    assert frame["weight"].tolist() == steps.weights.tolist()
    assert frame["score"][6] == -math.inf
    assert not frame["allowed"][6]


def test_without_pandas_it_says_what_to_install(trace, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    for one in tables(trace):
        with pytest.raises(ImportError, match="pip install pandas"):
            one.to_pandas()
