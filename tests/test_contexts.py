"""One word in two contexts: every number that docs/attention.md tells is the bundled model's, found by plain loops."""

from __future__ import annotations

import math
import re
from pathlib import Path
from statistics import median

import pytest

from attnwidget import capture, compare, load_model

PAGE = (Path(__file__).parents[1] / "docs" / "attention.md").read_text(encoding="utf-8")
PAIR = re.compile(r'A "(.+)", B "(.+)", in `(.+)`; half of the heads are below ([\d.]+):\n\n.*\n\|---.*\n((?:\|.*\n)+)')
ROW = re.compile(r"\| (L\d-H\d) \| ([\d.]+) \| (\S+) ([\d.]+) \| (\S+) ([\d.]+) \|")


def divergence(p: list[float], q: list[float]) -> float:
    """Jensen–Shannon, in nats."""
    return sum(x / 2 * math.log(x / ((a + b) / 2)) for a, b in zip(p, q, strict=True) for x in (a, b) if x > 0)


def test_the_page_has_both_pairs() -> None:
    assert [len(ROW.findall(pair[-1])) for pair in PAIR.findall(PAGE)] == [3, 3]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("pair", PAIR.findall(PAGE), ids=lambda pair: pair[2])
def test_the_heads_that_differ_most_are_named_with_their_numbers(pair: tuple[str, ...]) -> None:
    first, second, name, middle, table = pair
    model, tokenizer = load_model(name)
    a, b = (capture(model, text, tokenizer=tokenizer) for text in (first, second))
    assert len(a.tokens) == len(b.tokens)
    other = [at for at, (x, y) in enumerate(zip(a.tokens, b.tokens, strict=True)) if x != y]
    assert len(other) == 1  # all else is in its place: everything but this one word is its own partner
    row = a.tokens.index("bank")
    found = {}
    for layer in range(a.n_layers()):
        for head in range(a.n_heads()):
            p, q = (trace.weights(layer, head, queries=row).double().tolist() for trace in (a, b))
            alone_p, alone_q = p[other[0]], q[other[0]]
            p[other[0]] = q[other[0]] = 0
            rest_p, rest_q = (max(0.0, 1 - sum(x) - y) for x, y in ((p, alone_p), (q, alone_q)))
            found[f"L{layer}-H{head}"] = divergence([*p, alone_p, 0, rest_p], [*q, 0, alone_q, rest_q])
    told = ROW.findall(table)
    assert sorted(found, key=lambda head: -found[head])[: len(told)] == [row[0] for row in told]
    assert f"{median(found.values()):.4f}" == middle
    for head, far, *most in told:
        assert f"{found[head]:.4f}" == far
        for trace, key, weight in zip((a, b), most[::2], most[1::2], strict=True):
            layer, number = (int(one[1:]) for one in head.split("-"))
            weights = trace.weights(layer, number, queries=row)
            assert (trace.tokens[int(weights.argmax())], f"{float(weights.max()):.3f}") == (key, weight)
    ranked = compare(first, second, model=name).comparison.rank("bank").to_dict()
    assert ranked == {head: pytest.approx(far, abs=1e-6) for head, far in found.items()}
