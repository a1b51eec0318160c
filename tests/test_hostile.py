"""Texts, tokens and names stay text in every file that is written."""

import csv as csv_reader
import io
import re
from xml.etree import ElementTree as ET

import pytest
import torch
from bs4 import BeautifulSoup

import attnwidget
from attnwidget.export import numbers
from attnwidget.export.figure import figure_of
from attnwidget.export.notebook import page_of_notebook
from attnwidget.export.page import page
from attnwidget.session import Session
from attnwidget.wire.schema import Texts
from hostile import CLASSICS, hostile
from saved_notebooks import VIEW, notebook_of

COUNT, BATCH = 5000, 125
IN_A_FIGURE = 20  # tokens; of more a figure shows a part
STRINGS = hostile(COUNT)


def batches(size: int) -> list[list[str]]:
    return [STRINGS[at : at + size] for at in range(0, COUNT, size)]


DRAWN = {"svg", "g", "path", "text", "tspan", "rect", "line", "title", "desc", "defs", "circle", "style", "metadata"}
DRAWN |= {"linearGradient", "stop", "clipPath", "polygon", "polyline", "image", "use"}
TABLE = {"table", "thead", "tbody", "tr", "th", "td", "caption", "p", "div", "style", "span"}


def session(tokens: list[str]) -> Session:
    weights = torch.eye(len(tokens)).flip(1)[None, None]  # (1, heads, queries, keys)
    trace = attnwidget.AttentionTrace.from_attentions([weights], tokens, model_name=tokens[0])
    made = Session(options={"queries": [0]})  # a row of numbers, not a whole matrix
    made.open(trace, Texts(), None)
    return made


def no_code(names: set[str], attributes: list[tuple[str, str]], allowed: set[str]) -> None:
    assert names <= allowed, names - allowed
    for name, value in attributes:
        assert not name.lower().startswith("on"), (name, value)
        if name.lower().endswith(("href", "src")):
            assert value.startswith(("#", "data:image/")), (name, value)


def check_svg(made: Session) -> None:
    tree = ET.fromstring(figure_of(made).svg)
    nodes = list(tree.iter())
    plain = [node.tag.rpartition("}")[2] for node in nodes]
    no_code(set(plain), [pair for node in nodes for pair in node.attrib.items()], DRAWN)
    styles = "".join(node.text or "" for node, name in zip(nodes, plain, strict=True) if name == "style")
    assert "evil.test" not in styles


def check_csv(made: Session) -> None:
    rows = list(csv_reader.reader(io.StringIO(numbers.csv(made))))
    assert len({len(row) for row in rows}) == 1
    for cell in (cell for row in rows for cell in row):
        assert not re.match(r"\s*[=@]|[-+](?!\d|inf|$)", cell), cell  # a sheet would compute it


def check_table(made: Session) -> None:
    soup = BeautifulSoup(numbers.table(made).to_html(10**6), "html.parser")
    found = soup.select("*")
    no_code({one.name for one in found}, [pair for one in found for pair in one.attrs.items()], TABLE)


def check_page(made: Session) -> None:
    soup = BeautifulSoup(page(made), "html.parser")
    usual = BeautifulSoup(page(session(["a"] * BATCH)), "html.parser")
    assert [one.name for one in soup.select("*")] == [one.name for one in usual.select("*")]
    for mine, theirs in zip(soup.select("*"), usual.select("*"), strict=True):
        assert mine.attrs.keys() == theirs.attrs.keys()


@pytest.mark.parametrize(
    ("check", "size"), [(check_svg, IN_A_FIGURE), (check_csv, BATCH), (check_table, BATCH), (check_page, BATCH)]
)
def test_every_string_stays_text(check, size):
    for tokens in batches(size):
        check(session(tokens))


def test_pictures_and_documents_carry_no_code():
    for tokens in batches(IN_A_FIGURE)[:5]:
        figure = figure_of(session(tokens))
        assert figure.png().startswith(b"\x89PNG")
        document = figure.pdf()
        for name in (b"/JavaScript", b"/JS ", b"/Launch", b"/URI", b"/OpenAction", b"/EmbeddedFile"):
            assert name not in document


def test_notebook_pages():
    widget = attnwidget.AttentionWidget(session(STRINGS[:BATCH]).trace)
    output = {"text/plain": "\n".join(STRINGS)}
    soup = BeautifulSoup(page_of_notebook(notebook_of(widget, output), title=CLASSICS[0]), "html.parser")
    usual = BeautifulSoup(page_of_notebook(notebook_of(widget, {"text/plain": "x"}), title="x"), "html.parser")
    kinds = [[one.name for one in made.select("*") if one.name != "span"] for made in (soup, usual)]
    assert kinds[0] == kinds[1]
    assert soup.find("script", type=VIEW)
