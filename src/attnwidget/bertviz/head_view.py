"""`head_view`, with BertViz's arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attnwidget.bertviz.given import Given
from attnwidget.bertviz.shown import ShownWidget, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.display import HTML


def head_view(  # noqa: PLR0917 - as BertViz's
    attention: Any = None,
    tokens: Sequence[str] | None = None,
    sentence_b_start: int | None = None,
    prettify_tokens: bool = True,  # noqa: FBT001, FBT002
    layer: int | None = None,
    heads: Sequence[int] | None = None,
    encoder_attention: Any = None,
    decoder_attention: Any = None,
    cross_attention: Any = None,
    encoder_tokens: Sequence[str] | None = None,
    decoder_tokens: Sequence[str] | None = None,
    include_layers: Sequence[int] | None = None,
    html_action: str = "view",
) -> ShownWidget | HTML:
    """Show attention as lines between tokens, of one or more heads of a layer.

    Parameters
    ----------
    attention : sequence of Tensor
        Of each layer the weights, (1, heads, n, n), as a model returns them under ``output_attentions=True``.
    tokens : sequence of str
        The n tokens.
    sentence_b_start : int, optional
        Where the second text of a pair begins.
    prettify_tokens : bool
        Whether tokens are shown as a reader sees them, or as the vocabulary writes them (``Ġcat``).
    layer : int, optional
        Which layer to open, by default the first that is there.
    heads : sequence of int, optional
        Which of its heads to open, all by default, as BertViz does.
    encoder_attention, decoder_attention, cross_attention : sequence of Tensor, optional
        In place of `attention`, those of an encoder–decoder model, one or more of them: (1, heads, m, m),
        (1, heads, n, n) and (1, heads, n, m).
    encoder_tokens, decoder_tokens : sequence of str, optional
        In place of `tokens`, the encoder's m and the decoder's n.
    include_layers : sequence of int, optional
        Which layers to keep; all by default.
    html_action : "view" or "return"
        Whether to display a widget, here and now, and return it; or to return HTML that works alone.

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
    kept, count = trace.kept(first), trace.n_heads(first)
    if layer is not None and layer not in kept:
        raise ValueError(f"Layer {layer} is not in include_layers: {kept}")
    opened = [(kept[0] if layer is None else layer, head) for head in given.heads(heads, count, "heads")]
    return shown(trace, html_action, attention=first, view="lines", heads=opened)
