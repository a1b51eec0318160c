"""Every head's scores, and what the categories are, as the panel shows them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import torch

from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import Categories, Category, Notes, Probe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attnwidget.heads import CategoryTable
    from attnwidget.trace import AttentionTrace

_NUMBER = re.compile(r"\d+")


def categories(table: CategoryTable, attention: str, run: int, probe: Probe) -> Categories:
    """Write the scores down; `probe` says how far the evidence about the model is."""
    return Categories(
        run=run,
        attention=attention,
        categories=[
            Category(
                name=one.name,
                meaning=one.meaning,
                threshold=one.threshold,
                scale=one.scale,
                chance=table.chance.get(one.name),
                source=table.sources[one.name],
                colour=one.colour,
                notes=_notes(table.notes.get(one.name)),
            )
            for one in table.categories
        ],
        peak=[[None if math.isnan(one) else round(one, 4) for one in row] for row in table.statistics.peak.tolist()],
        warning=table.warning,
        probe=probe,
        **pack(table.scores),
    )


def _notes(told: Sequence[Sequence[str]] | None) -> Notes | None:
    if told is None:
        return None
    texts: dict[str, int] = {}
    of = [
        [
            " ".join([str(texts.setdefault(_NUMBER.sub("\x01", text), len(texts))), *_NUMBER.findall(text)])
            for text in layer
        ]
        for layer in told
    ]
    return Notes(texts=list(texts), of=of)


def no_categories(trace: AttentionTrace, attention: str, run: int, why: Exception) -> Categories:
    """Say that the heads could not be scored."""
    empty = torch.empty(0, trace.n_layers(attention), trace.n_heads(attention))
    warning = f"the heads could not be scored: {str(why) or type(why).__name__}"
    return Categories(
        run=run,
        attention=attention,
        categories=[],
        peak=[],
        warning=warning,
        probe=Probe(),
        **pack(empty),
    )
