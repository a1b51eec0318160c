"""Which measures there are, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, get_args

from attnwidget.measures.base import Domain, Measure, Of, OverKeys

if TYPE_CHECKING:
    from collections.abc import Iterable

_Registered = TypeVar("_Registered", Measure, type[Measure])
_NEEDS = ("scores", "values", "output", "block", "rest", "gradient", "direction", "below", "beside")


class Registry:
    """The measures by name: the package's own, then those that were registered."""

    def __init__(self, built_in: Iterable[Measure]) -> None:
        self._built_in = {measure.name: measure for measure in built_in}
        self._own: dict[str, Measure] = {}

    def names(self) -> tuple[str, ...]:
        """Return the names of all measures."""
        return (*self._built_in, *self._own)

    def get(self, name: str) -> Measure:
        """Return a measure by its name.

        Raises
        ------
        ValueError
            If there is none of this name.
        """
        found = self._built_in.get(name) or self._own.get(name)
        if found is None:
            raise ValueError(f"there is no measure {name!r}; expected one of {', '.join(self.names())}")
        return found

    def register(self, measure: _Registered) -> _Registered:
        """Add a measure of one's own; also as a decorator of its class.

        Registered again under the same name, as when a cell is run again, the new one takes the place of the old.

        Parameters
        ----------
        measure : Measure, or a subclass of it
            A class is called without arguments.

        Returns
        -------
        Measure, or a subclass of it
            What was given.

        Raises
        ------
        TypeError
            If it is no measure, or its class cannot be called without arguments.
        ValueError
            If something it says of itself is missing or wrong, or its name is that of a built-in measure.
        """
        made = _make(measure)
        _check(made)
        if made.name in self._built_in:
            raise ValueError(f"name {made.name!r} is taken by a built-in measure; choose another")
        self._own[made.name] = made
        return measure


def _make(given: object) -> Measure:
    if isinstance(given, Measure):
        return given
    if not isinstance(given, type) or not issubclass(given, Measure):
        what = f"the class {given.__name__}" if isinstance(given, type) else repr(given)
        raise TypeError(f"expected a subclass of attnwidget.measures.Measure, or an instance of one, got {what}")
    try:
        return given()
    except TypeError as error:
        raise TypeError(f"{given.__name__} cannot be registered: {error}") from error


def _check(measure: Measure) -> None:
    kind = type(measure).__name__
    for attribute in ("name", "label", "sentence", "below", "above"):
        text = getattr(measure, attribute, None)
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{kind} must have a {attribute}, a string; got {text!r}")
    if not measure.name.isidentifier():
        raise ValueError(f"the name of a measure must be one word, as a variable's, got {measure.name!r}")
    closed = {"domain": Domain, "over_keys": OverKeys, "of": Of}
    for attribute, expected in ((name, get_args(words)) for name, words in closed.items()):
        word = getattr(measure, attribute, None)
        if word not in expected:
            raise ValueError(f"{attribute} of measure {measure.name!r} must be one of {expected}, got {word!r}")
    needs: Any = measure.needs
    if not isinstance(needs, set | frozenset) or not needs <= set(_NEEDS):
        raise ValueError(f"needs of measure {measure.name!r} must be a set of some of {_NEEDS}, got {needs!r}")
