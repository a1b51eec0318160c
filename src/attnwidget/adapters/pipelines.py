"""A pipeline of transformers: its model and its tokenizer."""

from __future__ import annotations

from typing import Any


def take(given: Any, tokenizer: Any) -> tuple[Any, Any]:
    """Return the model that a pipeline runs, and the tokenizer: the user's, or the pipeline's."""
    return given.model, given.tokenizer if tokenizer is None else tokenizer
