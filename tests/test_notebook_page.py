"""A notebook as one page: what is in it, and what is said of what is not."""

import builtins
import json

import ipywidgets
import nbformat
import pytest
from bs4 import BeautifulSoup

from attnwidget import AttentionWidget
from attnwidget.export.notebook import page_of_notebook
from saved_notebooks import STATE, VIEW, notebook_of

TEXT = "The cat sat on the mat"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="


def parsed(notebook, **options):
    return BeautifulSoup(page_of_notebook(notebook, **options), "html.parser")


def foot(page):
    footer = page.find("footer")
    return footer.get_text(" ", strip=True) if footer else ""


@pytest.fixture(scope="module")
def widget():
    return AttentionWidget(TEXT, probe=False)


def test_the_page_asks_for_nothing(widget):
    page = parsed(notebook_of("# Title", widget))
    policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert not page.find_all(["link", "iframe", "object", "embed"])
    assert not [one for one in page.find_all(["script", "img"]) if "//" in one.get("src", "")]
    assert page.find("script", type=VIEW)
    assert page.find("script", type=STATE)
    assert "1 widget of this page is drawn from the saved notebook, without a kernel" in foot(page)


def test_without_state_the_picture_stands_in_and_the_page_says_so(widget):
    shown = notebook_of(widget, state=False)
    shown.cells[0].outputs[0].data["image/png"] = PNG
    page = parsed(shown)
    assert page.find("img")["src"].startswith("data:image/png")
    assert "Of 1 widget the notebook holds no state" in foot(page)
    assert "Save Widget State Automatically" in foot(page)
    assert not page.find("script", type=VIEW)
    assert VIEW in shown.cells[0].outputs[0].data, "the notebook stays as it is"


def test_of_a_text_too_long_for_the_state_the_picture_stands_in(widget):
    long = AttentionWidget("The old house stood by the river. " * 100, probe=False)
    assert len(long.tokens) > 512
    shown = notebook_of(widget, long)
    shown.cells[1].outputs[0].data["image/png"] = PNG
    page = parsed(shown)
    assert len(page.find_all("script", type=VIEW)) == 1
    assert page.find("img")["src"].endswith(PNG)
    assert "Of 1 widget the text is too long for a notebook to hold what is drawn" in foot(page)
    # its heads are all there in small
    long.view = "heads"
    shown = notebook_of(long)
    shown.cells[0].outputs[0].data["image/png"] = PNG
    assert len(parsed(shown).find_all("script", type=VIEW)) == 1


def test_a_widget_offers_nothing_that_takes_a_kernel(widget):
    shown = notebook_of(widget)
    (state,) = [json.loads(one.string)["state"] for one in parsed(shown).find_all("script", type=STATE)]
    outline = state[widget.model_id]["state"]["_outline"]
    assert not outline["editable"]
    assert outline["page"]


def test_widgets_of_others(widget):
    box = ipywidgets.VBox([widget, ipywidgets.IntSlider()])
    page = parsed(notebook_of(widget, ipywidgets.IntSlider(), box))
    assert len(page.find_all("script", type=VIEW)) == 1
    assert "2 widgets of other libraries cannot be drawn here" in foot(page)
    assert "IntSlider(value=0)" in page.get_text()
    both = parsed(notebook_of(ipywidgets.HBox([widget, widget])))
    assert len(both.find_all("script", type=VIEW)) == 1


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("Let $x$ be.", "Formulas"),
        ("It costs 5 $ or `$x$`.", ""),
        ({"text/latex": "$x$", "text/plain": "x"}, "Formulas"),
        ("```mermaid\ngraph LR\n```", "Diagrams"),
        ("![far](https://example.com/x.png)", "Pictures that are on the network"),
        ({"text/html": "<img src='//example.com/x.png'>", "text/plain": "x"}, "Pictures that are on the network"),
    ],
)
def test_what_is_left_out_is_said(shown, said):
    told = foot(parsed(notebook_of(shown)))
    assert (said in told) if said else (told == "")


def test_titles(tmp_path):
    file = tmp_path / "my notes.ipynb"
    nbformat.write(notebook_of("# Hello"), file)
    assert parsed(file).title.string == "my notes"
    assert parsed(str(file), title="</title><script>alert(1)</script>").title.string == (
        "</title><script>alert(1)</script>"
    )


def test_what_is_no_notebook(tmp_path):
    with pytest.raises(FileNotFoundError):
        page_of_notebook(tmp_path / "nothing.ipynb")
    for text in ("hello", "{}", "[1]", '{"nbformat": 4, "cells": 3}'):
        (tmp_path / "x.ipynb").write_text(text)
        with pytest.raises(ValueError, match=r"x\.ipynb is not a Jupyter notebook"):
            page_of_notebook(tmp_path / "x.ipynb")


def test_without_nbconvert_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **options):
        if name.startswith("nbconvert"):
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'attnwidget\[page\]'"):
        page_of_notebook("x.ipynb")
