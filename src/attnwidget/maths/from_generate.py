"""Layers from what `model.generate` returned: at each step a matrix, of the whole prompt first, then of one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from attnwidget.maths.from_arrays import as_weights
from attnwidget.maths.layers import WeightsLayer
from attnwidget.maths.mask import Mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    Steps = Sequence[Sequence[Tensor]]  # by step and layer: (batch, heads, queries, keys)

_HOW = (
    'load the model with attn_implementation="eager" and call model.generate(…, output_attentions=True, '
    "return_dict_in_generate=True)"
)
_NAMES = {"encoder": "encoder_attentions", "decoder": "decoder_attentions", "cross": "cross_attentions"}


class Written(NamedTuple):
    """What one sequence of the output left behind."""

    layers: dict[str, list[WeightsLayer]]
    length: int  # tokens
    prompt: int  # of those, how many were given and not written
    notices: list[str]


class _Chosen(NamedTuple):
    """One sequence among those of the output."""

    rows: list[int]  # at each step, where in the batch the beam stood that it comes from
    text: int  # which of the texts that were given
    texts: int  # of so many
    about: str

    def of(self, batch: Tensor) -> Tensor:
        """Return what belongs to its text; there is one for each text, or one for each sequence."""
        return batch[self.text * len(batch) // self.texts]


def read_generated(
    outputs: Any, tokens: int, source: int | None, *, sequence: int = 0, attention_mask: Any = None
) -> Written:
    """Put the steps of one sequence together; see `AttentionTrace.from_generate`.

    Parameters
    ----------
    outputs : ModelOutput
        Of `generate`.
    tokens : int
        How many the user names.
    source : int, optional
        How many of the encoder; None where there is none.
    """
    given = {name: _get(outputs, attribute) for name, attribute in _NAMES.items()}
    steps = _get(outputs, "attentions") if given["decoder"] is None else given["decoder"]
    if not steps:
        raise ValueError(f"the output holds no attentions; {_HOW}")
    has_decoder = given["decoder"] is not None
    if has_decoder != (source is not None):
        raise TypeError(
            "an encoder–decoder's output goes with source_tokens, what the encoder reads"
            if has_decoder
            else "source_tokens are for an encoder–decoder's output; this one is of a model with one text"
        )
    for name, some in given.items() if has_decoder else [("", steps)]:
        _check(some, f"{name}_attentions".lstrip("_"), by_step=name != "encoder")
    chosen = _choose(outputs, steps, sequence)
    prompt = _prompt_length(outputs, steps)
    ids = _get(outputs, "sequences")
    length = prompt + len(chosen.rows)  # the last token was written, and not read
    if ids is not None and tokens == ids.shape[1]:
        tokens = min(tokens, length)  # what follows a beam that has ended is padding
    if not prompt <= tokens <= length:
        raise ValueError(
            f"expected the tokens of the whole sequence, {prompt} of the prompt and {length - prompt} that were "
            f"written, got {tokens}; tokenizer.convert_ids_to_tokens(outputs.sequences[{sequence}]) gives them"
        )
    first = prompt - steps[0][0].shape[-2]  # the first token whose row was computed
    own_mask = None if has_decoder else _mask_row(attention_mask, chosen, prompt)
    layers = {"decoder" if has_decoder else "self": _causal(steps, chosen.rows, first, tokens, own_mask)}
    if source is not None:
        keep = _mask_row(attention_mask, chosen, source)
        encoder = [chosen.of(one) for one in given["encoder"]]  # (heads, m, m)
        cross = _across(given["cross"], chosen.rows, first, (tokens, source), keep)
        rule = Mask(keep=keep)
        names = {"encoder": [_layer(one, rule, (source, source), "encoder") for one in encoder]}
        layers = {**names, **layers, "cross": cross}
    return Written(layers, tokens, prompt, _notices(chosen, first, is_whole=tokens < length))


def _get(outputs: Any, name: str) -> Any:
    return outputs.get(name) if isinstance(outputs, dict) else getattr(outputs, name, None)


def _check(steps: Any, name: str, *, by_step: bool) -> None:
    """Refuse what is no tensor of attention: SDPA returns none."""
    each = [one for step in steps or () for one in step] if by_step else list(steps or ())
    short = not steps or (by_step and any(len(step) != len(steps[0]) for step in steps))
    if short or not each or any(one is None or one.ndim != 4 for one in each):
        raise ValueError(f"{name} holds no weights (batch, heads, queries, keys) of some layer or step; {_HOW}")


def _choose(outputs: Any, steps: Steps, sequence: int) -> _Chosen:
    """Find one sequence in the batch; with beams, where its beam stood at each step."""
    batch, ids, beams = steps[0][0].shape[0], _get(outputs, "sequences"), _get(outputs, "beam_indices")
    count = batch if ids is None else len(ids)
    if not 0 <= sequence < count:
        raise ValueError(f"sequence must be a number from 0 to {count - 1}, got {sequence}")
    if beams is None:
        several = f"Sequence {sequence + 1} of the {count} in the output; sequence= chooses another."
        return _Chosen([sequence] * len(steps), sequence, count, several if count > 1 else "")
    rows = [int(one) for one in beams[sequence].tolist() if one >= 0]  # (steps until its end,)
    # the first step has one beam for each text, the others being its copies
    texts = beams[:, 0].unique().tolist()
    each = batch // len(texts)
    scores = _get(outputs, "sequences_scores")
    returned = count // len(texts)
    score = None if scores is None else float(scores[sequence])
    return _Chosen(rows, rows[0] // each, len(texts), name_beam(sequence % returned, each, returned, score))


def name_beam(number: int, beams: int, returned: int, score: float | None) -> str:
    """Say which of several beams this is."""
    said = "" if score is None else f", score {score:.2f}".replace("-", "−")
    if returned > 1:
        return f"Beam {number + 1} of {beams}{said}; sequence= chooses another of the {returned} that came back."
    return f"The best of {beams} beams{said}."


def _prompt_length(outputs: Any, steps: Steps) -> int:
    """Count the tokens that were not written. A cache may hold some of them already, or have room for more."""
    ids, (queries, keys) = _get(outputs, "sequences"), steps[0][0].shape[-2:]
    is_whole = _get(outputs, "beam_indices") is None and ids is not None and ids.shape[1] > len(steps)
    if is_whole:
        return int(ids.shape[1]) - len(steps)
    grows = len(steps) == 1 or steps[1][0].shape[-1] > keys
    return int(keys if grows else queries)


def _mask_row(given: Any, chosen: _Chosen, count: int) -> Tensor | None:
    """Return which tokens of a prompt are no padding, (tokens,); None where that is all."""
    if given is None:
        return None
    mask = torch.as_tensor(given)
    mask = chosen.of(mask) if mask.ndim == 2 else mask
    if tuple(mask.shape) != (count,):
        raise ValueError(
            f"expected attention_mask as generate was given it, for {count} tokens, got {tuple(mask.shape)}"
        )
    return None if bool(mask.all()) else mask.bool()


def _causal(steps: Steps, rows: Sequence[int], first: int, n: int, keep: Tensor | None) -> list[WeightsLayer]:
    """Put the rows of a text that looks at itself together."""
    rules: dict[int | None, Mask] = {}
    layers = []
    for number in range(len(steps[0])):
        heads, device = steps[0][number].shape[1], steps[0][number].device
        weights = torch.zeros(heads, n, n, dtype=steps[0][number].dtype, device=device)  # (heads, n, n)
        window: int | None = None
        for at, block in _blocks(steps, rows, number, first):
            end = at + block.shape[1]
            size = block.shape[2]
            if size > end and bool(block[..., end:].count_nonzero()):
                raise ValueError(
                    f"layer {number} holds weights for {size} keys where {end} tokens were written, and not 0 for "
                    "those that were not: it is no causal model's"
                )
            start = max(0, end - size)  # a sliding window has dropped what it no longer sees
            window = size if start and (window is None or size < window) else window
            block = block.detach()[:, : n - at, : max(0, min(end, n) - start)]  # noqa: PLW2901 - (heads, rows, keys)
            weights[:, at : at + block.shape[1], start : start + block.shape[2]] = block
        if window not in rules:
            rules[window] = _rule(weights, window, first, min(n, first + _rows(steps, rows)), keep)
        layers.append(WeightsLayer(as_weights(weights, rules[window], f"layer {number}"), rules[window]))
    return layers


def _rule(weights: Tensor, window: int | None, first: int, last: int, keep: Tensor | None) -> Mask:
    """Say which pairs may attend: earlier tokens, in the rows from `first` to before `last`, and no padding."""
    n = weights.shape[-1]
    at = torch.arange(n, device=weights.device)
    allowed = at <= at[:, None]  # (queries, keys)
    if window is not None:
        near = at > at[:, None] - window
        # the prompt's rows are of the same window, unless they say otherwise
        allowed &= near if not weights[:, ~near].count_nonzero() else allowed
    allowed[:first] = False
    allowed[last:] = False
    if keep is not None:
        allowed[:, : len(keep)] &= keep.to(allowed.device)[:n]
    return Mask.from_dense(allowed)


def _across(
    steps: Steps, rows: Sequence[int], first: int, shape: tuple[int, int], keep: Tensor | None
) -> list[WeightsLayer]:
    """Put the rows of a text that looks at another together."""
    n, m = shape
    seen = torch.zeros(n, m, dtype=torch.bool)
    seen[first : first + _rows(steps, rows)] = True if keep is None else keep.cpu()
    rule = Mask.from_dense(seen)
    layers = []
    for number in range(len(steps[0])):
        like = steps[0][number]
        weights = torch.zeros(like.shape[1], n, m, dtype=like.dtype, device=like.device)  # (heads, n, m)
        for at, block in _blocks(steps, rows, number, first):
            if block.shape[2] < m or bool(block[..., m:].count_nonzero()):
                raise ValueError(f"cross_attentions are of {block.shape[2]} source tokens, got {m} source_tokens")
            weights[:, at : at + block.shape[1]] = block.detach()[:, : n - at, :m]
        layers.append(WeightsLayer(as_weights(weights, rule, f"layer {number} of cross"), rule))
    return layers


def _rows(steps: Steps, rows: Sequence[int]) -> int:
    """Count the rows that were computed."""
    return int(steps[0][0].shape[-2]) + len(rows) - 1


def _blocks(steps: Steps, rows: Sequence[int], number: int, first: int) -> list[tuple[int, Tensor]]:
    """Return one layer's new rows at each step, (heads, rows, keys), and the position of the first of them."""
    blocks = []
    at = first
    for step, (layers, row) in enumerate(zip(steps, rows, strict=False)):
        whole = layers[number][row]  # (heads, queries, keys)
        block = whole if step == 0 else whole[:, -1:]  # without a cache all rows come again
        blocks.append((at, block))
        at += block.shape[1]
    return blocks


def _layer(weights: Tensor, rule: Mask, shape: tuple[int, int], name: str) -> WeightsLayer:
    if tuple(weights.shape[1:]) != shape:
        raise ValueError(f"{name}_attentions are of {weights.shape[-1]} source tokens, got {shape[1]} source_tokens")
    return WeightsLayer(as_weights(weights.detach(), rule, name), rule)


def _notices(chosen: _Chosen, first: int, *, is_whole: bool) -> list[str]:
    notices = [chosen.about] if chosen.about else []
    if first:
        notices.append(
            f"The rows of the first {first} tokens are not in the output: they were computed before, and came from a "
            "cache."
        )
    if not is_whole:
        notices.append("The last token was written and never read: it has no row of its own, and nothing looks at it.")
    return notices
