"""How a model writes: options handed on to its own `generate`, every token told as it comes, and an end at any time."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any

import torch
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.interface import not_recording
from attnwidget.capture.support import check
from attnwidget.capture.temporary import set_temporarily
from attnwidget.capture.wrappers import core_of, generates, unwrapped
from attnwidget.maths.from_generate import name_beam

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from torch import Tensor

    Generate = int | Mapping[str, Any] | GenerationConfig
    OnToken = Callable[[str, int, int], bool | None]

_OWN = "seed", "sequence"
_SAMPLING = "temperature", "top_k", "top_p", "min_p", "typical_p"


@dataclass(frozen=True)
class Options:
    """What a user wants of `generate`.

    Attributes
    ----------
    count : int, optional
        So many tokens at most, the likeliest each time; None where `config` says how.
    config : GenerationConfig, optional
        Handed on to the model, whose own stands in for what it leaves open.
    seed : int, optional
        Of the random numbers.
    sequence : int
        Which of several texts.
    """

    count: int | None = None
    config: GenerationConfig | None = None
    seed: int | None = None
    sequence: int = 0

    def __bool__(self) -> bool:
        """Whether anything is to be written that a model would not write by itself."""
        return self.config is not None or bool(self.count)


def read_options(given: Generate) -> Options:
    """Return what a user wants of `generate`, checked as far as that takes no model.

    Parameters
    ----------
    given : int, mapping or GenerationConfig
        How many tokens; or options of ``model.generate``, in a mapping also `seed` and `sequence`.

    Raises
    ------
    ValueError
        For a number below 0, an option that does not exist, or values that do not go together.
    TypeError
        For anything else.
    """
    if isinstance(given, GenerationConfig):
        return Options(config=given)
    if isinstance(given, Mapping):
        return _read_mapping(dict(given))
    try:
        count = -1 if isinstance(given, bool) else index(given)
    except TypeError:
        raise TypeError(
            "generate must be a number of tokens, a dict of options of model.generate or a GenerationConfig, got "
            f"{type(given).__name__}"
        ) from None
    if count < 0:
        raise ValueError(f"generate must be 0 or more tokens for one text of a causal model, got {given}")
    return Options(count=count)


def _read_mapping(given: dict[str, Any]) -> Options:
    own = {name: given.pop(name) for name in _OWN if given.get(name) is not None}
    known = GenerationConfig()  # type: ignore[no-untyped-call]
    unknown = [name for name in given if name.startswith("_") or not hasattr(known, name)]
    if unknown:
        raise ValueError(
            f"generate has no option {', '.join(map(repr, unknown))}; it takes those of transformers.GenerationConfig, "
            "and seed and sequence"
        )
    idle = [name for name in _SAMPLING if given.get(name) is not None]
    if idle and given.get("do_sample") is None:
        raise ValueError(f"{', '.join(idle)} in generate= would do nothing without do_sample=True")
    try:
        config = GenerationConfig(**given)  # type: ignore[no-untyped-call]
        return Options(config=config, **{name: index(value) for name, value in own.items()})
    except (TypeError, ValueError) as error:
        raise ValueError(f"generate: {error}") from error


def check_writes(model: Any, given: Generate) -> None:
    """Raise, without a text and before it takes long, if a model cannot write so; see `capture` for what."""
    whole: Any = unwrapped(model)
    check(whole)
    Writer(whole, read_options(given), "a text without generate=")


class Writer:
    """A model that writes, with the options for it.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        The model, with whatever stands around it.
    options : Options
        What is wanted.
    instead : str
        What to do where it cannot.
    """

    def __init__(self, model: Any, options: Options, instead: str) -> None:
        kind, core = type(model).__name__, core_of(model)
        if not core.can_generate():
            raise UnsupportedModelError(
                f"{kind} has no language-model head and cannot generate; load the class that has "
                f"(AutoModelForCausalLM, AutoModelForSeq2SeqLM), or pass {instead}"
            )
        if not generates(model):
            raise UnsupportedModelError(
                f"{kind} generates without its virtual tokens; give it the task type of its model "
                f"(CAUSAL_LM, SEQ_2_SEQ_LM), or pass {instead}"
            )
        self._model, self._options = model, options
        own = core.generation_config
        self._config = copy.deepcopy(own if options.config is None else options.config)
        if options.config is None:
            plain = {
                "do_sample": False, "num_beams": 1, "num_return_sequences": 1, "min_length": 0,
                "temperature": None, "top_k": None, "top_p": None,
            }  # fmt: skip
            for name, value in plain.items():
                setattr(self._config, name, value)
        self._whole = copy.deepcopy(self._config)  # as `generate` will have it
        self._whole.update(**own.to_dict(), defaults_only=True, allow_custom_entries=True)
        if not 0 <= options.sequence < self._returned:
            raise ValueError(
                f"sequence must be from 0 to {self._returned - 1}, as num_return_sequences is {self._returned}, "
                f"got {options.sequence}"
            )

    @property
    def _returned(self) -> int:
        return int(self._whole.num_return_sequences or 1)

    def most(self, prompt: int) -> int | None:
        """Return how many tokens may be written after a prompt of so many; None where that is left open.

        Raises
        ------
        ValueError
            If there is no room for any.
        """
        if self._options.config is None:
            return self._options.count or None
        if self._whole.max_new_tokens is not None:
            return int(self._whole.max_new_tokens)
        if self._whole.max_length is None:
            return None
        if self._whole.max_length <= prompt:
            raise ValueError(
                f"generate has max_length={self._whole.max_length}, which counts the {prompt} tokens of the prompt, "
                "too; max_new_tokens= counts what is written alone"
            )
        return int(self._whole.max_length) - prompt

    def write(
        self, ids: Tensor, keep: Tensor, count: int, tokenizer: Any, on_token: OnToken | None
    ) -> tuple[list[int], list[str]]:
        """Write up to `count` tokens, and return the whole sequence, prompt or start first; and notices of it.

        Parameters
        ----------
        ids, keep : Tensor
            (1, n): the prompt, and which of its tokens are no padding.
        count : int
            How many at most.
        tokenizer : optional
            The model's.
        on_token : function, optional
            Called after every token with (what is written, tokens, at most); true ends the writing.
        """
        config, beams = self._config, int(self._whole.num_beams or 1)
        config.max_new_tokens, config.max_length = count, None
        config.output_attentions = config.output_hidden_states = config.output_logits = False
        config.return_dict_in_generate = config.output_scores = beams > 1  # for the beam's own score
        if self._whole.pad_token_id is None:
            config.pad_token_id = (as_list(self._whole.eos_token_id) or [0])[0]
        told = _Told(on_token, count, tokenizer, 0 if beams > 1 else self._options.sequence)
        more = {"tokenizer": tokenizer} if self._whole.stop_strings else {}
        training = [(module, "training", False) for module in self._model.modules()]
        with torch.no_grad(), set_temporarily(training), not_recording(), self._random():
            found = self._model.generate(
                input_ids=ids,
                attention_mask=keep.to(ids.device),
                generation_config=config,
                stopping_criteria=StoppingCriteriaList([told]),
                **more,
            )
        rows = found.sequences if beams > 1 else found  # (texts, tokens)
        written = self._up_to_end(rows[self._options.sequence].tolist(), told.start)
        notices = self._about(beams, getattr(found, "sequences_scores", None))
        if told.was_ended:
            notices.append(f"The writing was stopped after {len(written) - told.start} of up to {count} tokens.")
        return written, notices

    def _up_to_end(self, ids: list[int], start: int) -> list[int]:
        """Cut what follows the mark that ends a text: where several are written, the shorter ones are filled up."""
        ends = set(as_list(self._whole.eos_token_id))
        stop = next((at + 1 for at in range(start, len(ids)) if ids[at] in ends), len(ids))
        return [int(number) for number in ids[:stop]]

    def _about(self, beams: int, scores: Tensor | None) -> list[str]:
        number, returned = self._options.sequence, self._returned
        if beams > 1:
            return [name_beam(number, beams, returned, None if scores is None else float(scores[number]))]
        if returned > 1:
            return [f"Text {number + 1} of the {returned} that were written; sequence= chooses another."]
        return []

    def _random(self) -> AbstractContextManager[None]:
        """Draw from random numbers of its own, where there is a seed; what draws afterwards is none the wiser."""
        seed = self._options.seed
        return nullcontext() if seed is None else _seeded(seed, next(self._model.parameters()).device.type)


@contextmanager
def _seeded(seed: int, kind: str) -> Iterator[None]:
    kind = "cuda" if kind == "cpu" else kind  # beside the CPU's, which is always among them
    count = torch.get_device_module(kind).device_count()
    with torch.random.fork_rng(devices=range(count), device_type=kind):
        torch.manual_seed(seed)
        yield


class _Told(StoppingCriteria):
    """Tells of every token, and ends the writing when whoever is told has enough."""

    def __init__(self, on_token: OnToken | None, most: int, tokenizer: Any, row: int) -> None:
        self._on_token, self._most, self._tokenizer, self._row = on_token, most, tokenizer, row
        self.start = -1  # where the first token that was written stands
        self.was_ended = False

    def __call__(self, input_ids: Tensor, *_: Any, **__: Any) -> Tensor:
        """Tell of what is there, (rows, tokens), and say of each row whether it ends here."""
        if self.start < 0:
            self.start = input_ids.shape[1] - 1
        if self._on_token is not None and not self.was_ended:
            written = input_ids[self._row, self.start :].tolist()  # beams: the best one so far
            text = self._tokenizer.decode(written, skip_special_tokens=True)
            self.was_ended = bool(self._on_token(text, len(written), self._most))
        return torch.full((input_ids.shape[0],), self.was_ended, dtype=torch.bool, device=input_ids.device)


def as_list(value: int | list[int] | None) -> list[int]:
    """Return one number, several or none as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
