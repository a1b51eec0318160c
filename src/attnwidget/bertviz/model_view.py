"""`model_view`, with BertViz's arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attnwidget.bertviz.given import Given
from attnwidget.bertviz.shown import ShownWidget, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.display import HTML


def model_view(  # noqa: PLR0917 - as BertViz's
    attention: Any = None,
    tokens: Sequence[str] | None = None,
    sentence_b_start: int | None = None,
    prettify_tokens: bool = True,  # noqa: FBT001, FBT002
    display_mode: str = "dark",  # noqa: ARG001 - see below
    encoder_attention: Any = None,
    decoder_attention: Any = None,
    cross_attention: Any = None,
    encoder_tokens: Sequence[str] | None = None,
    decoder_tokens: Sequence[str] | None = None,
    include_layers: Sequence[int] | None = None,
    include_heads: Sequence[int] | None = None,
    html_action: str = "view",
) -> ShownWidget | HTML:
    """Show all heads of all layers at a glance, each as a picture of its pattern.

    Parameters
    ----------
    attention, tokens, sentence_b_start, prettify_tokens, include_layers, html_action
        As of `head_view`.
    encoder_attention, decoder_attention, cross_attention, encoder_tokens, decoder_tokens
        As of `head_view`.
    display_mode : str
        BertViz's "dark" or "light". The widget follows the notebook's own theme, and a page its reader's.
    include_heads : sequence of int, optional
        Which heads are chosen; what `html_action` "return" gives carries no others. A widget has the others at hand.

    Returns
    -------
    AttentionWidget or IPython.display.HTML
        As `html_action` says.

    Raises
    ------
    ValueError, IndexError
        Where BertViz raises; also if a number is no weight, 0 … 1.
    """
    given = Given(
        attention,
        tokens,
        sentence_b_start,
        prettify_tokens,
        encoder_attention=encoder_attention,
        decoder_attention=decoder_attention,
        cross_attention=cross_attention,
        encoder_tokens=encoder_tokens,
        decoder_tokens=decoder_tokens,
        include_layers=include_layers,
    )
    trace = given.trace()
    first = trace.attentions[0]
    options: dict[str, Any] = {"attention": first, "view": "heads"}
    if include_heads:  # BertViz takes an empty list for none
        count = max(map(trace.n_heads, trace.attentions))
        numbers = given.heads(include_heads, count, "include_heads")
        own = [head for head in numbers if head < trace.n_heads(first)] or [0]
        options["heads"] = [(trace.kept(first)[0], head) for head in own]
        layers = {layer for name in trace.attentions for layer in trace.kept(name)}
        options["heads_carried"] = [(layer, head) for layer in sorted(layers) for head in numbers]
    return shown(trace, html_action, **options)
