"""What it costs to put one trace beside another: a layer's differences, all heads ranked, and another mask.

GPT-2's shape (144 heads of 64 dimensions), random queries and keys; B's text lacks every tenth token of A's. The floors
are the same weights of both sides by plain products of the same tensors. Medians in one process.

    python benchmarks/compare.py
"""

import time
from statistics import median

import torch

from attnwidget import AttentionTrace
from attnwidget.comparison import Beside, Comparison

LAYERS, HEADS, DIM = 12, 12, 64
REPEATS = 7
ROWS = 64  # that are compared of a longer text, when heads are ranked


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def random_trace(tokens):
    q, k, v = (torch.randn(LAYERS, HEADS, len(tokens), DIM) for _ in range(3))
    return q, k, AttentionTrace.from_qkv(q, k, v, tokens, mask="causal")


def plain(sides, layers, rows):
    """Compute both sides' weights of some layers and rows, by the products alone."""
    for q, k, trace in sides:
        at = torch.linspace(0, len(trace.tokens) - 1, min(rows, len(trace.tokens))).long()
        hidden = torch.arange(len(trace.tokens)) > at[:, None]  # (rows, keys)
        for layer in range(layers):
            scores = q[layer][:, at] @ k[layer].transpose(-1, -2) / DIM**0.5  # (heads, rows, keys)
            scores.masked_fill(hidden, -torch.inf).softmax(-1)


def measure(n):
    """Return medians in seconds: floor and time of a layer's differences, of the ranking, of another mask."""
    words = [f"t{at}" for at in range(n)]
    sides = random_trace(words), random_trace([one for at, one in enumerate(words) if at % 10])
    (_, _, a), (_, _, b) = sides
    start = time.perf_counter()
    beside = Beside(a, b)
    aligned = time.perf_counter() - start
    a, b = a.with_beside(beside), b.with_beside(beside.turned(a))
    comparison = Comparison(a, b, ("A", "B"))
    works = (
        lambda: plain(sides, 1, n),
        lambda: a.measure("difference", 0),
        lambda: plain(sides, LAYERS, ROWS),
        comparison.rank,
        lambda: plain(sides[:1], 1, n),
        lambda: a.with_mask("causal+window:64").weights(0),
    )
    spent = {work: [] for work in works}
    for _ in range(REPEATS):
        for work, seconds in spent.items():
            seconds.append(timed(work))
    return aligned, *(median(seconds[1:]) for seconds in spent.values())


def main() -> None:
    print(f"{LAYERS * HEADS} heads, {torch.get_num_threads()} threads, float32; each beside its floor, in ms\n")
    print("| tokens | aligned | a layer's differences | all heads ranked | a layer under another mask |")
    print("|---|---|---|---|---|")
    for n in (128, 512, 1024):
        aligned, *pairs = measure(n)
        cells = [
            f"{1e3 * time:.1f} ({time / floor:.1f} × {1e3 * floor:.1f})"
            for floor, time in zip(*[iter(pairs)] * 2, strict=True)
        ]
        print(f"| {n:,} | {1e3 * aligned:.1f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
