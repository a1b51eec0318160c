"""What BertViz's functions are given, checked as BertViz checks it, and made a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, Any

from attnwidget.tokens import Tokens, describe
from attnwidget.tokens.labels import visible
from attnwidget.trace import AttentionTrace

if TYPE_CHECKING:
    from collections.abc import Sequence

_PARTS = ("encoder", "decoder", "cross")
_SIDES = {"encoder": ("encoder",), "decoder": ("decoder",), "cross": ("encoder", "decoder")}
_OF_PAIRS = (
    "If you specify 'attention' you may not specify any encoder-decoder arguments. This argument is only for "
    "self-attention models."
)
_EMPTY = (
    "{} holds no layer. Of current models `outputs[-1]` is no longer the attention: pass `outputs.attentions`, of a "
    'model loaded with attn_implementation="eager" and called with output_attentions=True; or let this package run the '
    "model: attnwidget.AttentionWidget(text, model=model, tokenizer=tokenizer)"
)
_DIMENSIONS = (
    "The attention tensor does not have the correct number of dimensions: expected (1, heads, queries, keys), got {} "
    "in layer {} of {}. Make sure you set output_attentions=True when initializing your model."
)


@dataclass(frozen=True)
class Given:
    """Arguments under BertViz's names."""

    attention: Any
    tokens: Sequence[str] | None
    sentence_b_start: int | None
    prettify_tokens: bool
    _: KW_ONLY
    encoder_attention: Any
    decoder_attention: Any
    cross_attention: Any
    encoder_tokens: Sequence[str] | None
    decoder_tokens: Sequence[str] | None
    include_layers: Sequence[int] | None

    def trace(self) -> AttentionTrace:
        """Make a trace of the layers that are included.

        Raises
        ------
        ValueError
            Where BertViz raises one.
        IndexError
            If `include_layers` names a layer that is not there.
        TypeError
            If a model's whole output is given for its attention.
        """
        parts = {name: given for name in _PARTS if (given := getattr(self, f"{name}_attention")) is not None}
        if self.attention is not None:
            if self.tokens is None:
                raise ValueError("'tokens' is required")
            if parts or self.encoder_tokens is not None or self.decoder_tokens is not None:
                raise ValueError(_OF_PAIRS)
            layers = self._layers({"attention": self.attention})
            segments = self._segments(len(self.tokens))
            return AttentionTrace.from_attentions(
                self.attention, self._described(self.tokens), layers=layers, segments=segments
            )
        if not parts:
            raise ValueError("You must specify at least one attention argument.")
        for name in parts:
            for side in _SIDES[name]:
                if getattr(self, f"{side}_tokens") is None:
                    raise ValueError(f"'{side}_tokens' required if '{name}_attention' is not None")
        layers = self._layers({f"{name}_attention": given for name, given in parts.items()})
        return AttentionTrace.from_attentions(
            **parts,
            source_tokens=self._described(self.encoder_tokens),
            target_tokens=self._described(self.decoder_tokens),
            layers=layers,
        )

    @staticmethod
    def heads(wanted: int | Sequence[int] | None, count: int, name: str) -> list[int]:
        """Return the numbers of the heads that are wanted, all of them by default.

        Raises
        ------
        IndexError
            If one is not there.
        """
        numbers = [wanted] if isinstance(wanted, int) else list(wanted or range(count))
        for number in numbers:
            if not -count <= number < count:
                raise IndexError(f"{name}: there is no head {number}, but 0 to {count - 1}")
        return [number % count for number in numbers]

    def _layers(self, several: dict[str, Any]) -> list[int] | None:
        """Return the numbers of the layers that are included, None for all, after a look at those."""
        for name, given in several.items():
            if isinstance(given, Mapping):
                raise TypeError(f"{name} is a model's whole output: pass `outputs.attentions`")
            if not len(given):
                raise ValueError(_EMPTY.format(name))
        most = max(map(len, several.values()))
        wanted = [int(number) for number in self.include_layers or ()]  # BertViz takes an empty list for none
        missing = [number for number in wanted if not -most <= number < most]
        if missing:
            raise IndexError(f"include_layers: there is no layer {missing[0]}, but 0 to {most - 1}")
        included = [number % most for number in wanted]
        for name, given in several.items():
            for number in included or range(len(given)):
                shape = tuple(getattr(given[number], "shape", (0,) * 4)) if number < len(given) else (0,) * 4
                if len(shape) != 4:
                    raise ValueError(_DIMENSIONS.format(shape, number, name))
        return included or None

    def _segments(self, n: int) -> list[int] | None:
        if self.sentence_b_start is None:
            return None
        if not 0 < self.sentence_b_start < n:
            raise ValueError(
                f"sentence_b_start must be the position of sentence B's first token, 1 to {n - 1}, "
                f"got {self.sentence_b_start}"
            )
        return [int(at >= self.sentence_b_start) for at in range(n)]

    def _described(self, tokens: Any) -> Any:
        return None if tokens is None else labelled(tokens, pretty=self.prettify_tokens)


def labelled(tokens: Sequence[str], *, pretty: bool) -> Tokens:
    """Describe tokens as a reader sees them or, if they are not to be `pretty`, as the vocabulary writes them."""
    if not pretty:
        found = describe(tokens)
        return replace(found, text=[visible(token) for token in found.raw])
    raw = list(tokens)
    ends = [token.replace("</w>", "") if isinstance(token, str) else token for token in raw]  # of GPT-1 and XLM
    return replace(describe(ends), raw=raw)
