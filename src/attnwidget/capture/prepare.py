"""Everything that one pass is given, made from what the user wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.capture.encode import encode, tokenizer_for
from attnwidget.capture.generation import read_options
from attnwidget.capture.inputs import read_tokens
from attnwidget.capture.masks import read_mask
from attnwidget.capture.notices import beyond_context, strange_words
from attnwidget.capture.positions import GENERATE, counted, padded_left, read_positions
from attnwidget.capture.support import input_device
from attnwidget.capture.target import continue_prompt, decoder_ids
from attnwidget.capture.wrappers import core_of, sparing
from attnwidget.tokens import after_prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from attnwidget.capture.generation import Generate, OnToken, Options
    from attnwidget.capture.given import Given
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
    given: Given,
    *,
    text_target: str | Sequence[int] | None = None,
    tokenizer: Any = None,
    generate: Generate = 0,
    on_token: OnToken | None = None,
) -> Ready:
    """Tokenize, check and, where wanted, generate; see `attnwidget.capture.capture`."""
    core = core_of(model)
    has_decoder = bool(core.config.is_encoder_decoder)
    writing = read_options(generate)
    _check_together(model, given, text_target, writing)
    continues = bool(writing) and not has_decoder
    tokenizer = tokenizer_for(model, tokenizer, given)
    found = encode(model, tokenizer, given, opens=continues)
    n = len(found.tokens.text)
    device = input_device(model)
    mask = read_mask(given.mask, n, core.get_input_embeddings().weight.dtype).to(device)
    if mask.ndim == 4 and (has_decoder or writing):
        raise ValueError("an attention_mask of pairs is for one text of a model with one attention")
    if found.embeds is None:
        options = {"input_ids": torch.tensor([found.ids], device=device)}  # (1, n)
    else:
        options = {"inputs_embeds": found.embeds[None].to(device)}  # (1, n, d_model)
    ready = Ready(options | {"attention_mask": mask}, found.tokens, segments=found.segments)
    name = str(getattr(core, "name_or_path", ""))
    ready.notices += [*found.notices, *strange_words(name, found.tokens, getattr(tokenizer, "unk_token", None))]
    if continues:
        _continue(ready, model, tokenizer, given, writing, on_token)
    else:
        if found.types is not None:
            ready.options["token_type_ids"] = torch.tensor([found.types], device=device)  # (1, n)
        ready.options |= read_positions(model, given.positions, mask, device)
    if "position_ids" not in ready.options:
        ready.notices += padded_left(model, ready.options["attention_mask"])
    if has_decoder:
        read = options.get("input_ids", mask)
        target, notices = decoder_ids(model, tokenizer, text_target, read, mask, writing, on_token)
        ready.notices += notices
        ready.options["decoder_input_ids"] = torch.tensor([target], device=device)
        ready.source, ready.tokens = ready.tokens, read_tokens(tokenizer, target)
        ready.segments = None  # they are of `tokens`
        ready.generated = [text_target is None and at > 0 for at in range(len(target))]
        ready.notices += beyond_context(core.get_encoder().config, n)
        ready.notices += beyond_context(core.get_decoder().config, len(ready.tokens.text), "The target")
    else:
        ready.notices += beyond_context(core.config, len(ready.tokens.text))
    if ready.has_pairs and "position_ids" not in ready.options:
        ready.options |= counted(core, torch.ones(1, n, dtype=torch.long, device=device))
    ready.options |= sparing(model)
    return ready


def _check_together(model: Any, given: Given, text_target: object, writing: Options) -> None:
    has_decoder = bool(core_of(model).config.is_encoder_decoder)
    if text_target is not None and not has_decoder:
        raise ValueError(f"text_target is for encoder–decoder models; {type(model).__name__} is none")
    if writing and given.text_pair is not None:
        raise ValueError("generate must be 0 or more tokens for one text of a causal model: here are two texts")
    if writing and text_target is not None:
        raise ValueError("text_target says what the model is to say: nothing is left for generate to write")
    if given.embeds is not None and (writing or (has_decoder and text_target is None)):
        raise ValueError("nothing is generated from inputs_embeds: pass token ids, or text_target= of a decoder")


def _continue(  # noqa: PLR0917 - the text, then how it is written
    ready: Ready, model: Any, tokenizer: Any, given: Given, writing: Options, on_token: OnToken | None
) -> None:
    """Let the model add tokens to the text; of padding, the pass takes the positions that `generate` counted."""
    prompt, mask = ready.options["input_ids"], ready.options["attention_mask"]  # (1, n)
    if given.types is not None or (given.positions is not None and not isinstance(given.positions, str)):
        raise ValueError("generate goes without token_type_ids, and counts positions by itself")
    ids, notices = continue_prompt(model, tokenizer, prompt, mask, writing, on_token)
    ready.notices += notices
    more = len(ids) - prompt.shape[1]
    mask = torch.cat([mask, mask.new_ones(1, more)], dim=1)  # (1, n + more)
    ready.options = {"input_ids": torch.tensor([ids], device=prompt.device), "attention_mask": mask}
    ready.options |= read_positions(model, GENERATE, mask, prompt.device)
    ready.tokens = read_tokens(tokenizer, ids)
    ready.generated = [at >= prompt.shape[1] for at in range(len(ids))]
    if given.messages is not None and ready.segments is not None:
        ready.segments += [len(given.messages)] * more  # the turn that was opened
