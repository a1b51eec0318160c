"""Many passes, each with edits of its own, with little work: several at once, and from the first edited block on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.capture.edits.copies import Copies
from attnwidget.capture.edits.editor import Kept, places_of, value_of
from attnwidget.capture.memory import free_memory
from attnwidget.effects import Enough
from attnwidget.effects.edits import EdgeOut, Taken
from attnwidget.effects.target import Asked
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from attnwidget.capture.edits.editor import Sources
    from attnwidget.capture.rerun import Pass
    from attnwidget.effects.again import OnDone, OnPart
    from attnwidget.effects.edits import Edit

_FEW = 3  # passes that are made one after the other, as nothing is saved
_TOKENS = {"cuda": 16_384}  # of all copies in one pass
_TOKENS_ELSEWHERE = 768
_JOINED = 4  # of what fits: passes that begin at one block are joined to others up to a part
_ALIKE = 1e-3  # of the largest number: how near copies in one pass come to one by itself
_ALIKE_HALF = 5e-2  # in half precision


class Experiments:
    """What a target is under each of many lists of edits.

    Parameters
    ----------
    again : Pass
        What is run.
    asked : Asked
        The target.
    """

    def __init__(self, again: Pass, asked: Asked) -> None:
        self._again, self._asked = again, asked
        self._copies = Copies(again, asked)

    def outcomes(
        self, edits: Sequence[Sequence[Edit]], on_done: OnDone | None = None, on_part: OnPart | None = None
    ) -> tuple[float, Tensor]:
        """Return the target without edits, and with each list of them (passes,): float64, NaN where it was stopped.

        What an edit changes is its copy's outcome minus the outcome of the same copy in a pass without edits, so no
        rounding of one batch against another is taken for an effect, and an edit that changes nothing changes nothing.
        """
        found = torch.full((len(edits),), torch.nan, dtype=torch.float64)
        with self._copies.blocks.writing():
            alone = self._copies.run([()])  # (1, rows, …)
        base = float(self._tell(alone, alone)[0])
        starts = [self._copies.blocks.first_of(places_of(one, self._again.heads)) for one in edits]
        order = sorted(range(len(edits)), key=starts.__getitem__)
        reuses = len(edits) > _FEW and self._reuses([(starts[at], edits[at]) for at in order], alone)
        size = self._size(starts, len(alone[0, 0]))
        plain, sources = self._without_edits(size, edits, alone)
        if size > 1 and not _alike(plain, alone):
            size = 1
            plain, sources = self._without_edits(size, edits)
        whole = self._tell(plain, plain)  # (copies,)
        with suppress(Enough):
            for start in range(0, len(order), size):
                some = order[start : start + size]
                rows = [*(edits[at] for at in some), *([()] * (size - len(some)))]
                first = starts[some[0]] if reuses else 0
                with self._copies.blocks.starting(first):
                    edited = self._copies.run(rows, sources=sources)  # (copies, rows, …)
                change = (self._tell(edited, plain) - whole)[: len(some)]
                found[some] = base + change.to("cpu", torch.float64)
                if on_part is not None:
                    on_part(base, found)
                if on_done is not None:
                    on_done(start + len(some), len(edits))
        return base, found

    def written_out(self, edits: Sequence[Edit], *, with_gradient: bool = False) -> list[Edit]:
        """Return edits with the numbers that they take from passes, which run with or without gradients.

        PyTorch has other kernels where a gradient is asked for, and they round in another way.
        """
        if not _taken(edits):
            return list(edits)
        _, sources = self._without_edits(1, [edits], with_gradient=with_gradient)
        return [one if isinstance(one, EdgeOut) else replace(one, value=value_of(one, sources)) for one in edits]

    def _without_edits(
        self, size: int, edits: Sequence[Sequence[Edit]], alone: Tensor | None = None, *, with_gradient: bool = False
    ) -> tuple[Tensor, Sources]:
        """Run copies without edits, and the other texts that edits take from, as many copies.

        `alone` is what one copy has just given, (1, rows, …).
        """
        taken = [pair for some in edits for pair in _taken(some)]
        if size == 1 and alone is not None and not taken:
            return alone, {}
        sources: dict[object, Kept] = {}
        for again in {id(their): their for _, their in taken if their is not None}.values():
            at = places_of([one for one, their in taken if their is again], again.heads)
            sources[again] = Kept(at)
            Copies(again, Asked("output", (0,))).run([()] * size, kept=sources[again], with_gradient=with_gradient)
        own = Kept(places_of([one for one, their in taken if their is None], self._again.heads))
        with self._copies.blocks.writing():
            plain = self._copies.run([()] * size, kept=own, with_gradient=with_gradient)
        return plain, {**sources, None: own}

    def _reuses(self, ordered: Sequence[tuple[int, Sequence[Edit]]], alone: Tensor) -> bool:
        """Whether a pass that begins at a later block is the same as a whole one; tried once, with edits.

        Another edited pass lies between the two, so that nothing that it left behind goes unnoticed.
        """
        if self._again.reuses is None and ordered[-1][0]:
            start, edits = next(one for one in ordered[len(ordered) // 2 :] if one[0])
            other = ordered[0][1]
            _, sources = self._without_edits(1, [edits, other], alone)
            whole = self._copies.run([edits], sources=sources)
            self._copies.run([other], sources=sources)
            try:
                with self._copies.blocks.starting(start):
                    short = self._copies.run([edits], sources=sources)
                self._again.reuses = _alike(short, whole, 0)
            except Exception:  # noqa: BLE001 - whatever it is that this model does between its blocks
                self._again.reuses = False
        return bool(self._again.reuses)

    def _size(self, starts: Sequence[int], width: int) -> int:
        """Say how many copies go into one pass: of as many tokens as pay, and as fit into memory."""
        if len(starts) <= _FEW:
            return 1
        device = self._again.options["attention_mask"].device
        n = self._again.length
        most = max(1, _TOKENS.get(device.type, _TOKENS_ELSEWHERE) // n)
        free = free_memory(device)
        if free is not None:
            heads = max(self._again.heads.values(), default=1)
            one = 4 * self._copies.blocks.nbytes + 16 * heads * n * n + 16 * len(self._asked.rows) * width
            most = max(1, min(most, free // (2 * one)))
        together = max(starts.count(start) for start in starts)  # those that begin at the same block
        if together > most:
            return -(-together // -(-together // most))  # parts of about the same size
        # several of them only where they are small: the later ones run through the earlier ones' blocks
        return min(max(1, most // (_JOINED * together)) * together, len(starts))

    def _tell(self, rows: Tensor, plain: Tensor) -> Tensor:
        """Compute the target from (copies, rows, …): (copies,)."""
        if self._asked.needs_logits:
            return self._asked.of_logits(rows)
        mine, theirs = upcast(rows[:, 0]), upcast(plain[:, 0])  # (copies, d_model)
        moved: Tensor = torch.linalg.vector_norm(mine - theirs, dim=-1) / torch.linalg.vector_norm(theirs, dim=-1)
        return moved


def _taken(edits: Sequence[Edit]) -> list[tuple[Edit, Any]]:
    """List the edits that take numbers from a pass, and which pass that is: another text's, or None."""
    values = [(one, one.value) for one in edits if not isinstance(one, EdgeOut)]
    return [(one, value.again) for one, value in values if isinstance(value, Taken)]


def _alike(copies: Tensor, alone: Tensor, share: float | None = None) -> bool:
    """Whether each of several copies gave what one by itself gives, up to rounding, or a share of the largest."""
    if share is None:
        share = _ALIKE if alone.dtype in {torch.float32, torch.float64} else _ALIKE_HALF
    bound = share * float(alone.nan_to_num(0, 0, 0).abs().max())
    return torch.allclose(copies, alone.expand_as(copies), rtol=0, atol=bound, equal_nan=True)
