"""`AttentionTrace`: what one forward pass leaves behind, and every number asked of it later."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Literal

from attnwidget.breakdown import Breakdown, break_down
from attnwidget.effects import Decomposition, Effects, Target, contributions, decompose, effects, patch, without
from attnwidget.head_id import HeadId
from attnwidget.maths import (
    ALL,
    Index,
    Layer,
    LeftOut,
    Projection,
    QKVLayer,
    WeightsLayer,
    blind_rows,
    check_reproduced,
    layers_from_qkv,
    layers_from_weights,
    positions,
    projections_from,
    read_generated,
    resolve,
)
from attnwidget.maths.layers import LEFT_OUT
from attnwidget.maths.softmax import upcast
from attnwidget.maths.written import ways_of
from attnwidget.measures import Around, Region, evaluate
from attnwidget.measures import get as get_measure
from attnwidget.tokens import Tokens, describe
from attnwidget.tokens.labels import encodable
from attnwidget.trace import store
from attnwidget.trace.cells import pool
from attnwidget.trace.description import Description, tokens_from
from attnwidget.trace.forbidden import why_forbidden
from attnwidget.trace.formula import formula
from attnwidget.trace.hand_over import to_bertviz, to_circuitsvis
from attnwidget.trace.lacking import NO_VALUES, NOTHING_BESIDE, TAKE_OUTPUT, why_no_qkv, why_not
from attnwidget.trace.masked import run_with_mask, with_mask
from attnwidget.trace.pipeline import Pipeline, pipeline
from attnwidget.trace.predictions import Predictions
from attnwidget.trace.projections import Projections
from attnwidget.trace.ranking import pair_grid, rank
from attnwidget.trace.rerun import Rerun
from attnwidget.trace.second import SecondPass
from attnwidget.trace.sinks import sinks
from attnwidget.trace.varied import with_variant

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Mapping, Sequence

    from torch import Tensor

    from attnwidget.effects import Cut, EffectKind, Patched
    from attnwidget.effects.again import OnDone
    from attnwidget.measures import Measure
    from attnwidget.measures.beside import Beside
    from attnwidget.trace.cells import About, Pooled, Square
    from attnwidget.trace.projections import Found, Layers, OnLayer, Project
    from attnwidget.trace.ranking import PairGrid, Ranking
    from attnwidget.trace.sinks import Sinks

    Positions = int | slice | Sequence[int] | None


ATTENTIONS = {
    "self": ("target", "target"),
    "encoder": ("source", "source"),
    "decoder": ("target", "target"),
    "cross": ("target", "source"),
}
"""Every attention's query side and key side."""

_ONLY_WEIGHTS = (
    "it was made from attention weights, and weights do not tell them. "
    "Use attnwidget.capture(model, text) or AttentionTrace.from_qkv"
)

_NOT_ASKED = "W_O was not asked for (output=False)"


def _is_text(given: Any) -> bool:
    """Whether these are tokens, where numbers belong."""
    return isinstance(given, str) or (isinstance(given, list | tuple) and any(isinstance(one, str) for one in given))


def _described(tokens: Sequence[str] | Tokens) -> Tokens:
    return tokens if isinstance(tokens, Tokens) else describe(tokens)


def _kept(layers: Collection[int] | None, several: Mapping[str, Any]) -> dict[str, list[int] | None]:
    """Return which of the chosen layers each attention has; None for all."""
    if layers is None:
        return dict.fromkeys(several)
    counts = {name: 0 if those is None else len(those) for name, those in several.items()}
    most = max(counts.values())
    if not layers or not all(0 <= number < most for number in layers):
        raise ValueError(f"layers must be numbers from 0 to {most - 1}, at least one, got {list(layers)}")
    return {name: sorted({number for number in layers if number < count}) for name, count in counts.items()}


