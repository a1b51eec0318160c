"""Lessons as pages: run from top to bottom, each widget live, with its questions in it."""

from __future__ import annotations

import contextlib
import html
import io
import warnings
from typing import TYPE_CHECKING, Any

from attnwidget import AttentionLab, AttentionWidget
from attnwidget.course import Box, Cell, Claim, Exercise, Lesson, Prose, WidgetCell, lessons
from docsite.live import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attnwidget.course import Ran
    from docsite.stage import Stage

INTRODUCTION = (
    "A quarter of an hour each, some a little more. Every widget in them is live: it opens at the right place, asks, "
    "and tells whether you are right. What a lesson says of a model was proven while this page was made."
)
_APART = """\n\n{.about}
In a notebook A, B and A − B are one widget, with buttons for each above the picture. Here A stands above B.\n\n"""
_FOLDED = "<details>\n<summary>{summary}</summary>\n\n```python\n{code}\n```\n\n</details>"
_BOX = """::::{{container}} says-does
:::{{container}} says
**What the text says**

{says}
:::
:::{{container}} does
**What the model does**

{does}
:::
::::"""


def write_all(stage: Stage) -> list[str]:
    """Write every lesson that comes along and return their pages."""
    found = lessons()
    for number, lesson in enumerate(found):
        after = found[number + 1] if number + 1 < len(found) else None
        page = page_of(lesson)
        text = as_markdown(lesson, stage, page, after)
        stage.write(page, stage.linked(text, f"src/attnwidget/lessons/{lesson.path.name}", page))
    return [page_of(one) for one in found]


def page_of(lesson: Lesson) -> str:
    """Return where a lesson is on the site."""
    return f"lessons/{lesson.name}.md"


def as_markdown(lesson: Lesson, stage: Stage, page: str, after: Lesson | None = None) -> str:
    """Run a lesson, and write it as Markdown."""
    parts = [f"# {lesson.title}", f"{{.about}}\n{lesson.about}"]
    running = lesson.run()
    while True:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ran = next(running, None)
        if ran is None:
            break
        parts.append(part_as_markdown(ran, said.getvalue(), stage, page))
    if after is not None:
        parts.append(f"{{.next}}\nNext: [{after.title}]({after.path.name})")
    return "\n\n".join(parts) + "\n"


def part_as_markdown(ran: Ran, said: str, stage: Stage, page: str) -> str:
    """Write one part."""
    part, value = ran
    match part:
        case Prose():
            return part.text
        case Box():
            return _BOX.format(says=part.says, does=part.does)
        case Exercise():
            where = "in a notebook, of A − B" if _side_of(part) == "difference" else "in the widget above"
            return f'<p class="question">Asked {where}: {html.escape(part.text.replace("*", ""))}</p>'
        case Claim():
            return _FOLDED.format(summary="The proof of this, which was run for this page", code=part.code)
        case WidgetCell():
            figures = "".join(_figures(part, value, stage, page))
            return figures + _FOLDED.format(summary="The cell behind it", code=part.code)
        case Cell():
            return f"```python\n{part.code}\n```\n{shown(said, value)}"
    raise TypeError(f"no page shows a {type(part).__name__}")


def _figures(part: WidgetCell, widget: Any, stage: Stage, page: str) -> Iterator[str]:
    """Yield what can be shown without a kernel: of a comparison A and B, each with its own questions."""
    if isinstance(widget, AttentionLab):
        yield stage.live.lab(widget, page)
        return
    beside = widget.comparison
    if beside is None:
        yield stage.live.frame(widget, page)
        return
    yield _APART
    partners = dict(beside.alignment().pairs)
    there = [partners[query] for query in widget.queries if query in partners]
    sides = ("a", beside.a, widget.queries), ("b", beside.b, there)
    for (side, trace, queries), name in zip(sides, beside.names, strict=True):
        alone = AttentionWidget(trace.with_beside(None), heads=widget.heads, view=widget.view, queries=queries)
        for one in part.questions:
            if _side_of(one) == side:
                alone.ask(one.text, **one.asked | {"answer": {k: v for k, v in one.answer.items() if k != "side"}})
        yield stage.live.frame(alone, page, f"{side.upper()}: {name}.")


def _side_of(question: Exercise) -> str:
    """Return which side of a comparison a question is about."""
    rule = question.answer[0] if isinstance(question.answer, list) else question.answer
    return str(rule.get("side", "a"))


def index() -> str:
    """Write the page that lists them."""
    found = lessons()
    rows = [
        (f"[{one.title}]({one.path.name})", str(one.minutes), str(len(one.questions)), ", ".join(one.models))
        for one in found
    ]
    lines = [("lesson", "minutes", "questions", "runs on"), ("---",) * 4, *rows]
    parts = [
        "# Lessons",
        INTRODUCTION,
        "\n".join(f"| {' | '.join(line)} |" for line in lines),
        "In a notebook, where the text can be changed as well, and with your answers as a table:",
        "```python\nimport attnwidget as aw\n\nlesson = aw.Lesson.load(2)\nlesson.show()\nlesson.answers()\n```",
        "\n".join(["```{toctree}", ":hidden:", "", *(one.name for one in found), "```"]),
    ]
    return "\n\n".join(parts) + "\n"
