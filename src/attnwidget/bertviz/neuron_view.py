"""`neuron_view.show`, with BertViz's arguments: every step of a weight, in today's models of any architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attnwidget.bertviz.shown import ShownWidget, shown

if TYPE_CHECKING:
    from IPython.display import HTML
    from torch.nn import Module


def show(  # noqa: PLR0917 - as BertViz's
    model: Module,
    model_type: str,
    tokenizer: Any,
    sentence_a: str,
    sentence_b: str | None = None,
    display_mode: str = "dark",  # noqa: ARG001 - the widget follows the notebook's own theme
    layer: int | None = None,
    head: int | None = None,
    html_action: str = "view",
) -> ShownWidget | HTML:
    """Show how a head's weights come about, from the queries and keys on.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Any that `attnwidget.capture` takes, as transformers loads it. BertViz's own classes are not needed.
    model_type : str
        What BertViz asks for, "bert", "gpt2" or "roberta"; any other word will do, the model itself is looked at.
    tokenizer : transformers tokenizer
        The model's; it adds its marks itself.
    sentence_a, sentence_b : str
        The text, and a second one for models that read pairs.
    display_mode : str
        BertViz's "dark" or "light". The widget follows the notebook's own theme, and a page its reader's.
    layer, head : int, optional
        Which head to open, by default the first.
    html_action : "view" or "return"
        Whether to display a widget, here and now, and return it; or to return HTML that works alone.

    Returns
    -------
    AttentionWidget or IPython.display.HTML
        As `html_action` says.

    Raises
    ------
    ValueError
        Without a text, for two texts of a GPT-2, and whatever `attnwidget.capture` refuses.
    TypeError
        For a model of BertViz's own classes.
    """
    if not sentence_a:
        raise ValueError("Sentence A is required")
    if sentence_b and model_type == "gpt2":
        raise ValueError(f"Model {model_type} does not support sentence pairs")
    kind = type(model)
    if kind.__module__.startswith("bertviz."):
        raise TypeError(
            f"this {kind.__name__} is BertViz's own copy of 2019; load the model with transformers: "
            f"from transformers import {kind.__name__}"
        )
    return shown(
        sentence_a,
        html_action,
        model=model,
        tokenizer=tokenizer,
        text_pair=sentence_b or None,
        view="breakdown",
        heads=[(layer or 0, head or 0)],
    )
