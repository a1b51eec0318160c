"""What both browsers show is what the kernel says."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from playwright.sync_api import TimeoutError as LateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from soak.reader import Reader

PATIENCE = 45.0  # seconds for everything to arrive
SLIDER = 0.011  # its steps are hundredths
EXACT = 1e-5
CLOSE = 6e-4  # what was sent ahead has 16 bits, what is written four digits

# One line of JSON: the traits, the labels, and numbers that must be on screen.
ASK = """
def _told():
    import json, torch
    trace, attention = w.trace, w.attention
    queries, keys = trace.sides(attention)
    name = lambda side: side.word_texts if w.words else side.text
    n, m = len(queries.text), len(keys.text)
    itself = torch.eye(n, m, dtype=torch.bool) & (queries is keys)
    def strongest(self, first):
        tiles = torch.stack([trace.measure(w.measure, *head, attention=attention) for head in w.heads])
        if (self or first) and w.measure == "weights":
            out = itself & self
            out[:, 0] |= first
            rest = tiles.masked_fill(out, 0)
            sums, left = (one.clamp(min=0).sum(-1, keepdim=True) for one in (tiles, rest))
            tiles = torch.where(left > 0, tiles * sums / left, tiles).masked_fill(out, -torch.inf)
        least = (tiles > -torch.inf).sum(-1, keepdim=True) < 2
        tiles = tiles.masked_fill(least | itself, -torch.inf).nan_to_num(-torch.inf)
        return tiles.max().item() if tiles.max() > -torch.inf else None
    whole = not w.words and w.view == "lines" and n <= 512
    pairs = {f"{self} {first}": strongest(self, first) for self in (False, True) for first in (False, True)}
    weights = None
    if w.view == "breakdown":
        found = w.breakdown().weights
        weights = {str(at): found[at].item() for at in range(len(found))}
    top = None
    if not w.words and (w.queries or w.keys):
        top = trace.rank(w.queries or None, w.keys or None, measure=w.measure, attention=attention).values[0].item()
    print(json.dumps({
        "view": w.view, "text": w.text, "layer": w.layer, "heads": sorted(map(str, w.heads)), "measure": w.measure,
        "threshold": round(w.threshold ** (1 / 3), 2), "words": w.words, "category": w.category,
        "attention": attention, "queries": sorted(w.queries), "keys": sorted(w.keys),
        "query_labels": name(queries), "key_labels": name(keys), "strongest": pairs if whole else None,
        "weights": weights, "top": top, "notices": trace.notices,
    }))
"""


def differences(told: dict[str, Any], shown: dict[str, Any]) -> list[str]:
    """Where a picture is another than the kernel's."""
    waiting = [] if shown["state"] == "ready" else [f"state: {shown['state']}"]
    return [*waiting, *in_choices(told, shown), *in_tokens(told, shown), *in_numbers(told, shown)]


def in_choices(told: dict[str, Any], shown: dict[str, Any]) -> Iterator[str]:
    for name in ("view", "text", "layer", "heads", "measure", "words", "category", "attention", "notices"):
        if shown[name] is not None and shown[name] != told[name]:
            yield f"{name}: kernel {told[name]!r}, screen {shown[name]!r}"
    if shown["threshold"] is not None and abs(float(shown["threshold"]) - told["threshold"]) > SLIDER:
        yield f"threshold: kernel {told['threshold']}, screen {shown['threshold']}"


def in_tokens(told: dict[str, Any], shown: dict[str, Any]) -> Iterator[str]:
    for name, pins in (("query_labels", "queries"), ("key_labels", "keys")):
        labels = shown[name] or {}  # of those in sight
        wrong = {at: label for at, label in labels.items() if told[name][int(at) : int(at) + 1] != [label]}
        if wrong:
            yield f"{name}: on screen {wrong}"
        if shown[pins] is not None and [at for at in told[pins] if str(at) in labels] != sorted(shown[pins]):
            yield f"{pins}: kernel {told[pins]}, screen {shown[pins]}"


def in_numbers(told: dict[str, Any], shown: dict[str, Any]) -> Iterator[str]:
    if told["strongest"] is not None and told["view"] == shown["view"]:
        yield from in_number("strongest pair", told["strongest"][shown["left_out"]], shown["strongest"])
    if not told["words"]:
        yield from in_number("first of the ranking", told["top"], shown["top"])
    exact = told["weights"] or {}
    wrong = {row: one for row, one in (shown["weights"] or {}).items() if abs(float(one) - exact.get(row, 0)) > EXACT}
    if exact and wrong:
        yield f"weights: on screen {wrong}, in the kernel {[exact.get(row) for row in wrong]}"


def in_number(name: str, told: float | None, shown: str | None) -> Iterator[str]:
    value = number(shown or "")
    if told is not None and value is not None and not abs(value - told) <= CLOSE * max(1, abs(value)):
        yield f"{name}: kernel {told}, screen {shown}"


def number(text: str) -> float | None:
    try:
        return float(text.replace("−", "-").replace("\u202f", "").replace(",", ""))
    except ValueError:
        return None


def agreement(readers: list[Reader], through: Reader) -> list[str]:
    """Wait until every browser shows what the kernel says; return what still differs after some patience."""
    end = time.monotonic() + PATIENCE
    while True:
        found = []
        for reader in readers:
            with suppress(LateError):  # told below, by its state
                reader.wait(timeout=5_000)
        told = through.ask("_told()")
        for reader in readers:
            found += [f"{reader.name}: {one}" for one in differences(told, reader.picture())]
        if not found or time.monotonic() > end:
            return found
        through.page.evaluate("() => new Promise((done) => setTimeout(done, 200))")
