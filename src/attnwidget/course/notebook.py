"""A lesson as a Jupyter notebook; the same file gives the same notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from attnwidget.course.parts import Box, Claim, Exercise, Prose, WidgetCell

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from attnwidget.course.lesson import Lesson
    from attnwidget.course.parts import Part

_KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_FOLDED = {"jupyter": {"source_hidden": True}, "tags": ["claim"]}
_HOW = (
    "Run the cells from top to bottom, with Shift+Enter. Where a widget asks, in a blue bar, what you select or set "
    "in it is your answer; to go on from there, click the text below it. Quotations hold what introductions to "
    "attention say beside what the model does. Folded cells prove the sentence above them."
)
_END = """## What you answered

Nothing of it leaves this machine, unless you hand it in: `lesson.answers().save_csv("answers.csv")`."""


def notebook_of(lesson: Lesson) -> NotebookNode:
    """Write a lesson as a notebook.

    Raises
    ------
    ImportError
        Without nbformat, which every Jupyter brings.
    """
    try:
        from nbformat import v4 as untyped
    except ImportError as error:
        raise ImportError("a notebook needs nbformat: pip install nbformat") from error
    v4 = cast("Any", untyped)
    cells = [
        v4.new_markdown_cell(f"# {lesson.title}\n\n*{lesson.about}*\n\n{_HOW}", id="title"),
        v4.new_code_cell(f'import attnwidget as aw\n\nlesson = aw.Lesson.load("{lesson.source}")', id="lesson"),
    ]
    for part in lesson.parts:
        where: dict[str, Any] = {"id": f"line-{part.line}"}
        match part:
            case Prose() | Box():
                cells.append(v4.new_markdown_cell(part.text, **where))
            case Exercise():  # the widget asks it
                cells.append(v4.new_markdown_cell(f"**Your turn**, in the widget above: {part.text}", **where))
            case Claim():
                cells.append(v4.new_code_cell(part.code, metadata=_FOLDED, **where))
            case _:
                cells.append(v4.new_code_cell(code_of(part), **where))
    if any(isinstance(part, Exercise) for part in lesson.parts):
        cells += [v4.new_markdown_cell(_END, id="end"), v4.new_code_cell("lesson.answers()", id="answers")]
    made: NotebookNode = v4.new_notebook(cells=cells, metadata=_KERNEL)
    return made


def code_of(part: Part) -> str:
    """Return a cell's code, with the widget's questions asked before it is shown."""
    code = str(getattr(part, "code", ""))
    if not isinstance(part, WidgetCell) or not part.questions:
        return code
    *before, last = code.rstrip().splitlines()
    names = ", ".join(f'"{one.name}"' for one in part.questions)
    return "\n".join([*before, f"lesson.ask({last}, {names})", last])
