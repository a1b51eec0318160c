"""A lesson's file: what it is read as, and errors that name the line."""

import re

import pytest

import attnwidget as aw
from attnwidget.course import Box, Claim, Exercise, LessonError, Prose, WidgetCell
from attnwidget.course.lesson import TEMPLATE

LESSON = """---
title: A
minutes: 5
seeds: {S1: Look}
---
# Look

```python widget
w = 1
w
```

```yaml question
text: which?
answer: {off: L0-H1, keys: no}
wrong: {keys: 2}
```

It is so.

```python claim
assert True
```

> **What the text says** one
> thing. **What the model does** another.

```text
not a block of ours
```
"""


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "x.md"
        path.write_text(text, encoding="utf-8")
        return aw.Lesson.load(path)

    return load


def test_parts_come_in_the_order_of_the_file_with_their_lines(load):
    lesson = load(LESSON)
    kinds = [(type(part), part.line) for part in lesson.parts]
    assert kinds == [(Prose, 6), (WidgetCell, 9), (Exercise, 14), (Prose, 19), (Claim, 22), (Box, 25), (Prose, 28)]
    cell, question, box = lesson.parts[1], lesson.parts[2], lesson.parts[5]
    assert cell.widget == "w"
    assert cell.questions == (question,)
    assert question.answer == {"off": "L0-H1", "keys": "no"}  # as YAML 1.1 has it, both would be false
    assert question.wrong == [{"keys": 2}]
    assert (box.says, box.does) == ("one\nthing.", "another.")
    assert lesson.seeds == {"S1": "Look"}


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("---\ntitle", "title", 1, "front matter"),
        ("title: A\n", "", 1, "title"),
        ("minutes: 5", "minutes: soon", 3, "whole number"),
        ("minutes: 5", "minuets: 5", 3, "minuets"),
        ("S1: Look", "S1: Nowhere", 4, "no heading reads 'Nowhere'"),
        ("title: A", "title: [", 4, "no YAML"),
        ("w = 1\nw", "w = 1", 9, "the widget's name"),
        ("w = 1\nw", "w = 1\nx = = 2\nw", 10, "no Python"),
        ("python widget", "python wigdet", 8, "wigdet"),
        ("text: which?", "txt: which?", 14, "txt"),
        ("wrong: {keys: 2}", "", 14, "wrong"),
        ("wrong: {keys: 2}", "wrong: {kyes: 2}", 14, "kyes"),
        ("off: L0-H1", "offf: L0-H1", 14, "there is no 'offf'"),
        ("keys: no", "heads: first", 14, "L4-H11"),
        ("assert True", "True", 22, "assert"),
        ("another.", "", 25, "box"),
        ("ours\n```\n", "ours\n", 28, "no end"),
    ],
)
def test_a_mistake_is_told_with_its_line(load, old, new, line, message):
    assert old in LESSON
    with pytest.raises(LessonError, match=rf"^x\.md:{line}: .*{re.escape(message)}"):
        load(LESSON.replace(old, new, 1))


def test_questions_and_claims_stand_where_they_belong(load):
    cell = "```python widget\nw = 1\nw\n```\n"
    with pytest.raises(LessonError, match=r"x\.md:10: a question is of the widget before"):
        load(LESSON.replace(cell, "", 1))
    with pytest.raises(LessonError, match=r"x\.md:21: a claim stands right after"):
        load(LESSON.replace("It is so.\n", "", 1))


def test_a_lesson_is_found_by_name_and_number():
    assert aw.Lesson.load(TEMPLATE).title == "What your lesson shows, in a line"
    with pytest.raises(FileNotFoundError, match="there is no lesson 'nothing'"):
        aw.Lesson.load("nothing")
