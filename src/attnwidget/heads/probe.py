"""What can be said of a model whatever the text: grammar on annotated sentences, repetition on random tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch

from attnwidget.capture import capture
from attnwidget.capture.inputs import find_tokenizer
from attnwidget.heads import conllu
from attnwidget.heads.categories import Evidence
from attnwidget.heads.grammar import Links, Syntax, links_of, syntactic
from attnwidget.heads.measure import measure
from attnwidget.heads.patterns import Pairs, after_duplicates, duplicates
from attnwidget.models import BUNDLED, describe_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from attnwidget.trace import AttentionTrace

VERSION = 1  # of the saved form, and of what is measured
REPEATS = 4  # random sequences, each written twice
LENGTH = 32  # tokens of one
_REPETITION = {"Induction": Pairs(after_duplicates), "Duplicate-Token": Pairs(duplicates)}


@dataclass(frozen=True)
class HeadProbe:
    """Evidence about a model's heads.

    Attributes
    ----------
    model : str
        What was probed.
    syntax : Syntax
        Accuracies on the shipped sentences.
    repetition : dict of str to Tensor
        Corrected scores, (layers, heads), of Induction and Duplicate-Token on random tokens written twice.
    sentences : int
        How many annotated sentences fitted the model.
    """

    model: str
    syntax: Syntax
    repetition: dict[str, Tensor]
    sentences: int

    @property
    def shape(self) -> tuple[int, int]:
        """(layers, heads)."""
        _, layers, heads = self.syntax.accuracy.shape
        return layers, heads

    def evidence(self) -> dict[str, Evidence]:
        """Return each category's scores, and where they come from."""
        repeated = f"{REPEATS} × {LENGTH} random tokens, written twice"
        return {
            "Syntactic": Evidence(self.syntax.scores, f"{self.sentences} annotated sentences", self.syntax.notes()),
            **{name: Evidence(scores, repeated) for name, scores in self.repetition.items()},
        }

    def to_json(self) -> str:
        """Write it down, to four digits."""

        def listed(tensor: Tensor) -> Any:
            return (tensor.double() * 1e4).round().div(1e4).tolist()

        syntax = self.syntax
        return json.dumps(
            {
                "version": VERSION,
                "model": self.model,
                "sentences": self.sentences,
                "groups": syntax.groups,
                "counts": listed(syntax.counts),
                "baseline": listed(syntax.baseline),
                "accuracy": listed(syntax.accuracy),
                "repetition": {name: listed(scores) for name, scores in self.repetition.items()},
            }
        )

    @classmethod
    def from_json(cls, text: str) -> HeadProbe:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            If it is something else, or of another version.
        """
        try:
            told = json.loads(text)
            if told["version"] != VERSION:
                raise ValueError(f"a probe of version {told['version']}; this attnwidget writes {VERSION}: probe again")
            numbers = [torch.tensor(told[name]) for name in ("counts", "baseline", "accuracy")]
            syntax = Syntax([(relation, direction) for relation, direction in told["groups"]], *numbers)
            repetition = {name: torch.tensor(told["repetition"][name]) for name in _REPETITION}
            return cls(str(told["model"]), syntax, repetition, int(told["sentences"]))
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"this is no probe that attnwidget wrote ({error})") from error


_known: WeakKeyDictionary[Any, HeadProbe] = WeakKeyDictionary()
_lock = Lock()  # one probe at a time: a second widget waits and takes the first one's


def known_probe(model: Any) -> HeadProbe | None:
    """Return a model's probe if it was made before, or comes along with a bundled model."""
    shipped = BUNDLED.get(describe_model(model))
    if model not in _known and shipped is not None and (shipped / "heads.json").is_file():
        _known[model] = HeadProbe.from_json((shipped / "heads.json").read_text(encoding="utf-8"))
    return _known.get(model)


def probe_heads(
    model: Any, tokenizer: Any = None, *, on_progress: Callable[[int, int], None] | None = None
) -> HeadProbe:
    """Measure what a model's heads do whatever the text; remembered for as long as the model lives.

    Syntactic: on the annotated sentences that come with the package (`attnwidget.heads.conllu.shipped`). Induction and
    Duplicate-Token: on random tokens, written twice.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Of an encoder–decoder the encoder is probed.
    tokenizer : optional
        The model's tokenizer. Without it, the one beside the model's weights on this machine.
    on_progress : function, optional
        Called with (steps done, steps in all); what it raises stops the probe.

    Returns
    -------
    HeadProbe
    """
    with _lock:
        found = known_probe(model)
        if found is None:
            tokenizer = find_tokenizer(model) if tokenizer is None else tokenizer
            found = _known[model] = _probe(model, tokenizer, on_progress or (lambda *_: None))
        return found


def _probe(model: Any, tokenizer: Any, on_progress: Callable[[int, int], None]) -> HeadProbe:
    sentences = conllu.shipped()
    steps = len(sentences) + REPEATS
    has_decoder = bool(model.config.is_encoder_decoder)
    attention = "encoder" if has_decoder else "self"

    def run(text: str, with_tokenizer: Any) -> AttentionTrace:
        return capture(model, text, text_target=text if has_decoder else None, tokenizer=with_tokenizer, values=False)

    def examples() -> Iterator[tuple[AttentionTrace, Links]]:
        for done, sentence in enumerate(sentences):
            on_progress(done, steps)
            trace = run(sentence.text, tokenizer)
            yield trace, links_of(sentence, trace.sides(attention)[0])

    syntax = syntactic(examples(), attention=attention)
    found: dict[str, list[Tensor]] = {name: [] for name in _REPETITION}
    for done, ids in enumerate(_random_texts(tokenizer)):
        on_progress(len(sentences) + done, steps)
        measured = measure(run("random tokens", _Given(tokenizer, ids)), _REPETITION, attention=attention)
        for name, scores in found.items():
            scores.append(measured.corrected(name))
    on_progress(steps, steps)
    repetition = {name: torch.stack(scores).mean(0) for name, scores in found.items()}
    return HeadProbe(describe_model(model), syntax, repetition, len(sentences))


def _random_texts(tokenizer: Any) -> Iterator[list[int]]:
    """Draw token ids, written twice, within the marks that the tokenizer puts around a text; always the same."""
    special = set(tokenizer.all_special_ids)
    around = [int(number) for number in tokenizer("a")["input_ids"]]
    inside = [at for at, number in enumerate(around) if number not in special]
    before, after = around[: inside[0]], around[inside[-1] + 1 :]
    plain = torch.tensor([number for number in range(len(tokenizer)) if number not in special])
    draw = torch.Generator().manual_seed(0)
    for _ in range(REPEATS):
        drawn = plain[torch.randint(len(plain), (LENGTH,), generator=draw)].tolist()
        yield [*before, *drawn, *drawn, *after]


class _Given:
    """A tokenizer that gives these ids, whatever the text."""

    is_fast = False

    def __init__(self, tokenizer: Any, ids: list[int]) -> None:
        self._tokenizer = tokenizer
        self._ids = ids

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, *_: Any, **__: Any) -> dict[str, list[int]]:
        return {"input_ids": self._ids}
