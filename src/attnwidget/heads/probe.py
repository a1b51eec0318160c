"""What can be said of a model whatever the text: on annotated sentences, and repetition on random tokens."""

from __future__ import annotations

import json
import math
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import torch

from attnwidget.capture import TextTooLongError, UnsupportedModelError, twin
from attnwidget.capture.foreign import runner_of, taken
from attnwidget.capture.inputs import find_tokenizer, position_limit, vocabulary_size
from attnwidget.capture.run import capture
from attnwidget.capture.wrappers import adapter_switches, core_of, unwrapped
from attnwidget.heads import conllu
from attnwidget.heads.categories import Evidence
from attnwidget.heads.coreference import Coreference, Pronoun, coreferent
from attnwidget.heads.grammar import NoLinksError, Syntax, links_of, syntactic
from attnwidget.heads.measure import measure
from attnwidget.heads.patterns import Pairs, after_duplicates, duplicates
from attnwidget.maths.projection import version_of
from attnwidget.models import BUNDLED, describe_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from attnwidget.heads.conllu import Sentence
    from attnwidget.tokens import Tokens
    from attnwidget.trace import AttentionTrace

T = TypeVar("T")

VERSION = 2  # of the saved form, and of what is measured
REPEATS = 4  # random sequences, each written twice
LENGTH = 32  # tokens of one, as far as the model's context allows
SHORTEST_LENGTH = 8
_SUMMED = 1 << 20  # weights of a tensor that a checksum takes
_REPETITION = {"Induction": Pairs(after_duplicates), "Duplicate-Token": Pairs(duplicates)}


