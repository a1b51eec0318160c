"""What nnsight wraps, such as its `LanguageModel`: the model inside, loaded if it is not yet, and its tokenizer.

Edits that are set for good (`model.edit()`) take part in nnsight's own traces only, not in what the model inside
computes.
"""

from __future__ import annotations

from typing import Any


def take(given: Any, tokenizer: Any) -> tuple[Any, Any]:
    """Return the model inside, and the tokenizer: the user's, or that of the `LanguageModel`."""
    known = vars(given)
    if known.get("dispatched") is False:  # so far a plan on the meta device
        given.dispatch()
    inner = known.get("_module", known.get("_model"))  # before 0.5 the latter
    return inner, known.get("tokenizer") if tokenizer is None else tokenizer
