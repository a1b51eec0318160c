"""`capture`: one forward pass of a model, recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.fingerprint import fingerprint
from attnwidget.capture.foreign import runner_of, taken
from attnwidget.capture.forward import attention_names, forward
from attnwidget.capture.given import sort_out
from attnwidget.capture.memory import check_fits
from attnwidget.capture.predict import NO_HEAD, NextTokens, find_writer
from attnwidget.capture.prepare import Ready, prepare
from attnwidget.capture.recorder import Recorder
from attnwidget.capture.rerun import Pass
from attnwidget.capture.support import check, check_all_seen
from attnwidget.capture.vocabulary import Vocabulary
from attnwidget.capture.wrappers import core_of, unwrapped, virtual_tokens
from attnwidget.models import describe_model
from attnwidget.trace import AttentionTrace
from attnwidget.trace.predictions import Predictions
from attnwidget.trace.rerun import Rerun

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from torch import Tensor, nn

    from attnwidget.capture.generation import Generate, OnToken
    from attnwidget.maths import Layer

_NO_QKV = (
    "{} computes attention outside transformers' attention interface, and its queries, keys and values could not be "
    "verified; the weights are those that it returns itself"
)


def capture(
    model: nn.Module,
    text: str | Sequence[int] | Tensor | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    text_pair: str | None = None,
    *,
    text_target: str | Sequence[int] | None = None,
    tokenizer: Any = None,
    attention_mask: Sequence[Any] | Tensor | None = None,
    position_ids: Sequence[int] | Tensor | Literal["generate"] | None = None,
    token_type_ids: Sequence[int] | Tensor | None = None,
    inputs_embeds: Tensor | None = None,
    tokens: Sequence[str] | None = None,
    add_special_tokens: bool | None = None,
    generate: Generate = 0,
    layers: Collection[int] | None = None,
    values: bool = True,
    on_layer: Callable[[int, int], None] | None = None,
    on_token: OnToken | None = None,
) -> AttentionTrace:
    """Run a model once on one text, or token ids or a chat, and keep what its attention is recomputed from.

    What runs is what was handed over, with all that stands around it or upon it: adapters, hooks, a
    subclass's own `forward`. It runs in eval mode, without gradients, on the device where the model
    is; a class of transformers itself also without its head. Afterwards it is as before, whatever
    happens.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        A decoder-only, encoder-only or encoder–decoder model, also in an adapter of PEFT,
        `torch.compile` or `DataParallel`. Virtual tokens that prompt tuning puts before the text
        are the trace's first, "[prompt 1]" …. Or another library's object: a pipeline of transformers,
        nnsight's `LanguageModel`, TransformerLens's `TransformerBridge` or `HookedTransformer`.
    text : str, token ids, chat messages, or mapping
        A **text**. It must not be longer than the model's table of learned positions; rotary positions and ALiBi have
        no such bound.

        **Token ids**: a list, an array or a tensor, (n,) or (1, n). They are run as they are, nothing is added, and
        `AttentionTrace.ids` gives them back. Without a tokenizer they are shown as numbers.

        What a **tokenizer returns** (`BatchEncoding`), or a mapping of the same: `input_ids`, and where they are in it
        `attention_mask`, `position_ids` and `token_type_ids`, handed on as ``model(**inputs)`` would. `inputs_embeds`
        may stand for the ids.

        **Chat messages**: a list of ``{"role": …, "content": …}``, written by the tokenizer's chat template. The
        template writes the special tokens, the tokenizer adds none. The trace's `segments` say of which message each
        token is, counted from 0. With `generate` the assistant's turn is opened, and is one more.

        Several of these are a batch: `attnwidget.capture_batch`.
    text_pair : str, optional
        A second text, for models that read sentence pairs; the trace then has `segments`.
    text_target : str or token ids, optional
        What an encoder–decoder model is to say. Without it the model generates it, greedily, up to
        its end mark or 256 tokens. The decoder reads its start token, then the target: of token ids, too.
    tokenizer : optional
        The model's tokenizer. Without it, the one beside the model's weights on this machine.
    attention_mask : sequence of int or Tensor, optional
        (n,) or (1, n) for the text's n tokens: 1 keeps a token, 0 masks it as padding is masked; it stays in the
        trace, as a key that nobody may attend to.
        Or (n, n) or (1, 1, n, n), bool or added to the scores: which pairs may attend. This *is*
        then the mask: a causal model's own is not added.
    position_ids : sequence of int, Tensor or "generate", optional
        (n,) or (1, n), the position of each token, as the model's own argument of the name. By default the model counts
        them. Of a text that is padded on the left most models then count the padding, too: the first real token of five
        behind three of padding is at 3, and learned positions make its attention another than without the padding.
        That is what a plain forward computes, and a notice says so. `model.generate` counts from the first real token
        instead, and so does ``position_ids="generate"``. Rotary positions, ALiBi and T5's tell only how far apart two
        tokens are: there the two are the same. OPT and RoBERTa count real tokens in either case.
    token_type_ids : sequence of int or Tensor, optional
        (n,) or (1, n), handed on to a model that takes them; 0 and 1 are `segments`, too.
    inputs_embeds : Tensor, optional
        (n, d_model) or (1, n, d_model), in place of a text: what the model would look up of its tokens.
    tokens : sequence of str, optional
        What to call each of `inputs_embeds`, where it is a must, or of token ids, in place of the tokenizer's names.
    add_special_tokens : bool, optional
        Of a text: whether the tokenizer puts its marks around it. By default as the tokenizer does.
    generate : int, dict or GenerationConfig
        Tokens that a causal model adds to the text before the pass, the likeliest each time; fewer if it ends the text.
        Or options that are handed on to ``model.generate``: ``{"max_new_tokens": 20, "do_sample": True, "top_p": 0.9,
        "seed": 1}``; of an encoder–decoder they say how it writes its target. Without `seed` PyTorch's own random
        numbers are drawn from; with it, they are afterwards as before. Of several texts (``num_beams``,
        ``num_return_sequences``) the trace is of the best, or of that which `sequence` in the dict numbers from 0, and
        `notices` says which that is. Positions are those of `model.generate`.
    layers : collection of int, optional
        Which layers to keep, of every attention; all by default.
    values : bool
        Whether to keep the values; without them the trace is a third smaller.
    on_layer : function, optional
        Called after every layer with (layers done, layers in all). What it raises stops the pass.
    on_token : function, optional
        Called after every token that the model writes with (what is written so far, tokens, tokens at most). If it
        returns true the writing ends, and the pass is over what there is; `notices` says so.

    Returns
    -------
    AttentionTrace
        Its `max_error` compares recomputed rows of every head with the attention outputs that the
        model itself went on with, in this very pass. A
        model that mixes attention with other layers has only its attention layers in the trace.
        Of a model outside transformers' attention interface the trace has the weights; where
        queries, keys and values could not be verified, `missing` says so. It keeps the model alive
        for its `breakdown`, `next_tokens` and `effects`; `release_model` lets it go. What a reader should know
        of the text is in its `notices` and comes as a warning: that it is longer than the model is
        configured for, or brings the tokenizer's own marks along, which are not added a second time.

    Raises
    ------
    CaptureError
        If a token id is outside the model's vocabulary, there are several rows, the width of `inputs_embeds` is
        another than the model's, or the tokenizer has no chat template or it refuses the messages. A ValueError.
    EmptyTextError
        If a text gives no tokens, or there are no ids.
    TextTooLongError
        If the text has more tokens than the model has positions.
    UnsupportedModelError
        If the model has no attention, or attention that cannot be recorded; or if what stands
        around it changes the text's tokens, or the mask, in a way that cannot be named.
    MissingTokenizerError
        If no tokenizer was given or found.
    ValueError
        If `attention_mask`, `position_ids`, `token_type_ids`, `tokens`, `layers` or `generate` does not fit the text
        or the model, or an argument has no meaning for what was given (`add_special_tokens` of token ids).
    TypeError
        If `model` is no transformers model, a text no string, or token ids are no whole numbers.
    MemoryError
        If the text's queries, keys and values would not fit into the memory that is free; told before the pass, with
        the numbers.
    """
    model, tokenizer = taken(model, tokenizer)
    foreign = runner_of(model)
    if foreign is not None:
        options = {"tokenizer": tokenizer, "layers": layers, "values": values, "on_layer": on_layer}
        others = {
            "text_pair": text_pair,
            "text_target": text_target,
            "attention_mask": attention_mask,
            "position_ids": position_ids,
            "token_type_ids": token_type_ids,
            "inputs_embeds": inputs_embeds,
            "tokens": tokens,
            "add_special_tokens": add_special_tokens,
            "generate": generate or None,
        }
        asked = {name: one for name, one in others.items() if one is not None}
        theirs: AttentionTrace = foreign.run(model, text, **options, asked=asked)
        return theirs
    whole: Any = unwrapped(model)
    check(whole)
    given = sort_out(
        text,
        text_pair,
        attention_mask=attention_mask,
        position_ids=position_ids,
        token_type_ids=token_type_ids,
        inputs_embeds=inputs_embeds,
        tokens=tokens,
        add_special_tokens=add_special_tokens,
    )
    ready = prepare(whole, given, text_target=text_target, tokenizer=tokenizer, generate=generate, on_token=on_token)
    return run(whole, ready, tokenizer, layers=layers, values=values, on_layer=on_layer)


def run(
    whole: Any,
    ready: Ready,
    tokenizer: Any,
    *,
    layers: Collection[int] | None,
    values: bool,
    on_layer: Callable[[int, int], None] | None,
) -> AttentionTrace:
    """Run a model once on what is ready; see `capture`."""
    total = check_run(whole, [ready], layers, values=values)
    progress = None if on_layer is None else lambda done: on_layer(done, max(done, total))
    recorder = Recorder(progress, attention_names(whole), None if layers is None else set(layers), values)
    try:
        found = forward(whole, ready.options, recorder)
    except (IndexError, TypeError, ValueError, RuntimeError) as error:
        if not ready.has_pairs or recorder.layers or isinstance(error, UnsupportedModelError):
            raise
        raise UnsupportedModelError(f"{type(whole).__name__} takes no attention_mask of pairs ({error})") from error
    return make_trace(whole, ready, found, recorder, tokenizer)


def check_run(whole: Any, rows: Sequence[Ready], layers: Collection[int] | None, *, values: bool) -> int:
    """Check which layers are wanted, and that they fit into memory; return how many layers there seem to be."""
    total = _count_layers(whole)
    if layers is not None and not all(0 <= number < max(total, 1) for number in layers):
        raise ValueError(f"layers must be numbers from 0 to {total - 1}, got {list(layers)}")
    core = core_of(whole)
    if not core.config.is_encoder_decoder:
        at, count = rows[0].options["attention_mask"].device, sum(len(one.tokens.text) for one in rows)
        sizes = core.config.get_text_config(), core.get_input_embeddings().weight.dtype, at, count
        check_fits(*sizes, layers=layers, values=values)
    return total


def make_trace(  # noqa: PLR0917 - what a pass was given, and what it gave
    whole: Any,
    ready: Ready,
    found: dict[str, list[Layer]],
    recorder: Recorder,
    tokenizer: Any,
    again: Pass | None = None,
) -> AttentionTrace:
    """Check what a pass has left behind, and make it a trace that can run the same pass (`again`) once more."""
    total = _count_layers(whole)
    count = sum(map(len, found.values()))
    if total and count > total:
        raise UnsupportedModelError(
            f"{type(whole).__name__} computes {count} attentions in {total} layers; "
            "which of them make a layer's weights cannot be told"
        )
    if count < total:
        check_all_seen(whole)
    _name_virtual(whole, found, ready)
    _check_shapes(found, ready)

    if again is None:
        again = Pass(
            whole,
            ready.options,
            total,
            vocabulary=Vocabulary(whole, tokenizer),
            layers=found,
            make=lambda layers, seen, edited: make_trace(whole, ready, layers, seen, tokenizer, edited),
            is_interfaced=bool(recorder.layers),
        )
    trace = AttentionTrace(
        found,
        ready.tokens,
        source=ready.source,
        model_name=describe_model(whole),
        max_error=recorder.max_error,
        segments=ready.segments,
        generated=ready.generated,
        notices=ready.notices,
        project=again.project,
    )
    trace.rerun, trace.fingerprint = Rerun(again), fingerprint(whole)
    kind = type(whole).__name__
    trace.predictions = Predictions(missing=NO_HEAD.format(kind))
    writer = find_writer(whole)
    if writer is not None:
        # Of those that see the whole text some can generate, too; a mask of pairs is the user's, or put there later.
        is_writer = writer.can_generate() and (ready.source is not None or ready.has_pairs or trace.causal)
        again.predicts = again.predicts or ("next" if is_writer else "place")
        trace.predictions = Predictions(NextTokens(again), again.predicts)
    trace.missing = "" if trace.has_qkv else _NO_QKV.format(kind)
    if ready.source is not None and "encoder" not in found:  # LongT5's local blocks
        trace.missing = f"{kind}'s encoder computes attention outside transformers' attention interface"
    return trace


def _count_layers(model: Any) -> int:
    whole = core_of(model).config
    config = whole.get_text_config()
    count = int(getattr(config, "num_hidden_layers", 0) or 0)
    if not whole.is_encoder_decoder:
        return count
    decoder = getattr(config, "num_decoder_layers", None) or getattr(config, "decoder_layers", None) or count
    return count + 2 * int(decoder)


def _name_virtual(model: Any, found: dict[str, list[Layer]], ready: Ready) -> None:
    """Name the tokens that the model has put before the text, if this pass has them: adapters can be switched off."""
    count = virtual_tokens(model)
    read = found.get("encoder", found.get("self", []))
    if count and {layer.shape[2] for layer in read} == {len((ready.source or ready.tokens).text) + count}:
        ready.put_before(count)


def _check_shapes(found: dict[str, list[Layer]], ready: Ready) -> None:
    target, source = len(ready.tokens.text), len((ready.source or ready.tokens).text)
    expected = {"encoder": (source, source), "cross": (target, source)}
    for name, those in found.items():
        n, m = expected.get(name, (target, target))
        shapes = {layer.shape[1:] for layer in those}
        if shapes != {(n, m)}:
            raise UnsupportedModelError(
                f"expected {name} attention of {n} queries and {m} keys (the text's tokens) in every layer, "
                f"got (queries, keys) {sorted(shapes)}"
            )
