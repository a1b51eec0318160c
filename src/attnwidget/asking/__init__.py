"""Questions whose answer is what a reader selects: rules, the judge of them, and what is looked up in a trace."""

from attnwidget.asking.judge import failing, holds
from attnwidget.asking.look import Look
from attnwidget.asking.predicates import Predicate, heads_of, looking_most, strongest, top_heads
from attnwidget.asking.question import Question
from attnwidget.asking.rules import FIELDS, check, resolve

__all__ = [
    "FIELDS",
    "Look",
    "Predicate",
    "Question",
    "check",
    "failing",
    "heads_of",
    "holds",
    "looking_most",
    "resolve",
    "strongest",
    "top_heads",
]
