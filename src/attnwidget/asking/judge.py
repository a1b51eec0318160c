"""Whether a selection fulfils a rule: the same as `js/src/layout/judge.ts`, and held against it by a table of cases.

A rule is what `rules.resolve` writes: a condition for each field that it is about. A condition is one of

- ``{"is": value}``: it is that, as JSON has it;
- ``{"range": [low, high]}``: a number from one to the other, both among them;
- ``{"each": groups}``: of a set: something of every group is in it, and nothing that is in none;
- ``{"any": groups}``: something of one group at least, and nothing that is in none;
- ``{"all": groups}``: something of every group, whatever else;
- ``{"some": conditions}``: one of them holds;
- ``{"not": condition}``: it does not hold;
- ``{"parts": {name: [condition, default]}}``: of a mapping: those of its parts, where one that is not there has the
  default.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def failing(rules: Sequence[Mapping[str, Any]], selection: Mapping[str, Any]) -> list[str]:
    """Return the fields that are not as the rule wants them: none where the answer is right.

    Parameters
    ----------
    rules : sequence of rules
        One of them is to be fulfilled; told are the fields of the one that is nearest to it, the first of several.
    selection : mapping
        By field, as JSON has it.
    """
    found = [[name for name, one in rule.items() if not holds(one, selection.get(name))] for rule in rules]
    return min(found, key=len)


def holds(condition: Mapping[str, Any], value: Any) -> bool:  # noqa: PLR0911 - one for each kind
    """Return whether a value is as a condition wants it."""
    ((kind, wanted),) = condition.items()
    match kind:
        case "is":
            return _same(value, wanted)
        case "range":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and bool(wanted[0] <= value <= wanted[1])
        case "some":
            return any(holds(one, value) for one in wanted)
        case "not":
            return not holds(wanted, value)
        case "parts":
            parts = value or {}
            return all(holds(one, parts.get(name, default)) for name, (one, default) in wanted.items())
    chosen = {_key(one) for one in value or []}
    groups = [{_key(one) for one in group} for group in wanted]
    if kind == "all":
        return all(chosen & group for group in groups)
    known = set().union(*groups)
    return chosen <= known and (bool(chosen) if kind == "any" else all(chosen & group for group in groups))


def _same(one: Any, other: Any) -> bool:
    return _key(one) == _key(other)


def _key(value: Any) -> str:
    """Write a value as JSON: 2 and 2.0 are the same number there, and true is no number."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)
