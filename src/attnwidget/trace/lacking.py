"""What a layer of a trace does not have, in words for whoever asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.maths import LeftOut, QKVLayer
from attnwidget.maths.layers import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Collection

    from attnwidget.maths import Layer, Projection

TAKE_OUTPUT = frozenset({"output", "block", "rest", "gradient", "direction"})
"""What a measure may need that takes W_O."""

NO_VALUES = "this trace has no values: they were left out (values=False)"

NOTHING_BESIDE = "nothing stands beside this trace to be subtracted: attnwidget.compare(a, b) compares two"


def why_no_qkv(layer: Layer, what: str, missing: str) -> str:
    """Say why a layer has no queries, keys and values; empty if it has.

    Parameters
    ----------
    layer : Layer
        The layer.
    what : str
        What was asked for: "scores".
    missing : str
        Of the trace.
    """
    if isinstance(layer, QKVLayer):
        return ""
    return LEFT_OUT if isinstance(layer, LeftOut) else f"this trace has no {what}: {missing}"


def why_not(needs: Collection[str], layer: Layer, missing: str, projection: Projection | str | None) -> str:
    """Say why a layer does not have what a measure needs; empty if it has.

    Parameters
    ----------
    needs : collection of str
        Of the measure.
    layer : Layer
        The layer.
    missing : str
        Of the trace.
    projection : Projection, str or None
        W_O of the layer, or why it is not known; None while it has not been looked for.
    """
    if isinstance(layer, LeftOut):
        return LEFT_OUT
    reason = why_no_qkv(layer, "scores", missing) if "scores" in needs else ""
    takes_output = bool(TAKE_OUTPUT & set(needs))
    if not reason and (takes_output or "values" in needs):
        reason = why_no_qkv(layer, "values", missing) or (NO_VALUES if getattr(layer, "v", None) is None else "")
    if not reason and takes_output and isinstance(projection, str):
        reason = projection
    return reason
