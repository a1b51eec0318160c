"""The questions that a widget asks: what each is about, what the browser is told of it, how it was answered."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec import structs

from attnwidget import asking
from attnwidget.asking.rules import example
from attnwidget.session import selection as rules
from attnwidget.wire.schema import Posed, PosedQuestion, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from attnwidget.asking.rules import Rule
    from attnwidget.session.beside import Stand
    from attnwidget.session.session import Session
    from attnwidget.trace import AttentionTrace

_SHORT = 60  # characters of the text that a question is about


@dataclass
class _Asked:
    """A question, and what was on screen when it was asked."""

    question: asking.Question
    stand: Stand
    model: str
    attention: str
    given: Mapping[str, Any] | None  # what is to be shown, as the user says it
    on: AttentionTrace | None = None  # where the rules were looked up
    show: dict[str, Any] | None = None


class Questions:
    """A session's questions, in their order.

    Parameters
    ----------
    session : Session
        Whose text, trace and selection they are about.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._all: dict[str, _Asked] = {}

    @property
    def asked(self) -> list[asking.Question]:
        """Those that are asked."""
        return [one.question for one in self._all.values()]

    def ask(
        self, text: str, answer: Any, *, hint: str, show: Mapping[str, Any] | None, because: str, name: str
    ) -> asking.Question:
        """Ask one more, or another in the place of the one of this name; see `AttentionWidget.ask`."""
        session = self._session
        trace = session.settled()
        with session.lock:
            name = name or next(str(at) for at in range(1, len(self._all) + 2) if str(at) not in self._all)
            question = asking.Question(name, text, answer, hint, because)
            wanted = answer if isinstance(answer, dict) else {}
            attention = wanted.get("attention", session.selection.attention)
            attention = attention if attention in trace.attentions else session.selection.attention
            made = _Asked(question, session.standing(), session.model_name, attention, show)
            self._look_up(made)
            self._all[name] = made
            session.tell_posed()
            return question

    def clear(self) -> None:
        """Ask nothing any more."""
        self._all = {}
        self._session.tell_posed()

    def note(self, name: str, kind: Literal["check", "hint", "show"], selection: Selection) -> None:
        """Note what a reader did: in a browser, which has judged it already."""
        session = self._session
        with session.lock:
            asked = self._all.get(name)
            if asked is None or asked.question.right:  # what was answered stays so
                return
            if kind == "check":
                trace = asked.on or asked.stand.trace
                trace = self._sides.get(selection.side, trace) if self._is_here(asked) else trace
                name_of = selection.attention if selection.attention in trace.attentions else asked.attention
                sides = {side: one.text for side, one in zip(rules.SIDES, trace.sides(name_of), strict=True)}
                asked.question.note(structs.asdict(selection), sides)
            else:
                asked.question.hinted |= kind == "hint"
                asked.question.shown |= kind == "show"
            session.tell_posed()

    def put_back(self, name: str) -> None:
        """Put the text that a question is about on screen again."""
        asked = self._all.get(name)
        if asked is not None:
            self._session.put_back(asked.stand)

    def state(self) -> Posed:
        """Return what the browser is told; rules are looked up anew where the trace on screen is another."""
        return Posed(questions=[self._posed(one) for one in self._all.values()])

    def _posed(self, asked: _Asked) -> PosedQuestion:
        self._look_up(asked)
        one, text = asked.question, " ".join(asked.stand.texts.text.split())
        return PosedQuestion(
            name=one.name,
            text=one.text,
            hint=one.hint,
            because=one.because,
            rules=one.rules,
            show=asked.show,
            elsewhere=not self._is_here(asked),
            about=text if len(text) <= _SHORT else f"{text[:_SHORT].rstrip()}…",
            right=one.right,
            tries=one.tries,
            hinted=one.hinted,
            shown=one.shown,
        )

    # -- what it is about ---------------------------------------------------------------------------------------

    def _is_here(self, asked: _Asked) -> bool:
        """Whether the text and the model on screen, or beside it, are those that it is about."""
        return any(self._is_about(asked, one) for one in self._session.traces.values())

    def _is_about(self, asked: _Asked, trace: AttentionTrace) -> bool:
        whole, name = asked.stand.trace, asked.attention
        if trace is whole:
            return True
        if name not in trace.attentions or trace.model_name != whole.model_name:
            return False
        return [one.text for one in trace.sides(name)] == [one.text for one in whole.sides(name)]

    def _look_up(self, asked: _Asked) -> None:
        """Look words and predicates up in what is on screen, if that is what the question is about."""
        here = self._session.trace
        trace = here if here is not None and self._is_about(asked, here) else asked.stand.trace
        if trace is asked.on:
            return
        try:
            found = asking.resolve(asked.question.answer, self._look(trace, asked.attention, self._sides))
        except (ValueError, KeyError, IndexError):
            if asked.on is None:
                raise
            return  # as with a mask that hides all: it stays what it was
        if len(trace.attentions) > 1:  # positions and heads are of one
            found = [{"attention": {"is": asked.attention}, **one} for one in found]
        asked.question.bind(found, lambda fields: self._read(fields, asked))
        asked.show = self._shown(asked, found)
        asked.on = trace

    def _look(
        self, trace: AttentionTrace, attention: str, sides: Mapping[str, AttentionTrace] = MappingProxyType({})
    ) -> asking.Look:
        beside = {side: self._look(one, attention) for side, one in sides.items()}
        return asking.Look(trace, attention, lambda: self._session.score(trace, attention), beside)

    @property
    def _sides(self) -> dict[str, AttentionTrace]:
        """The traces by side, if two things are compared."""
        both = self._session.comparison
        return {} if both is None else {"a": both.a, "b": both.b, "difference": both.a}

    def _shown(self, asked: _Asked, found: list[Rule]) -> dict[str, Any] | None:
        """Return what *Show me* selects; None where nothing says it."""
        wanted = dict(asked.given if asked.given is not None else example(found[0]))
        if not wanted or not asked.question.accepts(wanted):
            if asked.on is not None:
                return asked.show
            what = "what show= selects" if asked.given is not None else "nothing that the rule says"
            raise ValueError(f"{what} answers the question: give show= fields that the rule accepts")
        after = self._read(wanted, asked)
        return {name: after[name] for name in wanted}

    def _read(self, fields: Mapping[str, Any] | None, asked: _Asked) -> dict[str, Any]:
        """Return a selection with these fields, as the judge reads it."""
        session = self._session
        now = session.selection
        if fields is None:
            return structs.asdict(now)
        unknown = [name for name in fields if name not in Selection.__struct_fields__]
        if unknown:
            raise ValueError(f"there is no {', '.join(map(repr, unknown))}; there is {', '.join(asking.FIELDS)}")
        trace = session.trace
        if trace is None or not self._is_about(asked, trace):
            trace = asked.stand.trace
        trace = self._sides.get(str(fields.get("side")), trace)
        attention = fields.get("attention", now.attention if now.attention in trace.attentions else asked.attention)
        values = {}
        for name, one in fields.items():
            listed = [one] if name in rules.SIDES and isinstance(one, str | int) else one
            values[name] = rules.checked(name, listed, trace, attention, session.category_names)
        return structs.asdict(rules.chosen(now, trace, **values))
