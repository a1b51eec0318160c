"""Rules as one writes them, and as they are judged: words, names and predicates become what the selection has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnwidget.asking.judge import holds
from attnwidget.asking.look import Group, Look, Nowhere
from attnwidget.asking.predicates import Predicate
from attnwidget.effects import Target

HEADS, TOKENS, NUMBERS = {"heads", "off"}, {"queries", "keys"}, {"layer", "threshold"}
CHOICES = {"view", "measure", "attention", "side", "category", "mask", "mask_mode", "words"}
FIELDS: tuple[str, ...] = (
    *("view", "attention", "side", "measure", "layer", "heads", "queries", "keys", "words", "threshold"),
    *("category", "mask", "mask_mode", "off", "what_if", "target"),
)
"""What of a selection a rule may be about; mistakes are told in this order."""

_CHANGES: dict[str, Any] = {"scaled": True, "temperature": 1, "masked": [], "removed": [], "scores": {}}
_WORDS = {"any", "all", "not"}

Rule = dict[str, dict[str, Any]]


def check(answer: Any) -> None:
    """Check a rule's form.

    Raises
    ------
    ValueError, TypeError
        If it is none; the message says what to write.
    """
    resolve(answer, Nowhere())


def resolve(answer: Any, look: Look) -> list[Rule]:
    """Write a rule, or several of which one is to be fulfilled, as the judge reads it.

    Parameters
    ----------
    answer : mapping, or a list of them
        By field of the selection: a value, a set for `heads`, `off`, `queries` and `keys`, a range ``[low, high]`` for
        `layer`, `threshold` and the numbers of `what_if`; or ``{"any": …}``, ``{"all": …}``, ``{"not": …}``.
    look : Look
        Where words and predicates are looked up.

    Raises
    ------
    ValueError, TypeError, IndexError, KeyError
        If something in it is not there, or is no condition.
    """
    wanted = [answer] if isinstance(answer, Mapping) else answer
    if not isinstance(wanted, Sequence) or isinstance(wanted, str) or not wanted:
        raise TypeError(f"answer: expected a mapping such as {{'heads': 'L3-H0', 'keys': 'animal'}}, got {answer!r}")
    return [_resolved(one, look) for one in wanted]


def _resolved(rule: Any, look: Look) -> Rule:
    if not isinstance(rule, Mapping) or not rule:
        raise TypeError(f"answer: expected what to select, by field ({', '.join(FIELDS)}), got {rule!r}")
    unknown = [name for name in rule if name not in FIELDS]
    if unknown:
        raise ValueError(f"answer: there is no {', '.join(map(repr, unknown))}; there is {', '.join(FIELDS)}")
    found, there = {}, look.of(rule.get("side"))
    for name in FIELDS:
        if name in rule:
            try:
                found[name] = _condition(name, rule[name], there)
            except (ValueError, TypeError, IndexError, KeyError) as error:
                raise type(error)(f"answer: {name}: {error.args[0] if error.args else error}") from None
    return found


def _condition(name: str, wanted: Any, look: Look) -> dict[str, Any]:  # noqa: C901, PLR0911 - one for each kind of field
    word = next(iter(wanted)) if isinstance(wanted, Mapping) and len(wanted) == 1 else None
    if word == "not":
        return {"not": _condition(name, wanted["not"], look)}
    if name in HEADS | TOKENS:
        if word in _WORDS:
            return {str(word): _groups(name, wanted[word], look)}
        return {"each": _groups(name, wanted, look)}
    if word == "any":
        return {"some": [_condition(name, one, look) for one in _listed(wanted["any"])]}
    if word == "all":
        raise ValueError("'all' is for sets: heads, off, queries, keys")
    if name in NUMBERS:
        return _number(wanted)
    if name == "what_if":
        return _what_if(wanted, look)
    if name == "target":
        return _target(wanted)
    if name == "mask" and isinstance(wanted, str):
        painted = look.painted(wanted)
        return {"some": [{"is": wanted}, *([{"is": painted}] if painted else [])]}
    if name == "words" and not isinstance(wanted, bool):
        raise TypeError(f"expected true or false, got {wanted!r}")
    if name != "mask" and not isinstance(wanted, str | bool | None):
        raise TypeError(f"expected a name, or {{'any': [names]}}, got {wanted!r}")
    return {"is": wanted}


def _listed(wanted: Any) -> list[Any]:
    if isinstance(wanted, str | Predicate | int):
        return [wanted]
    if isinstance(wanted, Sequence):
        return list(wanted)
    raise TypeError(f"expected a list, got {wanted!r}")


def _groups(name: str, wanted: Any, look: Look) -> list[Group]:
    if name in TOKENS:
        return [group for one in _listed(wanted) for group in look.tokens(name, one)]
    is_pair = isinstance(wanted, Sequence) and len(wanted) == 2 and all(isinstance(one, int) for one in wanted)
    return [group for one in ([wanted] if is_pair else _listed(wanted)) for group in look.heads(one)]


def _number(wanted: Any) -> dict[str, Any]:
    if isinstance(wanted, bool):
        raise TypeError(f"expected a number or a range [low, high], got {wanted!r}")
    if isinstance(wanted, int | float):
        return {"is": wanted}
    is_range = isinstance(wanted, Sequence) and len(wanted) == 2 and all(isinstance(one, int | float) for one in wanted)
    if not is_range or wanted[0] > wanted[1]:
        raise ValueError(f"expected a number or a range [low, high], got {wanted!r}")
    return {"range": list(wanted)}


def _what_if(wanted: Any, look: Look) -> dict[str, Any]:
    if not isinstance(wanted, Mapping) or set(wanted) - set(_CHANGES):
        raise ValueError(f"expected some of {', '.join(_CHANGES)}, as in {{'temperature': [1.5, 3]}}, got {wanted!r}")
    if not wanted:
        return {"is": {}}
    parts: dict[str, list[Any]] = {}
    for name, one in wanted.items():
        if name == "scaled":
            condition: dict[str, Any] = {"is": bool(one)}
        elif name == "temperature":
            condition = {"not": _number(one["not"])} if isinstance(one, Mapping) and "not" in one else _number(one)
        elif name == "scores":
            at = {str(look.tokens("keys", key)[0][0]): _number(number) for key, number in one.items()}
            condition = {"parts": {key: [number, None] for key, number in at.items()}}
        else:
            condition = _condition("keys", one, look)
        parts[name] = [condition, _CHANGES[name]]
    return {"parts": parts}


def _target(wanted: Any) -> dict[str, Any]:
    found = Target.read(wanted)
    if found is None:
        return {"is": None}
    told = found.to_dict()
    return {"parts": {name: [{"is": one}, None] for name, one in told.items() if one is not None}}


def example(rule: Rule) -> dict[str, Any]:
    """Return a selection that fulfils a rule, as far as the rule says it; what is told by ``not`` alone it leaves."""
    return {name: one for name, condition in rule.items() if (one := _example(condition)) is not _UNSAID}


_UNSAID = object()


def _example(condition: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one for each kind
    ((kind, wanted),) = condition.items()
    match kind:
        case "is":
            return wanted
        case "range":
            return _middle(*wanted)
        case "each" | "all":
            return [one for group in wanted for one in group]
        case "any":
            return list(wanted[0])
        case "some":
            return _example(wanted[0])
        case "parts":
            made = {name: _example(one) for name, (one, default) in wanted.items() if not holds(one, default)}
            return {name: one for name, one in made.items() if one is not _UNSAID}
    return _UNSAID


def _middle(low: float, high: float) -> float:
    return (low + high) // 2 if isinstance(low, int) and isinstance(high, int) else (low + high) / 2
