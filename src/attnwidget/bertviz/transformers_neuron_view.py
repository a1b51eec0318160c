"""transformers' own classes, under the name from which BertViz's notebooks import copies of some of 2019."""

from __future__ import annotations

import transformers


def __getattr__(name: str) -> object:
    return getattr(transformers, name)
