"""The names of what the browser may ask; `js/src/wire/protocol.ts` holds the same ones.

A request is the custom message ``{"id", "ask", ...parameters}``. Its reply is ``{"id", "ok": {...}}``,
with one binary buffer where there is an array, or ``{"id", "error": {"message"}}``: errors are replies, so that
the browser never waits for an answer that was lost in a traceback.
"""

from __future__ import annotations

from typing import Literal, get_args

Ask = Literal["hello", "tile", "pictures", "categories", "run", "example", "stop", "code"]

ASKS: tuple[str, ...] = get_args(Ask)

# A pair that the model's mask forbids. Weights are never negative, so a forbidden pair is not taken for a zero.
FORBIDDEN = -1.0