@dataclass(frozen=True)
class HeadProbe:
    """Evidence about a model's heads.

    Attributes
    ----------
    model : str
        What was probed.
    syntax : Syntax
        Accuracies on the shipped sentences with their trees.
    coreference : Coreference
        Accuracies on the shipped sentences with a pronoun.
    repetition : dict of str to Tensor
        Corrected scores, (layers, heads), of Induction and Duplicate-Token on random tokens written twice.
    sentences : int
        How many sentences with their trees fitted the model.
    checksum : float
        Of the weights that were probed.
    """

    model: str
    syntax: Syntax
    coreference: Coreference
    repetition: dict[str, Tensor]
    sentences: int
    checksum: float

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
            "Coreference": Evidence(
                self.coreference.scores,
                f"{self.coreference.count} annotated sentences with a pronoun",
                self.coreference.notes(),
            ),
            **{name: Evidence(scores, repeated) for name, scores in self.repetition.items()},
        }

    def to_json(self) -> str:
        """Write it down, to four digits."""

        def listed(tensor: Tensor) -> Any:
            return (tensor.double() * 1e4).round().div(1e4).tolist()

        syntax, coreference = self.syntax, self.coreference
        return json.dumps(
            {
                "version": VERSION,
                "model": self.model,
                "sentences": self.sentences,
                "checksum": self.checksum,
                "groups": syntax.groups,
                "counts": listed(syntax.counts),
                "baseline": listed(syntax.baseline),
                "accuracy": listed(syntax.accuracy),
                "pronouns": {
                    "count": coreference.count,
                    "nearest": coreference.nearest,
                    "first": coreference.first,
                    "favourite": listed(coreference.favourite),
                    "accuracy": listed(coreference.accuracy),
                },
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
            saved = json.loads(text)
            if saved["version"] != VERSION:
                raise ValueError(
                    f"a probe of version {saved['version']}; this attnwidget writes {VERSION}: probe again"
                )
            numbers = [torch.tensor(saved[name]) for name in ("counts", "baseline", "accuracy")]
            syntax = Syntax([(relation, direction) for relation, direction in saved["groups"]], *numbers)
            pronouns = saved["pronouns"]
            coreference = Coreference(
                int(pronouns["count"]),
                float(pronouns["nearest"]),
                float(pronouns["first"]),
                *(torch.tensor(pronouns[name]) for name in ("favourite", "accuracy")),
            )
            repetition = {name: torch.tensor(saved["repetition"][name]) for name in _REPETITION}
            sentences, total = int(saved["sentences"]), float(saved["checksum"])
            return cls(str(saved["model"]), syntax, coreference, repetition, sentences, total)
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"this is no probe that attnwidget wrote ({error})") from error


class _State(NamedTuple):
    """By what a changed model is told from the same."""

    versions: list[tuple[int, int]]  # where each tensor is, and how often it was written into; free to ask for
    checksum: float  # for writes that are not counted: those into `.data`, and in inference mode
    switches: list[str]  # which adapters are on

    @classmethod
    def of(cls, model: Any) -> _State:
        return cls(_versions(model), checksum(model), adapter_switches(model))

    def is_of(self, model: Any) -> bool:
        is_same = self.versions == _versions(model) and self.switches == adapter_switches(model)
        return is_same and self.checksum == checksum(model)


def _versions(model: Any) -> list[tuple[int, int]]:
    return [(one.data_ptr(), version_of(one)) for parameter in model.parameters() for one in _stored(parameter)]


def _stored(parameter: Any) -> list[Tensor]:
    """Return the tensors that a parameter is kept in: itself, or what a quantised one is made of."""
    if hasattr(parameter, "__tensor_flatten__"):
        names, _ = parameter.__tensor_flatten__()
        return [one for name in names for one in _stored(getattr(parameter, name))]
    return [] if parameter.is_meta else [parameter]


class _Known:
    """What is remembered of one model."""

    def __init__(self) -> None:
        self.lock = Lock()  # a second one who asks waits, and takes the first one's
        self.probe: tuple[HeadProbe, _State] | None = None  # and the weights when it was made


_all_known: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()
_guard = Lock()


def _known_of(model: Any) -> _Known:
    with _guard:
        return _all_known.setdefault(model, _Known())


def known_probe(model: Any) -> HeadProbe | None:
    """Return a model's probe if it was made before and its weights are the same, or if it comes along bundled.

    That costs nothing where there is none. To compare with one, all weights may be read, which takes a second or two
    at GPT-2's size: not for the thread on which others wait.
    """
    model = unwrapped(model)
    known = _known_of(model)
    if known.probe is not None:
        found, state = known.probe
        return found if state.is_of(model) else None
    folder = BUNDLED.get(describe_model(model))
    if folder is None or not (folder / "heads.json").is_file():
        return None
    found, state = HeadProbe.from_json((folder / "heads.json").read_text(encoding="utf-8")), _State.of(model)
    if not math.isclose(found.checksum, state.checksum, rel_tol=1e-6):
        return None
    known.probe = found, state
    return found


def checksum(model: Any) -> float:
    """Add up a model's weights: all of a small one, a part of every tensor of a large one."""
    total = 0.0
    for parameter in model.parameters():
        for flat in (one.detach().reshape(-1) for one in _stored(parameter)):
            total += float(flat[:: max(1, flat.numel() // _SUMMED)].double().abs().sum())
    return total


def probe_heads(
    model: Any, tokenizer: Any = None, *, on_progress: Callable[[int, int], None] | None = None
) -> HeadProbe:
    """Measure what a model's heads do whatever the text; remembered for as long as its weights stay the same.

    Syntactic and Coreference: on the annotated sentences that come with the package (`attnwidget.heads.conllu`:
    `shipped` and `shipped_pronouns`). Induction and Duplicate-Token: on random tokens, written twice. The passes run on
    a copy of the model that shares its weights: the model may be used meanwhile.

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
        Of a model whose context is short, with fewer sentences and shorter sequences; what cannot be measured is NaN.
    """
    model, tokenizer = taken(model, tokenizer)
    if runner_of(model) is not None:
        raise UnsupportedModelError(
            f"{type(model).__name__} is not probed: pass the same model as transformers loads it"
        )
    model = unwrapped(model)
    known = _known_of(model)
    with known.lock:
        found = known_probe(model)
        if found is None:
            tokenizer = find_tokenizer(model) if tokenizer is None else tokenizer
            state = _State.of(model)  # before: what is trained meanwhile is not what was probed
            found = _probe(model, tokenizer, on_progress or (lambda *_: None))
            known.probe = found, state
        return found


def _probe(model: Any, tokenizer: Any, on_progress: Callable[[int, int], None]) -> HeadProbe:
    trees, pronouns = conllu.shipped(), conllu.shipped_pronouns()
    steps = REPEATS + len(trees) + len(pronouns)
    has_decoder = bool(core_of(model).config.is_encoder_decoder)
    attention = "encoder" if has_decoder else "self"
    other = twin(model)

    def run(text: str | list[int]) -> AttentionTrace:
        return capture(other, text, text_target=text if has_decoder else None, tokenizer=tokenizer, values=False)

    fitted: Counter[object] = Counter()  # sentences, by what is found in them

    def examples(
        sentences: list[Sentence], of: Callable[[Sentence, Tokens], T], start: int
    ) -> Iterator[tuple[AttentionTrace, T]]:
        for done, sentence in enumerate(sentences, start):
            on_progress(done, steps)
            with suppress(TextTooLongError):
                trace = run(sentence.text)
                fitted[of] += 1
                yield trace, of(sentence, trace.sides(attention)[0])

    found: dict[str, list[Tensor]] = {name: [] for name in _REPETITION}
    for done, ids in enumerate(_random_texts(model, tokenizer)):
        on_progress(done, steps)
        measured = measure(run(ids), _REPETITION, attention=attention)
        for name, scores in found.items():
            scores.append(measured.corrected(name))
    try:
        syntax = syntactic(examples(trees, links_of, REPEATS), attention=attention)
    except NoLinksError:
        some = run("a")
        syntax = Syntax(
            [], torch.zeros(0), torch.zeros(0), torch.zeros(0, some.n_layers(attention), some.n_heads(attention))
        )
    shape = syntax.accuracy.shape[1:]  # (layers, heads)
    coreference = coreferent(examples(pronouns, Pronoun.of, REPEATS + len(trees)), attention=attention)
    on_progress(steps, steps)
    unknown = torch.full(shape, torch.nan)
    repetition = {name: torch.stack(scores).mean(0) if scores else unknown for name, scores in found.items()}
    return HeadProbe(
        describe_model(model),
        syntax,
        coreference or Coreference.unknown(*shape),
        repetition,
        fitted[links_of],
        checksum(model),
    )


def _random_texts(model: Any, tokenizer: Any) -> Iterator[list[int]]:
    """Draw token ids, written twice, within the marks that the tokenizer puts around a text; always the same."""
    special = set(tokenizer.all_special_ids)
    before: list[int] = []
    after: list[int] = []
    for word in ("a", "the", "1", "."):
        around = [int(number) for number in tokenizer(word)["input_ids"]]
        inside = [at for at, number in enumerate(around) if number not in special]
        if inside:
            before, after = around[: inside[0]], around[inside[-1] + 1 :]
            break
    known = range(min(len(tokenizer), vocabulary_size(model)))
    plain = torch.tensor([number for number in known if number not in special])
    limit = position_limit(model)
    starts = int(core_of(model).config.is_encoder_decoder)  # the decoder reads its start token before the text
    length = LENGTH if limit is None else min(LENGTH, (limit - len(before) - len(after) - starts) // 2)
    if length < SHORTEST_LENGTH or not len(plain):
        return
    draw = torch.Generator().manual_seed(0)
    for _ in range(REPEATS):
        drawn = plain[torch.randint(len(plain), (length,), generator=draw)].tolist()
        yield [*before, *drawn, *drawn, *after]
