"""Where attention stands in a model: a small map from tokens to output, with "you are here", and what to say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attnwidget.maths import QKVLayer, RelativeBias
from attnwidget.trace.structure import Stack, Structure

if TYPE_CHECKING:
    from attnwidget.maths import Layer
    from attnwidget.trace.core import AttentionTrace
    from attnwidget.trace.structure import Block, Part

Level = Literal["sentence", "paragraph", "formula"]

_STACKS = {"self": "self", "encoder": "encoder", "decoder": "decoder", "cross": "decoder"}
_HERE = {"self": "attention", "encoder": "attention", "decoder": "attention", "cross": "cross-attention"}
_IN = {"self": "", "encoder": " of the encoder", "decoder": " of the decoder", "cross": " of the decoder"}
_ADDED = ("token", "position", "segment")
_NAMES = {"attention": "Attention", "cross-attention": "CrossAttention", "MLP": "MLP", "part": "Part"}


@dataclass(frozen=True)
class Stop:
    """A stop of the way through the model.

    Attributes
    ----------
    name : str
        What stands there: "tokens", "embedding + position", "norm", "attention", "cross-attention", "MLP", "…" where it
        is not known, and what comes out at the end.
    in_layer : bool
        Whether every layer has it; the others come once, before or after.
    adds : bool
        Whether it reads the residual stream and adds to it, beside the line and not on it.
    beside : bool
        Whether it reads the same as the stop before, so that both are added together.
    before, inside : bool
        Whether a norm stands before it, of what it reads, and behind it, of what it adds.
    here : bool
        Whether it is the attention that is looked at.
    """

    name: str
    in_layer: bool = False
    adds: bool = False
    beside: bool = False
    before: bool = False
    inside: bool = False
    here: bool = False


@dataclass(frozen=True)
class Pipeline:
    """The way from tokens to output through one layer's attention, as far as it is known.

    Attributes
    ----------
    attention : str
        "self", "encoder", "decoder" or "cross".
    layer, layers : int
        Which layer, counted from 0, and of how many.
    stops : tuple of Stop
        In the order of the way.
    sentence, paragraph, formula : str
        The same in words, at three depths.
    """

    attention: str
    layer: int
    layers: int
    stops: tuple[Stop, ...]
    sentence: str
    paragraph: str
    formula: str

    def __repr__(self) -> str:
        once, text = False, ""
        for stop in self.stops:
            if stop.in_layer and not once:
                text, once = f"{text} → [", True
            elif not stop.in_layer and once:
                text, once = f"{text}] × {self.layers}", False
            name = f"*{stop.name}*" if stop.here else stop.name
            name = f"{'norm ▸ ' * stop.before}{name}{' ▸ norm' * stop.inside}"
            text += name if text == "" or text.endswith("[") else f" {'+' if stop.beside else '→'} {name}"
        return f"{text}\n{self.sentence}"


def pipeline(trace: AttentionTrace, layer: int, attention: str, structure: Structure | None) -> Pipeline:
    """Make the map of one layer's attention.

    Parameters
    ----------
    trace : AttentionTrace
        The text's attention.
    layer : int
        Counted from 0.
    attention : str
        Which one.
    structure : Structure, optional
        What stands around attention; where that is not known, less is said.
    """
    stack = (structure or Structure()).stacks.get(_STACKS[attention])
    of_layer = None if stack is None or layer >= len(stack.blocks) else stack.blocks[layer]
    block = of_layer if of_layer and any(part.kind == _HERE[attention] for part in _parts(of_layer)) else None
    known = stack if stack is not None and block is not None else Stack(())
    rotary = (structure or Structure()).rotary.get(_STACKS[attention], ())
    about = _About(
        attention,
        layer,
        trace.n_layers(attention),
        known,
        block,
        is_rotary=block is not None and layer < len(rotary) and rotary[layer],
        is_biased=_is_biased(trace.layer(layer, attention=attention)),
        output=_output(trace, attention),
    )
    words = about.sentence(), about.paragraph(), about.formula()
    return Pipeline(attention, layer, about.layers, tuple(about.stops()), *words)


@dataclass(frozen=True)
class _About:
    """What is known of one place."""

    attention: str
    layer: int
    layers: int
    stack: Stack
    block: Block | None
    is_rotary: bool
    is_biased: bool
    output: str

    @property
    def here(self) -> str:
        return _HERE[self.attention]

    @property
    def embedding(self) -> list[str]:
        """What is added up at the start, the tokens' own first."""
        there = self.stack.embedding or ()
        return [*(one for one in _ADDED if one in there), *(one for one in there if one not in _ADDED)]

    def stops(self) -> list[Stop]:
        """List the stops of the way."""
        first = " + ".join(["embedding", *self.embedding[1:]])
        start = [Stop("tokens"), Stop(first)] + [Stop("norm")] * self.stack.first_norm
        if self.block is None:
            middle = [Stop(self.here, in_layer=True, adds=True, here=True), Stop("…", in_layer=True)]
            return [Stop("tokens"), Stop("…"), *middle, Stop("…"), Stop(self.output)]
        middle = []
        for some in self.block:
            for at, part in enumerate(some):
                norms = {"before": part.before, "inside": part.inside}
                what = {"in_layer": True, "adds": True, "beside": at > 0, "here": part.kind == self.here}
                middle.append(Stop(part.kind, **what, **norms))
            middle += [Stop("norm", in_layer=True)] * some[0].after
        return [*start, *middle, *[Stop("norm")] * self.stack.last_norm, Stop(self.output)]

    def sentence(self) -> str:
        """Say where this is."""
        where = f"You are in the {self.here} of layer {self.layer}{_IN[self.attention]}"
        where += f", one of {self.layers} (counted from 0)" if self.layers > 1 else ", the only one"
        if self.block is None:
            return f"{where}. What stands around it is not known here."
        reads = "the vectors of the embedding" if self.layer == 0 else f"the vectors that layer {self.layer - 1} left"
        names = self._names()
        others, at = [one for one in names if one != self.here], names.index(self.here)
        if at > 0 and not self._is_parallel:
            reads = f"what the {names[at - 1]} before it left"
        takes = "from the encoder's vectors" if self.attention == "cross" else "from other tokens' vectors"
        told = f"{where}: it reads {reads} and adds to each token's vector what it takes {takes}"
        if not others:
            return f"{told}."
        if self._is_parallel:
            return f"{told}. The {others[0]} beside it reads the same vectors, and both are added together."
        later = names[at + 1 :]
        return f"{told}. Then comes the {', then the '.join(later)}." if later else f"{told}."

    def paragraph(self) -> str:
        """Say what the way is."""
        said = [self._start(), self._line(), self._inside(), self._end()]
        return " ".join(one for one in said if one)

    def formula(self) -> str:
        """Write the layer as a formula."""
        if self.block is None:
            return f"x ← … {_NAMES[self.here]}(x) …, {self.layers} times"
        first = " + ".join(f"x_{name}" for name in self.embedding)
        lines = [f"x = {f'Norm({first})' if self.stack.first_norm else first}"] if first else []
        for some in self.block:
            added = [_added(part) for part in some]
            total = " + ".join(["x", *added])
            lines.append(f"x ← Norm({total})" if some[0].after else f"x ← {total}")
        if self.stack.last_norm:
            lines.append("at the end Norm(x)")
        return " · ".join(lines)

    @property
    def _is_parallel(self) -> bool:
        return self.block is not None and any(len(some) > 1 for some in self.block)

    def _names(self) -> list[str]:
        return [part.kind if part.kind != "part" else "next part" for part in _parts(self.block or ())]

    def _start(self) -> str:
        if self.block is None:
            return ""
        names = self.embedding
        told = ""
        if len(names) > 1:
            *some, last = names[1:]
            and_last = f"{', '.join(f'one for its {one}' for one in some)}{' and ' if some else ''}one for its {last}"
            told = f"Each token has a learned vector, to which {and_last} {'are' if some else 'is'} added"
            told += ", and the sum is normed." if self.stack.first_norm else "."
        elif names:
            told = "Each token has a learned vector; nothing is added to it for its position"
            told += ", and it is normed." if self.stack.first_norm else "."
        if self.is_rotary:
            told += " The position enters in attention, where queries and keys are turned by an angle that grows with"
            told += " it (rotary positions, by the model's configuration)."
        if self.is_biased:
            told += " How far apart two tokens are enters in attention, as a bias on their score."
        return told.strip()

    def _line(self) -> str:
        if self.block is None:
            parts = f"The {self.here} is one part of each of the {self.layers} layers"
            return f"{parts}; what else there is of them is not known here."
        after = all(part.after for part in _parts(self.block))
        told = f"The vectors run through all {self.layers} layers as one line, the residual stream: each part reads it,"
        told += " and what it makes is added to it"
        if after:
            return f"{told}; the sum is normed each time."
        before = [part.before for part in _parts(self.block)]
        if all(before):
            told += ". What a part reads is normed, the line itself is not"
        elif any(before):
            told += ". What some parts read is normed, the line itself is not"
        inside = any(part.inside for part in _parts(self.block))
        return f"{told}{'; what it adds is normed, too' if inside else ''}."

    def _inside(self) -> str:
        if self.block is None:
            return ""
        names = self._names()
        named = [f"the {name}" if at else name for at, name in enumerate(names)]
        what = f"{' and '.join(named)} side by side" if self._is_parallel else ", then ".join(named)
        told = f"This layer has {what}."
        if self.attention == "cross":
            told += " Queries come from the decoder's line, keys and values from what the encoder made of the source."
        elif self.attention == "decoder":
            told += " The encoder's vectors come in by the cross-attention." * ("cross-attention" in names)
        if "MLP" in names:
            told += " Attention takes from other tokens; the MLP works on each token by itself."
        return told

    def _end(self) -> str:
        if self.block is None:
            return ""
        normed = "they are normed once more, and " * self.stack.last_norm
        if self.attention == "encoder":
            return f"After the last layer {normed}the decoder reads them by its cross-attention."
        end = {
            "next token": "each vector tells what the model expects as the next token",
            "token here": "each vector tells which token the model expects at its place",
        }.get(self.output, "they are what the model gives")
        return f"After the last layer {normed}{end}."


def _parts(block: Block) -> list[Part]:
    return [part for some in block for part in some]


def _added(part: Part) -> str:
    inner = f"{_NAMES[part.kind]}({'Norm(x)' if part.before else 'x'}{', y' if part.kind == 'cross-attention' else ''})"
    return f"Norm({inner})" if part.inside else inner


def _is_biased(layer: Layer) -> bool:
    return isinstance(layer, QKVLayer) and isinstance(layer.bias, RelativeBias)


def _output(trace: AttentionTrace, attention: str) -> str:
    if attention == "encoder":
        return "vectors for the decoder"
    return {"next": "next token", "place": "token here"}.get(trace.predictions.predicts or "", "vectors")
