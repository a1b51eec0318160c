"""The request server: a message in, a reply out, whatever happens in between."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from attnwidget.wire.protocol import ASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Handler = Callable[[Mapping[str, Any]], Mapping[str, Any]]

logger = logging.getLogger(__name__)


def answer(message: Mapping[str, Any], handlers: Mapping[str, Handler]) -> tuple[dict[str, Any], list[bytes]]:
    """Answer one request.

    Parameters
    ----------
    message : mapping
        ``{"id", "ask", ...}`` as it came from the browser.
    handlers : mapping
        For each name of `ASKS` a function from the message to the result. A result's ``"data"`` (bytes) travels as
        the reply's one buffer.

    Returns
    -------
    reply : dict
        ``{"id", "ok": result}`` or ``{"id", "error": {"message"}}``.
    buffers : list of bytes
        The result's bytes, if any.
    """
    request = message.get("id")
    handler = handlers.get(str(message.get("ask")))
    if handler is None:
        text = f"unknown request {message.get('ask')!r}; known: {', '.join(ASKS)}"
        return {"id": request, "error": {"message": text}}, []
    try:
        result = dict(handler(message))
    except Exception as error:  # every failure must reach the browser, or it would wait for ever
        logger.debug("request %r failed", message.get("ask"), exc_info=True)
        return {"id": request, "error": {"message": str(error) or type(error).__name__}}, []
    data = result.pop("data", None)
    return {"id": request, "ok": result}, [] if data is None else [data]
