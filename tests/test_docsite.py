"""How the documentation site is made: links, live cells, the reference, what is checked. `make test-docs` opens it."""

import shutil
from pathlib import Path

import pytest

import attnwidget
from attnwidget import AttentionWidget, Lesson, circuits, masks, measures
from docsite import check, lessons, live, pages, reference, stage

ROOT = Path(__file__).parents[1]
TABLE = {"docs/a.md": "a.md", "docs/b.md": "b.md", "src/c/README.md": "models/c.md"}


def set_right(text, source="docs/a.md", page="a.md", there=("docs/picture.png", "LICENSE", "training/logs")):
    return pages.links_set_right(text, source, page, TABLE, exists=set(there).__contains__, carry="files/{}".format)


@pytest.mark.parametrize(
    ("text", "source", "page", "becomes"),
    [
        ("[b](b.md#one)", "docs/a.md", "a.md", "[b](b.md#one)"),
        ("[b](docs/b.md)", "README.md", "tour.md", "[b](b.md)"),
        ("[c](../src/c/README.md)", "docs/a.md", "a.md", "[c](models/c.md)"),
        ("[back](../../docs/b.md)", "src/c/README.md", "models/c.md", "[back](../b.md)"),
        ("![p](picture.png)", "docs/a.md", "a.md", "![p](files/docs/picture.png)"),
        ("[x](https://example.org/b.md) [y](#here)", "docs/a.md", "a.md", "[x](https://example.org/b.md) [y](#here)"),
        ("```\n[no](nowhere.md)\n```", "docs/a.md", "a.md", "```\n[no](nowhere.md)\n```"),
    ],
)
def test_links_lead_where_their_targets_are(text, source, page, becomes):
    assert set_right(text, source, page) == becomes


def test_a_link_to_nothing_is_an_error():
    with pytest.raises(pages.LinkError, match=r"docs/a.md: there is no nowhere.md"):
        set_right("[x](nowhere.md)")


def test_a_picture_has_one_for_each_theme():
    text = '<picture>\n<source srcset="docs/picture.png">\n<img alt="one [two]" src="docs/picture.png">\n</picture>'
    made = set_right(text, "README.md", "tour.md")
    assert made.count("![one (two)](files/docs/picture.png)") == 2
    assert "{.only-light}" in made
    assert "{.only-dark}" in made


def test_parts_of_the_readme_are_found():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for titles in pages.README_PAGES.values():
        made = pages.sections(text, *titles)
        assert made.startswith(f"# {titles[0]}\n")
    with pytest.raises(pages.LinkError, match="no section 'Nothing'"):
        pages.sections(text, "Nothing")


def test_every_public_name_stands_in_the_reference():
    written = set()
    for path in (ROOT / "scripts/docsite/pages").rglob("*.md"):
        written |= reference.names_in(path.read_text(encoding="utf-8"))
    rooms = {"circuits": circuits, "measures": measures}
    names = {f"attnwidget.{name}" for name in attnwidget.__all__} - {
        f"attnwidget.{one}" for one in (*rooms, "asking", "masks")
    }
    names |= {f"attnwidget.{room}.{name}" for room, module in rooms.items() for name in module.__all__}
    names |= {f"attnwidget.masks.{name}" for name in ("preset", "read", "explain", "blind")}
    assert masks.preset
    assert names - written == {"attnwidget.__version__", "attnwidget.variants", "attnwidget.measures.BUILT_IN"}
    for name in written:
        assert reference.found(name) is not None


def test_a_widget_becomes_a_page_that_shares_its_code(tmp_path):
    made = live.Live(tmp_path)
    cells = live.Cells(made, "lessons/x.md")
    cells.space["w"] = AttentionWidget("The cat sat", probe=False)
    assert "```{code-block} text" in cells.run("print(1)\n2")
    figure = cells.run("w", caption="See `cat` & <b>")
    assert 'src="../live/lessons-x-1.html"' in figure
    assert "See <code>cat</code> &amp; &lt;b&gt;" in figure
    page = (tmp_path / "live/lessons-x-1.html").read_bytes()
    text = page.decode("utf-16")
    assert '<script src="attnwidget.js"></script>' in text
    assert 'id="attnwidget-code"' not in text
    assert "script-src 'sha256-" in text
    assert len(page) < 100_000
    assert (tmp_path / "live/attnwidget.js").read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_comparison_is_two_widgets_each_with_its_questions(tmp_path, monkeypatch):
    (tmp_path / "x.md").write_text(
        """---
title: Beside
minutes: 1
---

```python widget
w = aw.compare("The cat sat", "The dog sat", heads="L2-H1", queries="sat")
w
```

```yaml question
text: Pin the animal of A.
answer: {keys: cat}
wrong: {keys: The}
```

```yaml question
text: Pin the animal of B.
answer: {side: b, keys: dog}
wrong: {side: b, keys: The}
```

```yaml question
text: Draw A − B.
answer: {side: difference}
wrong: {side: a}
```

```python widget
lab = aw.AttentionLab("The cat sat", variants=["scaled_dot_product", "cosine"])
lab
```
"""
    )
    asked = []
    frame = live.Live.frame

    def noted(self, widget, page, caption=""):
        asked.append((caption[:2], widget.tokens, [one.text for one in widget.questions]))
        return frame(self, widget, page, caption)

    monkeypatch.setattr(live.Live, "frame", noted)
    made = stage.Stage(ROOT, tmp_path / "site")
    text = lessons.as_markdown(Lesson.load(tmp_path / "x.md"), made, "lessons/x.md")
    assert asked == [
        ("A:", ["The", "cat", "sat"], ["Pin the animal of A."]),
        ("B:", ["The", "dog", "sat"], ["Pin the animal of B."]),
    ]
    assert text.count("<iframe") == made.live.count == 3
    assert text.count("Asked in the widget above") == 2
    assert "Asked in a notebook, of A − B: Draw A − B." in text
    alone = (tmp_path / "site/extra/live/lessons-x-3.html").read_text(encoding="utf-8")
    assert '"editable": false' in alone
    assert "connect-src" not in alone
    assert "default-src 'none'" in alone


def test_pages_of_docs_that_no_menu_names_are_listed():
    table = stage.table_of(ROOT)
    index = (ROOT / "scripts/docsite/pages/index.md").read_text(encoding="utf-8")
    assert stage.unnamed("<attention>", {"docs/attention.md": "attention.md", "docs/new.md": "new.md"}) == ["new"]
    assert set(stage.unnamed(index, table)) <= {"lessons"}


def test_what_is_wrong_with_a_site_is_told(tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="top">A</h1><a href="b.html#there">b</a><a href="b.html#not">b</a><a href="c.html">c</a>'
        '<a href="https://example.org">away</a><img src="https://example.org/x.png"><a href="#top">top</a>'
    )
    (tmp_path / "b.html").write_text('<p id="there">B</p>')
    assert check.faults(tmp_path) == [
        "a.html: b.html#not has no place #not",
        "a.html: c.html is not there",
        "a.html: https://example.org/x.png is fetched from elsewhere",
    ]
    shutil.copy(tmp_path / "b.html", tmp_path / "c.html")
    assert len(check.faults(tmp_path)) == 2
