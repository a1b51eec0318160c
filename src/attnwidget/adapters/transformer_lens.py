"""TransformerLens: an `ActivationCache` as a trace, and its models, `TransformerBridge` and `HookedTransformer`.

A layer is taken from the cache as it is there, and proven: the weights recomputed from its queries and keys must be its
`hook_pattern`. Rotated queries and keys are tried first, then those that `hook_cos` and `hook_sin` rotate. Where
nothing gives the pattern, the trace has the pattern alone, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from attnwidget.adapters.cached_layer import CachedLayer, Cfg
from attnwidget.capture.errors import EmptyTextError, MissingTokenizerError, TextTooLongError, UnsupportedModelError
from attnwidget.capture.inputs import read_tokens
from attnwidget.capture.output import HeadOutputs
from attnwidget.capture.temporary import set_temporarily
from attnwidget.capture.twin import twin
from attnwidget.maths import LeftOut, Projection, QKVLayer
from attnwidget.maths.projection import version_of
from attnwidget.maths.softmax import upcast
from attnwidget.models import describe_model
from attnwidget.tokens import Tokens, describe
from attnwidget.trace import AttentionTrace
from attnwidget.trace.predictions import Predictions
from attnwidget.trace.rerun import Rerun

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from attnwidget.maths import Layer
    from attnwidget.trace.projections import Found

_NO_PATTERN = (
    "the cache holds no patterns (hook_pattern), so the weights recomputed from its queries and keys could not be held "
    "against the model's own"
)
_NO_RERUN = "{} is not run again with edits: use its own run_with_hooks, or capture the model as transformers loads it"
_KEPT_ROWS = 100  # predictions that are kept of every row


def take(given: Any, tokenizer: Any) -> tuple[Any, Any]:
    """Return the model as it is: it makes its own passes, with its own way from a text to tokens."""
    return given, tokenizer


def from_cache(
    cache: Any,
    tokens: Sequence[str] | Sequence[int] | Tensor,
    *,
    row: int | None = None,
    layers: Collection[int] | None = None,
    values: bool = True,
) -> AttentionTrace:
    """Make a trace from the activations that TransformerLens kept of one pass.

    Parameters
    ----------
    cache : transformer_lens.ActivationCache
        As ``model.run_with_cache(tokens)`` returns it. Of a filtered one at least `hook_q`, `hook_k`, `hook_v` and
        `hook_pattern` are needed, of a model with rotary positions `hook_rot_q` and `hook_rot_k`; `hook_attn_scores`
        tells the mask, `hook_attn_out` proves W_O.
    tokens : sequence of str, or token ids
        The text's tokens (``model.to_str_tokens(text)``), or what was run (``model.to_tokens(text)``).
    row : int, optional
        Which text of a batch.
    layers : collection of int, optional
        Which layers to keep; all by default.
    values : bool
        Whether to keep the values.

    Returns
    -------
    AttentionTrace
        With W_O from the cache's model, where that gives what the layer returned. `max_error` compares with `hook_z`.

    Raises
    ------
    ValueError
        If the cache lacks what is needed, holds several texts, or is not of these tokens.
    TypeError
        If it is no ActivationCache.
    """
    if not isinstance(getattr(cache, "cache_dict", None), dict):
        raise TypeError(f"expected a TransformerLens ActivationCache, got {type(cache).__name__}")
    described = _named(tokens, getattr(cache.model, "tokenizer", None), row)
    return _trace(cache, described, row, layers, values=values)


def run(
    model: Any,
    text: Any,
    *,
    tokenizer: Any = None,
    layers: Collection[int] | None = None,
    values: bool = True,
    on_layer: Callable[[int, int], None] | None = None,
    asked: Mapping[str, Any],
) -> AttentionTrace:
    """Run a model of TransformerLens once; see `attnwidget.capture`, whose other arguments are `asked`.

    Without a tokenizer the text becomes tokens as ``model(text)`` makes them, with its start token before it.
    """
    kind = type(model).__name__
    if asked:
        raise UnsupportedModelError(
            f"{', '.join(asked)} is not for {kind}: run it yourself with run_with_cache, and pass the cache to "
            "attnwidget.from_cache"
        )
    ids = _ids(model, text, tokenizer)  # (1, n)
    on_layer = on_layer or (lambda *_: None)
    total = int(model.cfg.n_layers)
    on_layer(0, total)
    with torch.no_grad(), set_temporarily((one, "training", False) for one in model.modules()):
        _, cache = model.run_with_cache(ids, return_type=None, names_filter=CachedLayer.needs)
    tokenizer = getattr(model, "tokenizer", None) if tokenizer is None else tokenizer
    trace = _trace(cache, _named(ids, tokenizer), None, layers, values=values)
    if not trace.causal:
        missing = f"what {kind} expects at a place is not known: load the model by transformers for that"
        trace.predictions = Predictions(missing=missing)
    else:
        trace.predictions = Predictions(_NextTokens(model, ids, tokenizer), "next")
    trace.rerun = Rerun(missing=_NO_RERUN.format(kind))
    on_layer(total, total)
    return trace


def _trace(
    cache: Any, tokens: Tokens, row: int | None, wanted: Collection[int] | None, *, values: bool
) -> AttentionTrace:
    cfg = Cfg.of(cache.model)
    n = len(tokens.text)
    if wanted is not None and not all(0 <= number < cfg.layers for number in wanted):
        raise ValueError(f"layers must be numbers from 0 to {cfg.layers - 1}, got {list(wanted)}")
    cached = [CachedLayer(cache, number, row, cfg) for number in range(cfg.layers)]
    there = [one for one in cached if one.is_there]
    if not there:
        raise ValueError(
            "the cache holds no attention (blocks.0.attn.hook_pattern …): let run_with_cache keep hook_q, hook_k, "
            "hook_v and hook_pattern; of encoder–decoder models nothing is read"
        )
    for one in there:
        one.check(n)
    kept = [one for one in there if wanted is None or one.number in wanted]
    read = {one.number: one.read(values=values) for one in kept}
    some = next(iter(read.values())) if read else cached[0].read(values=values)
    layers: list[Layer] = [read[one.number] if one.number in read else LeftOut(some.shape, some.mask) for one in cached]
    errors = [one.error for one in kept if one.error is not None]
    found: Found = {"self": [_project(cache.model, one, layers[one.number]) for one in cached]}
    trace = AttentionTrace(
        {"self": layers},
        tokens,
        model_name=describe_model(cache.model),
        max_error=max(errors) if errors else None,
        missing=next((one.why for one in kept if one.why), ""),
        notices=[_NO_PATTERN] if any(not one.is_proven and not one.why for one in kept) else [],
        project=lambda *_: found,
    )
    trace.find_projections()
    return trace


def _project(model: Any, cached: CachedLayer, layer: Layer) -> Projection | str:
    """Return W_O, if it makes of the heads what the layer returned."""
    if not isinstance(layer, QKVLayer) or layer.v is None:
        return ""
    name = f"blocks.{cached.number}.attn.W_O"
    try:
        attention = model.blocks[cached.number].attn
        weight, bias = attention.W_O.detach(), attention.b_O  # (heads, d_v, d_model), (d_model,)
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        return f"W_O is not known: {name} cannot be had ({error})"
    bias = None if bias is None else bias.detach()
    heads, width = layer.shape[0], layer.v.shape[-1]
    if weight.ndim != 3 or tuple(weight.shape[:2]) != (heads, width):
        return f"W_O is not known: {name} has shape {tuple(weight.shape)}, not ({heads}, {width}, d_model)"
    joined, heads_there = weight.flatten(0, 1), HeadOutputs(layer)
    output = next((one.clone() for one in cached.outputs if heads_there.gives(joined, bias, one)), None)
    if output is None and cached.outputs and not cached.cfg.normed:
        return f"no matrix could be proven to be W_O: {name} does not make of the heads what the layer returned"
    return Projection(weight, bias, output, name, version_of(weight))


def _named(tokens: Any, tokenizer: Any, row: int | None = None) -> Tokens:
    """Describe tokens that may be words or ids, of one text or a batch."""
    if isinstance(tokens, Tensor):
        tokens = tokens.tolist()
    given = list(tokens) if not isinstance(tokens, str) else tokens
    if given and isinstance(given[0], list | tuple | Tensor):
        if row is None and len(given) > 1:
            raise ValueError(f"these are the tokens of {len(given)} texts: say which with row=")
        given = list(given[row or 0])
    if isinstance(given, str) or not all(isinstance(one, int) for one in given):
        return describe(given)
    if tokenizer is None:
        return describe([str(one) for one in given])
    return read_tokens(tokenizer, given)


def _ids(model: Any, text: Any, tokenizer: Any) -> Tensor:
    """Make token ids of a text as the model does, or take those that are given: (1, n)."""
    kind = type(model).__name__
    if isinstance(text, str):
        if not text:
            raise EmptyTextError("the text '' gives no tokens; write at least one word")
        if tokenizer is not None:
            ids = torch.tensor([tokenizer(text)["input_ids"]])
        elif getattr(model, "tokenizer", None) is not None:
            ids = model.to_tokens(text, truncate=False)
        else:
            raise MissingTokenizerError(f"{kind} has no tokenizer; pass tokenizer=, or token ids in place of the text")
    else:
        what = f"{kind} is captured on a text or on the token ids of one, (n,) or (1, n)"
        try:
            ids = torch.as_tensor(text)
        except (RuntimeError, TypeError, ValueError) as error:
            raise UnsupportedModelError(f"{what}; got {type(text).__name__}") from error
        ids = ids[None] if ids.ndim == 1 else ids
        if ids.ndim != 2 or len(ids) != 1 or ids.is_floating_point():
            raise UnsupportedModelError(f"{what}; got {tuple(ids.shape)}")
    if not ids.numel():
        raise EmptyTextError("there are no tokens; write at least one word")
    most = int(model.cfg.n_ctx)
    is_bound = getattr(model.cfg, "positional_embedding_type", "") == "standard" or kind == "HookedTransformer"
    if is_bound and ids.shape[1] > most:
        raise TextTooLongError(f"the text has {ids.shape[1]} tokens, but the model has {most} positions; shorten it")
    return ids.to(model.cfg.device)


class _NextTokens:
    """The likeliest tokens after each place: one pass of a twin when they are first asked for."""

    def __init__(self, model: Any, ids: Tensor, tokenizer: Any) -> None:
        self._model, self._ids, self._tokenizer = model, ids, tokenizer
        self._top: tuple[Tensor, Tensor] | None = None  # (n, k) probabilities and ids

    @property
    def tensors(self) -> list[Tensor]:
        """What is kept of the pass."""
        return list(self._top or ())

    def __call__(self, row: int, k: int) -> list[tuple[str, float]]:
        """Return the k likeliest tokens as a reader sees them, and their probabilities."""
        if self._top is None or self._top[0].shape[1] < k:
            chances = self._chances()
            top = chances.topk(min(max(k, _KEPT_ROWS), chances.shape[-1]))
            self._top = top.values, top.indices
        likely, ids = (one[row, :k].tolist() for one in self._top)
        return list(zip(self.labels(ids), likely, strict=True))

    def probabilities(self, row: int) -> Tensor:
        """Return the probability of every token, (vocabulary,)."""
        return self._chances()[row]

    def labels(self, ids: list[int]) -> list[str]:
        """Return how tokens of the vocabulary read."""
        return [_named([number], self._tokenizer).text[0] for number in ids]

    def _chances(self) -> Tensor:
        model = twin(self._model).eval()
        with torch.no_grad():
            logits = model(self._ids, return_type="logits")[0]  # (n, vocabulary)
        return upcast(logits).softmax(-1)
