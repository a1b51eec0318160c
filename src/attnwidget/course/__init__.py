"""Lessons as data: a Markdown file, from which a notebook, a page and a live show are made."""

from attnwidget.course.answers import Answers
from attnwidget.course.format import LessonError
from attnwidget.course.lesson import Lesson, Lessons, lessons
from attnwidget.course.parts import Box, Cell, Claim, Exercise, Part, Prose, WidgetCell

__all__ = [
    "Answers",
    "Box",
    "Cell",
    "Claim",
    "Exercise",
    "Lesson",
    "LessonError",
    "Lessons",
    "Part",
    "Prose",
    "WidgetCell",
    "lessons",
]
