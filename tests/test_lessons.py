"""The lessons: every claim holds, every question takes the right answer and refuses a wrong one."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import attnwidget as aw
from attnwidget.course import Claim, LessonError, WidgetCell
from attnwidget.course.lesson import TEMPLATE, bundled
from attnwidget.wire.schema import Selection

ROOT = Path(__file__).parents[1]
LESSON = """---
title: Short
minutes: 1
---
## Look

```python widget
w = aw.AttentionWidget("The cat sat", heads="L1-H2", queries="sat")
w
```

```yaml question
text: Pin what *sat* looks at.
answer: {keys: cat}
wrong: {keys: The}
```

It is so.

```python claim
assert w.trace.weights(1, 2)[2, 1] > 0.9
```
"""


@pytest.fixture
def short(tmp_path):
    path = tmp_path / "short.md"
    path.write_text(LESSON, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", [*bundled(), TEMPLATE], ids=lambda path: path.stem)
def test_a_lesson_proves_itself(path):
    lesson = aw.Lesson.load(path)
    lesson.check()
    assert path == TEMPLATE or len(lesson.questions) >= 4
    assert any(isinstance(part, Claim) for part in lesson.parts)


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.stem)
def test_its_notebook_runs_from_top_to_bottom(path):
    notebook = nbformat.read(ROOT / "notebooks" / f"lesson-{path.stem}.ipynb", 4)
    nbformat.validate(notebook)
    space = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(cell.source, space)
            for widget in {one for one in space.values() if isinstance(one, aw.AttentionWidget)}:
                answer(widget)
    assert len(space["lesson"].answers().rows) == len(space["lesson"].questions)
    assert all(asked is not None for _, asked in space["lesson"].answers().rows)


def answer(widget):
    """Answer what is asked and not answered yet: what is claimed afterwards holds all the same."""
    for told, asked in zip(widget._posed.get("questions", []), widget.questions, strict=True):
        if asked.tries == 0:
            widget.set_state(told["show"])
            widget.trace  # noqa: B018 - waits for what runs
            assert asked.accepts()
            asked.tries = 1


def test_the_notebooks_are_what_the_lessons_say():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/lessons.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_answers_are_not_in_the_notebook(short):
    text = json.dumps(aw.Lesson.load(short).notebook())
    assert 'lesson.ask(w, \\"1\\")\\nw' in text
    assert "answer:" not in text
    assert "wrong" not in text


def test_a_lesson_that_is_not_so_names_its_line(short):
    for old, new, line, message in [
        ("> 0.9", "> 0.99", 21, "the claim does not hold: AssertionError"),
        ("keys: The", "keys: cat", 13, "this wrong answer would be accepted"),
        ("keys: The", "keys: dog", 13, "wrong: .*no token or word reads 'dog'"),
        ('queries="sat"', 'queries="sat", keys="cat"', 13, "the widget opens on the answer"),
        ("{keys: cat}", "{keys: dog}", 8, "no token or word reads 'dog'"),
        ('"L1-H2"', '"L9-H2"', 8, "this cell fails"),
    ]:
        short.write_text(LESSON.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(LessonError, match=rf"^short\.md:{line}: .*{message}"):
            aw.Lesson.load(short).check()


def test_answers_are_a_table(short, tmp_path):
    lesson = aw.Lesson.load(short)
    assert lesson.answers().to_table().rows == [("Pin what sat looks at.", "", "not asked", 0, False, False)]
    (widget,) = [one.value for one in lesson.run() if isinstance(one.part, WidgetCell)]
    widget._session.questions.note("1", "show", Selection())
    widget._session.questions.note("1", "check", Selection(keys=[1]))
    table = lesson.answers().to_table()
    assert table.rows == [("Pin what sat looks at.", "keys: cat", "right", 1, False, True)]
    assert table.caption == "Short: 1 of 1 answered"
    assert lesson.answers().to_pandas()["answer"].tolist() == ["keys: cat"]
    assert "keys: cat" in lesson.answers()._repr_html_()
    lesson.answers().save_csv(tmp_path / "answers.csv")
    rows = list(csv.DictReader((tmp_path / "answers.csv").read_text("utf-8-sig").splitlines()))
    assert rows[0]["state"] == "right"
    assert rows[0]["shown"] == "yes"
    widget.close()


def test_only_a_widget_that_asks_is_asked(short):
    lesson = aw.Lesson.load(short)
    with pytest.raises(TypeError, match="AttentionWidget"):
        lesson.ask(object(), "1")
    with pytest.raises(ValueError, match="no question '7'"):
        lesson.ask(object(), "7")


def test_the_lessons_are_listed():
    found = aw.lessons()
    assert [one.path for one in found] == bundled()
    assert aw.Lesson.load(2).name == "02-from-scores-to-weights"
    assert found.to_table().columns[:3] == ["lesson", "title", "minutes"]
    assert "From scores to weights" in found._repr_html_()
    names = [one.name for one in found]
    assert all(names.index(need) < names.index(one.name) for one in found for need in one.needs)