class AttentionTrace:
    """The attention of one text in one model, recomputed piece by piece when asked for.

    Made by `attnwidget.capture`, `from_attentions`, `from_qkv` or `from_generate`. It keeps Q, K, V and one number
    per row, never layers × heads × n × n weights: a tile costs its own size.

    Layers and heads are counted from 0; negative numbers count from the end. Wherever a method
    takes `head`, `queries` or `keys`, one number drops that dimension.

    Parameters
    ----------
    layers : mapping of str to sequence of layers
        Per attention, its layers: "self" alone, or some of "encoder", "decoder" and "cross".
    tokens : Tokens
        The text's tokens; with a decoder, the target's.
    source : Tokens, optional
        The tokens that an encoder reads: keys of "cross", both sides of "encoder".
    model_name : str
        A label for display.
    max_error : float, optional
        Largest |difference| between recomputed weights · values and the attention outputs that the
        model itself went on with in the pass that was recorded. None where the weights are given,
        not recomputed.
    segments : sequence of int, optional
        Of which text of a pair each token is, 0 or 1; or of which message of a chat, from 0.
    generated : sequence of bool, optional
        Which tokens the model wrote itself.
    missing : str
        What the trace does not have, and why.
    notices : sequence of str
        What a reader should know before trusting what is shown; the widget shows them.
    project : function, optional
        From the layers, and a function that is called after every layer, to their output projections. It runs the
        model once more.

    Attributes
    ----------
    segments : list of int, or None
        As above; None for a single text.
    generated : list of bool
        One for each of `tokens`.
    notices : list of str
        As above: a text longer than the model's context, a mark that was not added twice, a file without a checksum.
    predictions : Predictions
        What the model expects at each place, or why that is not known; see `next_tokens`.
    rerun : Rerun
        What runs the model again with edits, or why nothing does; see `effects`.
    put_mask : str
        Which other mask was put on it, in a few words; empty for the model's own. See `with_mask`.
    fingerprint : str
        A short hash of the weights that the model had in this pass, by a sample of each; empty where it is not known.
    beside : Beside, or None
        Another trace that this one is compared with: what the measure "difference" subtracts. Files and copies of a
        trace are without; see `with_beside`.
    """

    def __init__(
        self,
        layers: Mapping[str, Sequence[Layer]],
        tokens: Tokens,
        *,
        source: Tokens | None = None,
        model_name: str = "",
        max_error: float | None = None,
        segments: Sequence[int] | None = None,
        generated: Sequence[bool] | None = None,
        missing: str = "",
        notices: Sequence[str] = (),
        project: Project | None = None,
    ) -> None:
        self._layers = {name: list(those) for name, those in layers.items()}
        self._tokens, self._source = tokens, source
        self.model_name = model_name
        self.max_error = max_error
        self.segments = None if segments is None else list(segments)
        self.generated = [False] * len(tokens.text) if generated is None else list(generated)
        self.missing = missing
        self.notices = list(notices)
        self.predictions = Predictions()
        self.rerun = Rerun()
        self.put_mask = ""
        self.fingerprint = ""
        self.beside: Beside | None = None
        self._projections = Projections(project)
        self._value_norms: dict[tuple[str, int], Tensor] = {}  # (heads, keys), by attention and number of the layer
        self._second = SecondPass()
        self._target: Target | None = None

    @classmethod
    def from_attentions(
        cls,
        attentions: Any = None,
        tokens: Sequence[str] | None = None,
        *,
        encoder: Any = None,
        decoder: Any = None,
        cross: Any = None,
        source_tokens: Sequence[str] | None = None,
        target_tokens: Sequence[str] | None = None,
        mask: Tensor | Literal["causal"] | None = None,
        layers: Collection[int] | None = None,
        segments: Sequence[int] | None = None,
        model_name: str = "",
    ) -> AttentionTrace:
        """Make a trace from attention weights alone; it has no scores, queries, keys or values.

        Parameters
        ----------
        attentions : sequence of Tensor, or Tensor
            Per layer (heads, n, n) or (1, heads, n, n), in any float dtype; numpy arrays too. As
            transformers returns it under ``output_attentions=True`` with eager attention.
        tokens : sequence of str, or Tokens
            The n tokens; wherever tokens are given, also as `tokens.describe` returns them.
        encoder, decoder, cross : optional
            In place of `attentions`, those of an encoder–decoder model: (…, m, m), (…, n, n) and
            (…, n, m), one or more of them.
        source_tokens, target_tokens : sequence of str
            In place of `tokens`, the encoder's m and the decoder's n.
        mask : "causal" or Tensor, optional
            bool (keys,) or (queries, keys), True where attention is permitted. Weights alone cannot
            tell a forbidden pair from a weight of 0. Without a mask, attention is taken for causal
            if every weight above the diagonal, in every layer and head, is exactly 0, and for
            unmasked otherwise. A weight where the mask forbids it is taken for 0. With several attentions
            there is no `mask`.
        layers : collection of int, optional
            Which layers to keep, of every attention; all by default. Of the others nothing needs to be there.
        segments : sequence of int, optional
            Of which text of a pair each of `tokens` is, 0 or 1.
        model_name : str
            A label for display.

        Raises
        ------
        ValueError
            If a layer is missing, or `layers` names one that is not there; if a shape or `segments` does not fit the
            tokens; or if a number is no weight: below 0 or above 1 by more than rounding, where attention is
            permitted. NaN is kept.
        TypeError
            If the arguments do not belong together, or stand the wrong way round.
        """
        several = {"encoder": encoder, "decoder": decoder, "cross": cross}
        several = {name: weights for name, weights in several.items() if weights is not None}
        if not several:
            if tokens is None or source_tokens is not None or target_tokens is not None:
                raise TypeError("attentions go with tokens; encoder, decoder, cross with source_tokens, target_tokens")
            if _is_text(attentions):
                raise TypeError("attentions holds text: the weights go first, from_attentions(attentions, tokens)")
            described = _described(tokens)
            n = len(described.text)
            if segments is not None and len(segments) != n:
                raise ValueError(f"segments: expected {n} numbers, one for each token, got {len(segments)}")
            kept = _kept(layers, {"self": attentions})
            found = layers_from_weights(attentions, n, n, mask, kept["self"])
            return cls({"self": found}, described, model_name=model_name, segments=segments, missing=_ONLY_WEIGHTS)
        if attentions is not None or tokens is not None or mask is not None or segments is not None:
            raise TypeError("encoder, decoder and cross go without attentions, tokens, mask and segments")
        sides = {"source": source_tokens, "target": target_tokens}
        return cls._from_several(several, sides, layers, model_name)

    @classmethod
    def _from_several(
        cls,
        several: dict[str, Any],
        sides: dict[str, Sequence[str] | None],
        layers: Collection[int] | None,
        model_name: str,
    ) -> AttentionTrace:
        for name in several:
            for side in ATTENTIONS[name]:
                if sides[side] is None:
                    raise TypeError(f"{name} needs {side}_tokens")
        described = {name: None if side is None else _described(side) for name, side in sides.items()}
        kept, found = _kept(layers, several), {}
        for name, weights in several.items():
            n, m = (len(one.text) for at in ATTENTIONS[name] if (one := described[at]))
            if kept[name] != []:
                found[name] = layers_from_weights(weights, n, m, kept=kept[name])
        shown = described["target"] or described["source"]
        assert shown is not None  # noqa: S101 - every attention has a side, checked above
        return cls(found, shown, source=described["source"], model_name=model_name, missing=_ONLY_WEIGHTS)

    @classmethod
    def from_qkv(  # noqa: PLR0917 - tensors, tokens, mask, scale: the order is promised
        cls,
        q: Any,
        k: Any,
        v: Any,
        tokens: Sequence[str],
        mask: Tensor | Literal["causal"] | None = None,
        scale: float | None = None,
        *,
        output_weight: Any = None,
        output_bias: Any = None,
        weights: Any = None,
        model_name: str = "",
    ) -> AttentionTrace:
        """Make a trace from the queries, keys and values of any torch code.

        Parameters
        ----------
        q, k, v : Tensor
            (layers, heads, n, d); `k` and `v` may have fewer heads (grouped-query attention), `v`
            another d. Keys and queries as they are multiplied, after any rotation.
        tokens : sequence of str
            The n tokens.
        mask : "causal" or Tensor, optional
            bool (keys,) or (queries, keys), True where attention is permitted.
        scale : float, optional
            Factor of the products, ``d ** -0.5`` by default.
        output_weight : Tensor, optional
            W_O, (layers, heads, d_v, d_model) or (layers, heads · d_v, d_model): what the heads side by side are
            multiplied with, the transpose of an ``nn.Linear``'s weight. With it `breakdown` and the measure "norms"
            go on to what each head writes.
        output_bias : Tensor, optional
            (layers, d_model), what is added to that.
        weights : sequence of Tensor, optional
            The weights that the model itself has, as `from_attentions` takes them, to be sure of q and k: they are
            compared with the recomputed ones, and `max_error` says what the difference makes in the heads' output.
        model_name : str
            A label for display.

        Raises
        ------
        ValueError
            If shapes do not fit each other or the tokens; or if `weights` are not those of q and k, as where these
            were taken before the rotation of rotary positions.
        """
        described = describe(tokens)
        n = len(described.text)
        layers = layers_from_qkv(q, k, v, n, mask, scale)
        error = None
        if weights is not None:
            given = layers_from_weights(weights, n, n, mask)
            error = check_reproduced(layers, [one for one in given if isinstance(one, WeightsLayer)])
        if output_bias is not None and output_weight is None:
            raise ValueError("output_bias goes with output_weight")
        project: Project | None = None
        if output_weight is not None:
            found: Found = {"self": [*projections_from(layers, output_weight, output_bias)]}
            project = lambda *_: found  # noqa: E731
        trace = cls({"self": layers}, described, model_name=model_name, max_error=error, project=project)
        trace.find_projections()
        return trace

    @classmethod
    def from_generate(
        cls,
        outputs: Any,
        tokens: Sequence[str],
        *,
        source_tokens: Sequence[str] | None = None,
        sequence: int = 0,
        attention_mask: Any = None,
        model_name: str = "",
    ) -> AttentionTrace:
        """Make a trace from what ``model.generate(output_attentions=True, return_dict_in_generate=True)`` returned.

        The steps' rows are put together to one matrix for each layer. It takes a model with eager attention, and has
        weights only: ``attnwidget.capture(model, text, generate=…)`` has all else, too. The token that was written last
        has no row, as the model never read it: `notices` says so, and to the trace its pairs are forbidden. With beams
        every row is that of the beam which the sequence went on from.

        Parameters
        ----------
        outputs : ModelOutput
            Of a decoder-only or an encoder–decoder model. Caches of any kind: keys beyond what was written are cut,
            and those that a sliding window has dropped are forbidden.
        tokens : sequence of str
            Of the whole sequence, prompt and what was written, or less of its end; of an encoder–decoder the
            target's, its start token first: ``tokenizer.convert_ids_to_tokens(outputs.sequences[0])``.
        source_tokens : sequence of str, optional
            Of an encoder–decoder, what the encoder reads.
        sequence : int
            Which of ``outputs.sequences``, where there are several: texts in a batch, beams, samples.
        attention_mask : sequence of int or Tensor, optional
            As `generate` was given it: 1 for a token, 0 for padding, (tokens,) or (texts, tokens).
        model_name : str
            A label for display.

        Raises
        ------
        ValueError
            If attentions are missing, or tokens are not those of the sequence; the message says what to do.
        TypeError
            If the arguments do not belong together.
        """
        if _is_text(outputs) or not hasattr(outputs, "keys"):
            raise TypeError(
                "expected the output of model.generate(…, output_attentions=True, return_dict_in_generate=True), got "
                f"{type(outputs).__name__}"
            )
        source = None if source_tokens is None else describe(source_tokens)
        count = len(describe(tokens).text)
        m = None if source is None else len(source.text)
        written = read_generated(outputs, count, m, sequence=sequence, attention_mask=attention_mask)
        return cls(
            written.layers,
            describe(list(tokens)[: written.length]),
            source=source,
            model_name=model_name,
            generated=[at >= written.prompt for at in range(written.length)],
            missing=_ONLY_WEIGHTS,
            notices=written.notices,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trace to one safetensors file; `load` gives every stored number back bit for bit.

        NaN and infinity survive. Tensors come back on the CPU, each contiguous: a recomputed weight
        may differ in its last bit, as products depend on how their operands lie in memory. The file
        carries a checksum.

        Raises
        ------
        OSError
            If it cannot be written, as on a full disk; a file that stood there stays as it was.
        """
        about = {
            "tokens": store.tokens_as_json(self._tokens),
            "source": store.tokens_as_json(self._source),
            "model_name": self.model_name,
            "max_error": self.max_error,
            "segments": self.segments,
            "generated": self.generated,
            "missing": self.missing,
            "notices": self.notices,
        }
        store.write(path, self._layers, about)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> AttentionTrace:
        """Read a trace that `save` wrote; nothing in the file is executed.

        Files of version 1, from before there were checksums, are read too, and a notice says so.

        Raises
        ------
        TraceFileError
            If the file is damaged, foreign, or written by a newer attnwidget; the message names the field that is
            wrong. A ValueError.
        FileNotFoundError
            If there is no such file.
        """
        layers, about = store.read(path)
        try:
            trace = cls(
                layers,
                tokens_from(about.tokens, "tokens"),
                source=None if about.source is None else tokens_from(about.source, "source"),
                model_name=about.model_name,
                max_error=about.max_error,
                segments=about.segments,
                generated=about.generated,
                missing=about.missing,
                notices=about.notices if isinstance(about, Description) else [store.NO_CHECKSUM],
            )
            trace._check_sizes()
        except ValueError as error:
            raise store.damaged(path, error) from error
        return trace

    def to_bertviz(
        self, view: Literal["head", "model", "neuron"] = "head", *, attention: str | None = None, **options: Any
    ) -> Any:
        """Draw it with BertViz, which takes ``pip install 'attnwidget[bertviz]'``.

        Parameters
        ----------
        view : "head", "model" or "neuron"
            Which of BertViz's views. The last computes q·k ÷ √d itself, and is refused where the model does not.
        attention : str, optional
            Which of `attentions`; by default all in one picture.
        **options
            Of BertViz's function: `layer`, `heads`, `include_layers`, `include_heads`, `display_mode`, `html_action` …

        Returns
        -------
        None, or IPython.display.HTML
            As BertViz does: it displays, or returns HTML under ``html_action="return"``.

        Raises
        ------
        ValueError
            If its page would have more than 100 MB of numbers, which browsers do not draw in bearable time.
        ImportError
            Without BertViz.
        """
        return to_bertviz(self, view, attention=attention, **options)

    def to_circuitsvis(
        self,
        layer: int,
        view: Literal["heads", "patterns"] = "heads",
        *,
        heads: Sequence[int] | None = None,
        attention: str | None = None,
        **options: Any,
    ) -> Any:
        """Draw a layer with CircuitsVis, which takes ``pip install 'attnwidget[circuitsvis]'``.

        Parameters
        ----------
        layer : int
            Which layer.
        view : "heads" or "patterns"
            Whether `attention_heads` draws it or `attention_patterns`.
        heads : sequence of int, optional
            Which of its heads; all by default.
        attention : str, optional
            Which of `attentions`, where there are several; one within one text.
        **options
            Of CircuitsVis' function: `max_value`, `positive_color` …

        Returns
        -------
        RenderedHTML
            As CircuitsVis does.

        Raises
        ------
        ValueError
            If its page would have more than 30 MB of numbers, which browsers do not draw in bearable time.
        ImportError
            Without CircuitsVis.
        """
        return to_circuitsvis(self, layer, view, attention=attention, heads=heads, **options)

    @property
    def tokens(self) -> list[str]:
        """The tokens as a reader sees them; of an encoder–decoder model the target's."""
        return list(self._tokens.text)

    @property
    def source_tokens(self) -> list[str]:
        """The tokens that the encoder reads; where there is no encoder, the same as `tokens`."""
        return list((self._source or self._tokens).text)

    @property
    def target_tokens(self) -> list[str]:
        """The tokens that the decoder reads: its start token, then the target. The same as `tokens`."""
        return self.tokens

    @property
    def raw_tokens(self) -> list[str]:
        """The tokens as the vocabulary writes them."""
        return list(self._tokens.raw)

    @property
    def ids(self) -> list[int] | None:
        """The number of each of `tokens` in the model's vocabulary: what went into the model, in its order.

        Of an encoder–decoder model the target's, as `tokens`; the text's are `source_ids`. −1 for a virtual token of
        prompt tuning. None where there are none, or they are not known: of embeddings, of a trace made from tensors,
        or one read from a file of an older attnwidget.
        """
        return None if self._tokens.ids is None else list(self._tokens.ids)

    @property
    def source_ids(self) -> list[int] | None:
        """The same of `source_tokens`, which the encoder reads; where there is no encoder, the same as `ids`."""
        found = (self._source or self._tokens).ids
        return None if found is None else list(found)

    @property
    def special(self) -> list[bool]:
        """Which tokens are the model's own marks ([CLS], <s>)."""
        return list(self._tokens.special)

    @property
    def words(self) -> list[int]:
        """The number of each token's word, from 0."""
        return list(self._tokens.words)

    @property
    def word_texts(self) -> list[str]:
        """Each word, its tokens joined."""
        return self._tokens.word_texts

    def sides(self, attention: str | None = None) -> tuple[Tokens, Tokens]:
        """Return the tokens that attend (queries) and those attended to (keys).

        Each has ``text``, ``raw``, ``special``, ``words`` and ``word_texts``.
        """
        by_side = {"source": self._source or self._tokens, "target": self._tokens}
        queries, keys = ATTENTIONS[self._name(attention)]
        return by_side[queries], by_side[keys]

    @property
    def attentions(self) -> tuple[str, ...]:
        """The names of the attentions: ("self",), or of ("encoder", "decoder", "cross") what there is."""
        return tuple(self._layers)

    @property
    def has_qkv(self) -> bool:
        """Whether scores, queries, keys and values can be had, not only weights."""
        return all(isinstance(one, QKVLayer | LeftOut) for those in self._layers.values() for one in those)

    @property
    def causal(self) -> bool:
        """Whether no query may see a later key of the same text, in any layer ("decoder" where there are several)."""
        which = "self" if "self" in self._layers else "decoder"
        return all(one.mask.is_causal for one in self._layers.get(which, ())) and which in self._layers

    @property
    def nbytes(self) -> int:
        """Bytes of memory the trace keeps alive, each piece of storage counted once."""
        tensors = [x for those in self._layers.values() for one in those for x in one.tensors]
        tensors += self._projections.tensors + self.predictions.tensors + list(self._value_norms.values())
        tensors += self._second.tensors
        storages = [x.untyped_storage() for x in tensors if x is not None]
        return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())

    @property
    def uses_target(self) -> bool:
        """Whether numbers were computed that are about `target`."""
        return self._second.uses_target

    @property
    def target(self) -> Target | None:
        """What the measures "gradients" and "contribution" are about; None is the model's default, as of `effects`.

        "contribution" takes its tokens for every row; without any, in each row the likeliest.

        Set to whatever `attnwidget.Target.read` understands: a token, a pair of tokens, a slice, "loss".
        """
        return self._target

    @target.setter
    def target(self, target: Any) -> None:
        wanted = Target.read(target)
        if wanted != self._target:
            self._target = wanted
            self._second.forget_gradients()

    def n_layers(self, attention: str | None = None) -> int:
        """Count the layers of an attention."""
        return len(self._of(attention))

    def kept(self, attention: str | None = None) -> list[int]:
        """Return the numbers of the layers that are there: all, or those that `capture` was asked for (``layers=``)."""
        return [number for number, one in enumerate(self._of(attention)) if not isinstance(one, LeftOut)]

    def n_heads(self, attention: str | None = None) -> int:
        """Count the heads of a layer."""
        return self._of(attention)[0].shape[0]

    def layer(self, number: int, *, attention: str | None = None) -> Layer:
        """Return what a layer's numbers are recomputed from. It may be the model's own memory: do not write into it."""
        found, *_ = self._tile(number, None, attention)
        return found

    def weights(
        self,
        layer: int,
        head: Positions = None,
        *,
        attention: str | None = None,
        queries: Positions = None,
        keys: Positions = None,
    ) -> Tensor:
        """Compute attention weights, after the softmax.

        Parameters
        ----------
        layer : int
            Which layer.
        head, queries, keys : int, slice or list of int, optional
            Which part; everything by default.
        attention : str, optional
            Which of `attentions`, where there are several.

        Returns
        -------
        Tensor
            (heads, queries, keys), float32 (float64 if the model is). 0 where attention is
            forbidden, see `allowed`; NaN where the model has NaN.

        Raises
        ------
        IndexError
            For a layer, head or position that does not exist.
        ValueError
            For an attention that was not captured.
        """
        found, tile, single = self._tile(layer, head, attention, queries, keys)
        return found.weights(*tile)[single]

    def scores(
        self,
        layer: int,
        head: Positions = None,
        *,
        attention: str | None = None,
        queries: Positions = None,
        keys: Positions = None,
    ) -> Tensor:
        """Compute scores, before the softmax: scaled, biased, −inf where attention is forbidden.

        Takes and returns the same as `weights`; a ValueError if the trace has weights only.
        """
        found, tile, single = self._tile(layer, head, attention, queries, keys)
        return self._with_qkv(found, "scores").scores(*tile)[single]

    def measure(
        self,
        name: str,
        layer: int,
        head: Positions = None,
        *,
        attention: str | None = None,
        queries: Positions = None,
        keys: Positions = None,
    ) -> Tensor:
        """Compute a measure: a number of each pair (query, key) in a head.

        Takes and returns the same as `weights`, but −∞ where attention is forbidden, in every measure.

        Parameters
        ----------
        name : str
            Of one head "weights", "scores" (before the softmax), "norms" (the length of what the head writes for the
            key, Kobayashi et al. 2020), "contribution" and "gradients" (about what `target` asks); of a whole layer
            "block_norms", "alti" and "value_zeroing"; of the whole way down to the input "rollout" and "flow"; or one
            that was registered. Those of a layer or a way are the same in all heads. All but "weights", "scores",
            "rollout" and "flow" run the model again on the same text when they are first asked for.

        Raises
        ------
        ValueError
            For a measure that does not exist, or that this trace does not have: `lacks` tells that beforehand.
        IndexError
            For a layer, head or position that does not exist.
        """
        wanted = get_measure(name)
        region, single = self._region(wanted, layer, head, attention, queries, keys)
        return evaluate(wanted, region)[single]

    def value_norms(self, layer: int, *, attention: str | None = None) -> Tensor:
        """Compute what the measure "norms" multiplies the weights with: ‖v · W_O‖ of each key, (heads, keys).

        Raises
        ------
        ValueError
            If it cannot be had, as of `measure`.
        """
        region, _ = self._region(get_measure("norms"), layer, None, attention)
        return region.value_norms()

    def value_ways(self, layer: int, *, attention: str | None = None) -> Tensor:
        """Compute what the measure "contribution" multiplies values with: W_O u of each query, (heads, queries, d_v).

        Raises
        ------
        ValueError
            If it cannot be had, as of `measure`.
        """
        region, _ = self._region(get_measure("contribution"), layer, None, attention)
        return ways_of(region.output_weight(), region.direction())

    def lacks(self, name: str, attention: str | None = None, *, layer: int | None = None) -> str:
        """Say why a measure cannot be had, as far as that is known without running the model; empty if it can.

        Parameters
        ----------
        name : str
            Of the measure.
        attention : str, optional
            Which of `attentions`, where there are several.
        layer : int, optional
            Of this layer. Without it, the measure is lacking only if it can be had of none.

        Raises
        ------
        ValueError
            For a measure that does not exist, or an attention that was not captured.
        """
        wanted, which = get_measure(name), self._name(attention)
        count = range(self.n_layers(which))
        _, n, m = self._layers[which][0].shape
        reason = wanted.why_not(which, n, m)
        if reason:
            return reason
        reasons = [self._why_not(wanted, which, number) for number in (count if layer is None else [count[layer]])]
        return "" if "" in reasons else next((reason for reason in reasons if reason != LEFT_OUT), LEFT_OUT)

    def rank(
        self,
        query: int | str | Sequence[int | str] | None,
        key: int | str | Sequence[int | str] | None = None,
        *,
        measure: str = "weights",
        attention: str | None = None,
    ) -> Ranking:
        """Rank all heads by one pair: which head tells.

        Parameters
        ----------
        query, key : int, str, or a sequence of them; or None
            The token that looks and the one that it looks at, by position or by what stands there: ``"it"``.
            Several count together: the mean over the queries of the sum over the keys (of scores, of their
            log-sum-exp). A side that is None is open: each head is ranked by its largest number there, and
            `Ranking.strongest` says at which token.
        measure : str
            Which number of the pair, as in `measure`.
        attention : str, optional
            Which of `attentions`; by default all in which there are such tokens.

        Raises
        ------
        ValueError, IndexError
            If there is no such token, both sides are open, or the measure cannot be had.
        """
        if query is None and key is None:
            raise ValueError("query and key cannot both be None: name one of them")
        asked = self.attentions if attention is None else (self._name(attention),)
        lacking = {name: self.lacks(measure, name) for name in asked}
        if all(lacking.values()):
            raise ValueError(lacking[asked[0]])
        return rank(self, [name for name in asked if not lacking[name]], (query, key), measure)

    def sinks(self, attention: str | None = None) -> Sinks:
        """Say of each head which token it gives most weight to, and how much of what it writes comes from there.

        Heads that find nothing to do give their weight to one token, often the first, whose value is short (Xiao et al.
        2023, "Efficient Streaming Language Models with Attention Sinks"; Kobayashi et al. 2020): much weight, little
        norm.

        Parameters
        ----------
        attention : str, optional
            Which of `attentions`, where there are several.

        Returns
        -------
        Sinks
            A table over heads: position, token, weight and norm, both as shares. The norm is NaN where the measure
            "norms" cannot be had.
        """
        return sinks(self, self._name(attention))

    def find(
        self, text: str, *, attention: str | None = None, side: Literal["query", "key"] = "query"
    ) -> list[list[int]]:
        """Find a word, a part of one, or a phrase in the text, as the widget's Find does.

        Parameters
        ----------
        text : str
            What to look for. Upper and lower case are the same, and so is all white space. Marks such as ``[SEP]`` are
            found by their names. ``"#12"`` is position 12; a number by itself is looked for in the text, and is that
            position besides, as the last place.
        attention, side : optional
            Where there are two texts: in that of the queries or of the keys of one of `attentions`.

        Returns
        -------
        list of list of int
            The token positions of every place, in their order in the text; places do not overlap. Empty for none.

        Raises
        ------
        ValueError
            For an empty string.
        """
        return self.side(side, attention).find(text)

    def side(self, name: str, attention: str | None = None) -> Tokens:
        """Return one of `sides` by its name, "query" or "key"."""
        if name not in {"query", "key"}:
            raise ValueError(f'side must be "query" or "key", not {name!r}')
        return self.sides(attention)[name == "key"]

    def pair_grid(
        self,
        queries: Sequence[int] | None,
        keys: Sequence[int] | None,
        *,
        measure: str = "weights",
        attention: str | None = None,
        words: bool = False,
    ) -> PairGrid:
        """Compute what `rank` ranks, of one attention and as a grid: one row of every head, whatever the text's length.

        Parameters
        ----------
        queries, keys : sequence of int, or None
            Positions, several of them taken together as the pieces of a word are (`maths.merge_words`). None leaves a
            side open; not both.
        measure, attention
            As of `rank`.
        words : bool
            Whether an open side is one of whole words.
        """
        return pair_grid(self, self._name(attention), (queries, keys), measure, words=words)

    def cells(self, about: About, square: Square, alive: Callable[..., None] = lambda *_: None) -> Pooled:
        """Reduce a part of the picture to cells, each with its largest number and its mass; see `trace.cells`."""
        layers = {number: self._tile(number, head, about.attention)[0] for number, head in about.heads}
        return pool(self, layers, about, square, alive)

    def why_forbidden(
        self, queries: Sequence[int] | None, keys: Sequence[int] | None, *, attention: str | None = None
    ) -> str:
        """Say why the mask forbids pairs that are forbidden in every layer; None stands for a whole side."""
        name = self._name(attention)
        rules = [one.mask for one in self._layers[name]]
        return why_forbidden(rules, self.sides(name), queries, keys, put=self.put_mask)

    def allowed(
        self,
        layer: int,
        head: Positions = None,
        *,
        attention: str | None = None,
        queries: Positions = None,
        keys: Positions = None,
    ) -> Tensor:
        """Say which pairs may attend: bool, same shape as `weights` of the same arguments."""
        found, tile, single = self._tile(layer, head, attention, queries, keys)
        pairs = found.allowed(*tile)  # (heads or 1, queries, keys)
        heads = range(found.shape[0])[tile[0]] if isinstance(tile[0], slice) else tile[0]
        return pairs.expand(len(heads), -1, -1)[single]

    def reach(self, layer: int, *, attention: str | None = None, queries: Positions = None) -> slice:
        """Return a range of keys beyond which the mask, as far as it is a rule, lets none of these queries look."""
        found, (_, rows, _), _ = self._tile(layer, None, attention, queries)
        _, n, m = found.shape
        return slice(*found.mask.reach(positions(rows, n, found.device), m))

    def qkv(self, layer: int, head: int, *, attention: str | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return one head's queries (n, d_k), keys (m, d_k) and values (m, d_v).

        Keys and values are those of the head's group where heads share them. They may be the
        trace's own memory: do not write into them.
        """
        found, (heads, *_), (single, *_) = self._tile(layer, head, attention)
        if single != 0 or not isinstance(heads, slice):
            raise TypeError(f"head must be one int, got {head!r}")
        found, number = self._with_qkv(found, "queries, keys and values"), heads.start
        group = found.group(number)
        if found.v is None:
            raise ValueError(NO_VALUES)
        return upcast(found.q[number]), upcast(found.k[group]), upcast(found.v[group])

    def breakdown(
        self,
        layer: int,
        head: int,
        query: int | Sequence[int],
        *,
        attention: str | None = None,
        combine: Literal["mean", "sum"] = "mean",
        output: bool = True,
    ) -> Breakdown:
        """Compute every step of one query's attention in one head, from q·k to what the layer returns.

        Parameters
        ----------
        layer, head : int
            Which head.
        query : int or sequence of int
            Which token looks; several are taken together.
        attention : str, optional
            Which of `attentions`, where there are several.
        combine : "mean" or "sum"
            How several are taken together.
        output : bool
            Whether to go on from the head's output to the layer's. The first time, this runs the model once more on
            the same text, to find W_O and to see what its own modules return.

        Raises
        ------
        IndexError
            For a layer, head or position that does not exist.
        ValueError
            If the trace has weights only, or no values, or an attention was not captured.
        """
        _, _, v = self.qkv(layer, head, attention=attention)  # raises what there is to raise
        name = self._name(attention)
        _, (_, rows, _), _ = self._tile(layer, head, name, query)
        found = self._of(name)[layer]
        assert isinstance(found, QKVLayer)  # noqa: S101 - it has values
        number, one = range(self.n_layers(name))[layer], range(found.shape[0])[head]
        if query is None:
            raise TypeError("query must be an int or a list of ints, got None")
        projection = self._projections.get(self._layers, name, number) if output else _NOT_ASKED
        if isinstance(projection, Projection):
            known: dict[str, Any] = {"projection": projection}
        else:
            known = {"missing": projection}
        queries = positions(rows, found.shape[1], v.device).tolist()
        return break_down(found, number, one, queries, attention=name, combine=combine, **known)

    def projection(self, layer: int, *, attention: str | None = None) -> Projection | str:
        """Return a layer's output projection W_O, or why it is not known.

        The first time, this runs the model once more on the same text. It is the model's own memory: do not write into
        it.
        """
        self._tile(layer, None, attention)  # raises what there is to raise
        name = self._name(attention)
        return self._projections.get(self._layers, name, range(self.n_layers(name))[layer])

    def find_projections(self, on_layer: OnLayer | None = None) -> None:
        """Run the model once more and keep what each attention module returns; `breakdown` does so by itself, once.

        After a failure, which `breakdown` tells, this tries again.

        Parameters
        ----------
        on_layer : function, optional
            Called after every layer with (layers done, layers in all). What it raises stops the pass.
        """
        self._projections.find(self._layers, on_layer)

    def pipeline(self, layer: int, *, attention: str | None = None, run: bool = True) -> Pipeline:
        """Say where a layer's attention stands in the model, from tokens to output: a map, and three texts.

        What stands around attention is read from the pass itself and proven on its numbers: the order of the parts and
        of the norms, an MLP beside attention, what the first vectors are the sum of. Of a trace without a model, and
        where nothing could be proven, the map says less.

        Parameters
        ----------
        layer : int
            Counted from 0.
        attention : str, optional
            Which one, where there are several.
        run : bool
            Whether the model may be run for it: once for each model, and once for W_O, if that is not known yet.

        Returns
        -------
        Pipeline
        """
        name = self._name(attention)
        number = range(self.n_layers(name))[layer]
        found = self._second.structure(self) if run else self._second.known_structure
        return pipeline(self, number, name, found)

    def prepare(self, name: str, on_layer: OnLayer | None = None) -> None:
        """Run the model as often as a measure needs it, and keep what is found; `measure` does so by itself, once.

        Parameters
        ----------
        name : str
            Of the measure. What cannot be had, `lacks` tells afterwards.
        on_layer : function, optional
            Called after every layer of the first of these passes. What it raises stops it.
        """
        needs = get_measure(name).needs
        if TAKE_OUTPUT & needs:
            self.find_projections(on_layer)
        self._second.prepare(needs, self)

    def is_prepared(self, name: str) -> bool:
        """Say whether a measure can be computed, or is known to be lacking, without running the model."""
        needs = get_measure(name).needs
        return (self.knows_projections or not TAKE_OUTPUT & needs) and self._second.knows(needs, self)

    def next_tokens(self, query: int, k: int = 5) -> list[tuple[str, float]]:
        """Say which tokens the model expects, from the last layer's row of a token.

        Of a causal model, and of a decoder, the token that comes *after* `query`: so a row of cross-attention is one
        that writes the next word. Of a masked language model the one *at* `query`, which it sees, unless the text has
        the mask token there. The first time, this runs the model once more on the same text; then only its head, for
        the one row.

        Parameters
        ----------
        query : int
            One of `tokens`; negative numbers count from the end.
        k : int
            How many, at most.

        Returns
        -------
        list of (str, float)
            The likeliest tokens, as `tokens` writes them, and their probabilities (the softmax of the model's own
            logits), largest first. Two that would read the same are written as the vocabulary does.

        Raises
        ------
        IndexError
            For a token that does not exist.
        ValueError
            If `k` is below 1, or there is no such prediction: the trace has no model, or the model no head for it.
        """
        number, is_one = resolve(query, len(self._tokens.text), "query")
        if not is_one or not isinstance(number, slice):
            raise TypeError(f"query must be one int, got {query!r}")
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ValueError(f"k must be 1 or more, got {k!r}")
        return self.predictions.get(number.start, k)

    def effects(
        self,
        target: Any = None,
        kind: EffectKind = "ablate",
        value: str | AttentionTrace = "zero",
        *,
        attention: str | None = None,
        pair: tuple[Any, Any] | None = None,
        how: Cut = "before",
        on_done: OnDone | None = None,
        on_part: Callable[[Effects], None] | None = None,
    ) -> Effects:
        """Say what each head does to what the model says, by running it again without that head, or by arithmetic.

        Parameters
        ----------
        target : optional
            What is asked about: a token (its log-probability), a pair of tokens (their difference), a slice (the loss
            over it), "loss", "output", or an `attnwidget.Target`. By default the log-probability of the token that the
            model itself holds likeliest; of a model without a head, the change of a token's last vector.
        kind : "ablate", "patch", "attribution", "edge" or "decompose"
            "ablate": the head's output is replaced by `value`, one head at a time, and the model is run again. "patch":
            the head's output is that of another text (`value`, a trace of as many tokens). "attribution": a first-order
            estimate of the same from two passes and one backward. "edge": the link of `pair` is taken out of one head
            at a time. "decompose": what the head writes directly into the target's logit, as of `decompose`.
        value : "zero", "mean" or AttentionTrace
            What stands in the head's place: nothing, the mean of its outputs over this text, or another text's.
        attention : str, optional
            Which one; all of them by default.
        pair : (query, key), optional
            Of "edge": positions, or what stands there, as of `rank`.
        how : "before", "after" or "renormalised"
            Of "edge": where the link is cut, before the softmax, or after it without or with renormalising.
        on_done : function, optional
            Called with (passes done, passes in all). If it raises `attnwidget.effects.Enough`, what was computed until
            then is returned.
        on_part : function, optional
            Called before it with what there is by then: NaN for heads that were not run yet.

        Returns
        -------
        Effects
            A table over heads, the largest change first.

        Raises
        ------
        ValueError
            If the trace has no model, or the model no head for this target; with the reason.
        """
        how_told: dict[str, Any] = {"on_done": on_done, "on_part": on_part}
        return effects(self, target, kind, value, attention=attention, pair=pair, how=how, **how_told)

    def patch(
        self,
        other: AttentionTrace,
        target: Any = None,
        *,
        what: Patched = "heads",
        attention: str | None = None,
        pair: tuple[Any, Any] | None = None,
        at: Any = None,
        on_done: OnDone | None = None,
    ) -> Effects:
        """Put another text's numbers into this text's pass, one head at a time: activation patching.

        Parameters
        ----------
        other : AttentionTrace
            Of another text with as many tokens, in the same model.
        target : optional
            As of `effects`, in this text.
        what : "heads", "values" or "edges"
            A head's output; its values, which is what it reads; or its values at the key of `pair` for the query of
            `pair` alone, which is what one link brings.
        attention : str, optional
            Which one; all of them by default. Where there are several, `pair` and `at` need it.
        pair : (query, key), optional
            Of "edges": positions, or what stands there, as of `rank`.
        at : optional
            Positions, or what stands there: of "heads" the queries at which outputs are put in, of "values" the keys.
            All by default.
        on_done : function, optional
            As of `effects`.

        Returns
        -------
        Effects
            A table over heads, the largest change first: the target with the other text's numbers there, minus the
            target as it is.

        Raises
        ------
        ValueError
            If the texts do not fit each other, or a model cannot be run again; with the reason.
        """
        return patch(self, other, target, what=what, attention=attention, pair=pair, at=at, on_done=on_done)

    def decompose(self, target: Any = None) -> Decomposition:
        """Write a logit as the sum of what each head, MLP, embedding and bias writes into it, with the norm held.

        Parameters
        ----------
        target : optional
            As of `effects`, of one row; of a log-probability it is the token's logit that is decomposed, and of a model
            without a head the length of a last vector.

        Returns
        -------
        Decomposition
            The shares, which add up to the model's own number. The first time, this runs the model once more.

        Raises
        ------
        ValueError
            If the trace has no model, if the target is a loss, or if nothing could be found that leads to it.
        """
        return decompose(self, target)

    def contributions(
        self, layer: int, target: Any = None, queries: Positions = None, *, attention: str | None = None
    ) -> Tensor:
        """Say what each head writes for each key into a target's logit: α_ij (v_j W_O^h) · u_i.

        u_i is the way from the layer's output at row i to the logit, with the final norm's scale held at what it is for
        that row. Where attention is forbidden, nothing is written: 0.

        Parameters
        ----------
        layer : int
            Which one.
        target : optional
            As of `decompose`.
        queries : int, slice or sequence of int, optional
            Which rows; by default the target's own. Another row's numbers are of its own logits of these tokens.
        attention : str, optional
            Which one, where there are several: "decoder" or "cross".

        Returns
        -------
        Tensor
            float32 (heads, queries, keys); without `queries`, or with one number, (heads, keys). In the target's row a
            head's add up to its share in `decompose`.

        Raises
        ------
        ValueError
            As `decompose`, or if the layer's W_O is not proven.
        """
        found, (_, rows, _), single = self._tile(layer, None, attention, queries)
        name, number = self._name(attention), range(self.n_layers(attention))[layer]
        chosen = None if queries is None else positions(rows, found.shape[1], found.device).tolist()
        tile = contributions(self, number, target, chosen, name)  # (heads, queries, keys)
        return tile[:, 0] if queries is None else tile[single]

    def without(
        self, *heads: str | tuple[int, int], value: str = "zero", attention: str | None = None
    ) -> AttentionTrace:
        """Capture the same text again with some heads off; the model itself is not changed.

        Parameters
        ----------
        *heads
            ``"L3-H5"`` or ``(3, 5)``.
        value : "zero" or "mean"
            What stands in their place.
        attention : str, optional
            Whose heads; needed where there are several attentions.

        Returns
        -------
        AttentionTrace
            Its weights of later layers, and its `next_tokens`, are those of the model without these heads.
        """
        edited: AttentionTrace = without(self, [HeadId.read(one) for one in heads], value, self._name(attention))
        return edited

    def with_mask(
        self, mask: Any, heads: Sequence[str | tuple[int, int]] | None = None, *, attention: str | None = None
    ) -> AttentionTrace:
        """Put another mask on heads, each by itself: the same queries and keys, and the softmax taken again.

        It is exact: scores are those of the model, and each row has a new log-sum-exp. No other head, and no later
        layer, feels it; what the model would make of the mask is `run_with_mask`. Hiding keys so is what
        `Breakdown.what_if` does with ``masked=``.

        Parameters
        ----------
        mask : str or matrix
            A name such as ``"window:4"``, see `attnwidget.masks`; or bool (queries, keys), True where attention is
            permitted. It takes the place of the model's own: ``"causal+padding-left:2"`` keeps a causal model causal.
        heads : sequence of heads, optional
            Which: ``["L3-H5", (3, 6)]``; the others keep the model's own. By default all heads of all layers.
        attention : str, optional
            Whose heads; needed where there are several attentions.

        Returns
        -------
        AttentionTrace
            What takes a pass of the model (`next_tokens`, `effects`, "gradients") it does not have, and says so.

        Raises
        ------
        ValueError
            If the trace has weights only, a mask does not fit, or there is no such head.
        TypeError
            If it is no mask.
        """
        return with_mask(self, mask, heads, self._name(attention))

    def with_variant(self, name: str, *, attention: str | None = None, **options: Any) -> AttentionTrace:
        """Let every head attend as another variant of attention does, from the queries and keys that it has.

        No later layer feels it; the model was not trained so, either.

        Parameters
        ----------
        name : str
            Of `attnwidget.variants`: ``"cosine"``, ``"sliding_window"``, ``"grouped_query"`` ….
        attention : str, optional
            Whose heads; needed where there are several attentions.
        **options
            Of the variant's function: ``window=4``.

        Returns
        -------
        AttentionTrace
            Weights alone; what takes scores, values or a pass of the model it does not have, and says so.

        Raises
        ------
        ValueError
            If there is no such variant, it has no weights for every head, the trace has no queries and keys, or the
            weights of all layers would take more than 256 MB.
        TypeError
            If the variant has no such option.
        """
        return with_variant(self, name, self._name(attention), options)

    def run_with_mask(self, mask: Any, on_layer: OnLayer | None = None) -> AttentionTrace:
        """Run the model again with another mask in all layers; the model itself is not changed.

        The same inputs, on a twin that shares the model's weights, with `mask` as its ``attention_mask`` of pairs.

        Parameters
        ----------
        mask : str or matrix
            As of `with_mask`.
        on_layer : function, optional
            Called after every layer with (layers done, layers in all). What it raises stops the pass.

        Returns
        -------
        AttentionTrace
            With all that a trace has: its `next_tokens` are those of the model under this mask.

        Raises
        ------
        ValueError
            If there is no model, it takes no mask of pairs, or the mask does not fit; with the reason.
        TypeError
            If it is no mask.
        """
        return run_with_mask(self, mask, on_layer)

    def release_model(self) -> None:
        """Let go of the model, which a trace keeps alive for `next_tokens`, `effects`, and the first `breakdown`.

        Without it, breakdowns end at the head's output; W_O stays where it was found before.
        """
        self._projections.release()
        self.predictions.release()
        self.rerun.release()
        self._second.forget()

    @property
    def knows_projections(self) -> bool:
        """Whether `breakdown` has all it needs, or all that can be had, without running the model."""
        return self._projections.known

    def formula(self, attention: str | None = None) -> str:
        """Return how a weight comes about in this attention, such as "weight = softmax(q·k ÷ √64 + mask)"."""
        return formula(self._of(attention))

    def blind_rows(self, layer: int, *, attention: str | None = None) -> list[int]:
        """Return the queries that may attend to nothing in any head: their weights are all 0."""
        found, *_ = self._tile(layer, None, attention)
        return blind_rows(found)

    def with_beside(self, beside: Beside | None) -> AttentionTrace:
        """Return the same trace with another one beside it; both share all that was captured."""
        found = copy(self)
        vars(found).update(beside=beside, _second=SecondPass())  # that of a target of its own
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle it alone."""
        return vars(self) | {"beside": None}

    def __repr__(self) -> str:
        name = f"{encodable(self.model_name)}, " if self.model_name else ""
        size = f"{self.nbytes / 1e6:.1f} MB"
        if len(self._layers) == 1:
            return (
                f"AttentionTrace({name}{len(self._tokens.text)} tokens, {self.n_layers()} layers × "
                f"{self.n_heads()} heads, {size})"
            )
        parts = ", ".join(f"{part} {self.n_layers(part)} × {self.n_heads(part)}" for part in self._layers)
        count = f"{len(self.source_tokens)} → {len(self.target_tokens)} tokens"
        return f"AttentionTrace({name}{count}, layers × heads: {parts}, {size})"

    def _check_sizes(self) -> None:
        if not self._layers or not all(self._layers.values()):
            raise ValueError("layers: an attention has no layers")
        for name, those in self._layers.items():
            sizes = tuple(len(side.text) for side in self.sides(name))
            for number, layer in enumerate(those):
                if layer.shape[1:] != sizes:
                    raise ValueError(
                        f"layers.{name}[{number}]: expected (queries, keys) {sizes}, as there are tokens, "
                        f"got {layer.shape[1:]}"
                    )

    def _name(self, attention: str | None) -> str:
        name = attention
        if name is None and len(self._layers) == 1:
            (name,) = self._layers
        if name not in self._layers:
            raise ValueError(f"attention must be one of {self.attentions}, got {attention!r}")
        return name

    def _of(self, attention: str | None) -> list[Layer]:
        return self._layers[self._name(attention)]

    def _tile(
        self,
        layer: int,
        head: Positions,
        attention: str | None,
        queries: Positions = None,
        keys: Positions = None,
    ) -> tuple[Layer, tuple[Index, Index, Index], tuple[int | slice, ...]]:
        """Find the layer, the tile's three indices, and what drops their single dimensions."""
        layers = self._of(attention)
        number, is_one = resolve(layer, len(layers), "layer")
        if not is_one or not isinstance(number, slice):
            raise TypeError(f"layer must be one int, got {layer!r}")
        found = layers[number.start]
        wanted = zip((head, queries, keys), found.shape, ("head", "query", "key"), strict=True)
        (heads, one_head), (rows, one_row), (columns, one_column) = (
            resolve(index, size, name) for index, size, name in wanted
        )
        single = tuple(0 if one else ALL for one in (one_head, one_row, one_column))
        return found, (heads, rows, columns), single

    def _region(  # noqa: PLR0917 - of what, where
        self,
        wanted: Measure,
        layer: int,
        head: Positions,
        attention: str | None,
        queries: Positions = None,
        keys: Positions = None,
    ) -> tuple[Region, tuple[int | slice, ...]]:
        """Return what a measure computes a tile from, and what drops its single dimensions; raise if it cannot."""
        found, tile, single = self._tile(layer, head, attention, queries, keys)
        which, number = self._name(attention), range(self.n_layers(attention))[layer]
        reason = self.lacks(wanted.name, which, layer=number)
        if reason:
            raise ValueError(reason)
        takes_output = TAKE_OUTPUT & wanted.needs
        projection = self._projections.get(self._layers, which, number) if takes_output else None
        if isinstance(projection, str):
            raise ValueError(projection)  # noqa: TRY004 - a reason
        about: dict[str, Any] = {"attention": which, "layer": number, "projection": projection}
        about |= {"known_norms": self._value_norms, "around": self._around(wanted, which, number)}
        return Region(found, tile, **about), single

    def _why_not(self, wanted: Measure, which: str, number: int) -> str:
        layers = self._layers[which]
        if "below" in wanted.needs:
            missing = next((at for at in range(number) if isinstance(layers[at], LeftOut)), None)
            if missing is not None and not isinstance(layers[number], LeftOut):
                return f"{wanted.label} goes through every layer below, and layer {missing} was left out (layers=)"
        if "beside" in wanted.needs:
            reason = NOTHING_BESIDE if self.beside is None else self.beside.why_not(which, number)
            if reason:
                return reason
        reason = why_not(wanted.needs, layers[number], self.missing, self._projections.known_of(which, number))
        return reason or self._second.why_not(wanted.needs, which, number, self)

    def _around(self, wanted: Measure, which: str, number: int) -> Around:
        """Return what a measure needs beside its layer; raise with the reason where it cannot be had."""
        second = self._second
        return Around(
            self._layers[which][: number + 1] if "below" in wanted.needs else (),
            second.block(self, which, number) if {"block", "rest"} & wanted.needs else None,
            second.gradient(self, which, number) if "gradient" in wanted.needs else None,
            second.direction(self, which, number) if "direction" in wanted.needs else None,
            self.beside if "beside" in wanted.needs else None,
            second.kept,
        )

    def everything(self) -> tuple[Layers, Found]:
        """Return all layers, and all their output projections."""
        return self._layers, self._projections.all(self._layers)

    def _with_qkv(self, layer: Layer, what: str) -> QKVLayer:
        if not isinstance(layer, QKVLayer):
            raise ValueError(why_no_qkv(layer, what, self.missing))  # noqa: TRY004 - no fault of the type's
        return layer
