"""Everything that one pass is given, made from what the user wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import signature
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from attnwidget.capture.generation import read_options
from attnwidget.capture.inputs import encode, find_tokenizer, read_tokens
from attnwidget.capture.masks import read_mask
from attnwidget.capture.notices import beyond_context, strange_words
from attnwidget.capture.support import input_device
from attnwidget.capture.target import continue_prompt, decoder_ids
from attnwidget.capture.wrappers import core_of, sparing
from attnwidget.tokens import after_prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attnwidget.capture.generation import Generate, OnToken, Options
    from attnwidget.tokens import Tokens


@dataclass
class Ready:
    """What the model takes, and what is known of its tokens."""

    options: dict[str, Any]
    tokens: Tokens  # with a decoder, the target's
    source: Tokens | None = None
    segments: list[int] | None = None
    generated: list[bool] | None = None
    notices: list[str] = field(default_factory=list)

    @property
    def has_pairs(self) -> bool:
        """Whether the mask is one of pairs, not of tokens."""
        mask: Tensor = self.options["attention_mask"]
        return mask.ndim == 4

    def put_before(self, count: int) -> None:
        """Name virtual tokens that the model has put before the text's; with a decoder, before the source's."""
        if self.source is not None:
            self.source = after_prompt(self.source, count)
            return
        self.tokens = after_prompt(self.tokens, count)
        self.segments = self.segments and [0] * count + self.segments
        self.generated = self.generated and [False] * count + self.generated


def prepare(
    model: Any,
    text: str,
    text_pair: str | None,
    *,
    text_target: str | None,
    tokenizer: Any,
    attention_mask: Sequence[Any] | Tensor | None,
    generate: Generate = 0,
    on_token: OnToken | None = None,
) -> Ready:
    """Tokenize, check and, where wanted, generate; see `attnwidget.capture.capture`."""
    has_decoder = bool(core_of(model).config.is_encoder_decoder)
    if text_target is not None and not has_decoder:
        raise ValueError(f"text_target is for encoder–decoder models; {type(model).__name__} is none")
    writing = read_options(generate)
    if writing and text_pair is not None:
        raise ValueError("generate must be 0 or more tokens for one text of a causal model: here are two texts")
    if writing and text_target is not None:
        raise ValueError("text_target says what the model is to say: nothing is left for generate to write")
    tokenizer = find_tokenizer(model) if tokenizer is None else tokenizer
    given = encode(model, tokenizer, text, text_pair)
    device = input_device(model)
    dtype = core_of(model).get_input_embeddings().weight.dtype
    mask = read_mask(attention_mask, len(given.ids), dtype).to(device)
    if mask.ndim == 4 and (has_decoder or writing):
        raise ValueError("an attention_mask of pairs is for one text of a model with one attention")
    ids = torch.tensor([given.ids], device=device)  # (1, n)
    ready = Ready({"input_ids": ids, "attention_mask": mask}, given.tokens, segments=given.segments)
    name = str(getattr(core_of(model), "name_or_path", ""))
    ready.notices += [*given.notices, *strange_words(name, given.tokens, getattr(tokenizer, "unk_token", None))]
    if writing and not has_decoder:
        _continue(ready, model, tokenizer, writing, on_token)
    elif given.types is not None:
        ready.options["token_type_ids"] = torch.tensor([given.types], device=device)  # (1, n)
    if has_decoder:
        target, notices = decoder_ids(model, tokenizer, text_target, ids, mask, writing, on_token)
        ready.notices += notices
        ready.options["decoder_input_ids"] = torch.tensor([target], device=device)
        ready.source, ready.tokens = ready.tokens, read_tokens(tokenizer, target)
        ready.generated = [text_target is None and at > 0 for at in range(len(target))]
        core = core_of(model)
        ready.notices += beyond_context(core.get_encoder().config, len(given.ids))
        ready.notices += beyond_context(core.get_decoder().config, len(ready.tokens.text), "The target")
    else:
        ready.notices += beyond_context(core_of(model).config, len(ready.tokens.text))
    if ready.has_pairs:
        ready.options |= _positions(core_of(model), len(given.ids), device)
    ready.options |= sparing(model)
    return ready


def _continue(ready: Ready, model: Any, tokenizer: Any, writing: Options, on_token: OnToken | None) -> None:
    """Let the model add tokens to the text."""
    prompt, mask = ready.options["input_ids"], ready.options["attention_mask"]  # (1, n)
    ids, notices = continue_prompt(model, tokenizer, prompt, mask, writing, on_token)
    ready.notices += notices
    more = len(ids) - prompt.shape[1]
    ready.options = {
        "input_ids": torch.tensor([ids], device=prompt.device),
        "attention_mask": torch.cat([mask, mask.new_ones(1, more)], dim=1),  # (1, n + more)
    }
    ready.tokens = read_tokens(tokenizer, ids)
    ready.generated = [at >= prompt.shape[1] for at in range(len(ids))]


def _positions(core: Any, n: int, device: torch.device) -> dict[str, Tensor]:
    """Count the positions for a model that would read them from a mask (OPT), and cannot from pairs."""
    for module in core.modules():
        if isinstance(module, nn.Embedding) and "attention_mask" in signature(module.forward).parameters:
            return {"position_ids": torch.arange(n, device=device)[None]}  # (1, n)
    return {}
