"""What it costs to ask every head for one pair, beside the row that this takes and beside all weights.

GPT-2's shape (144 heads of 64 dimensions), random queries and keys, every time another query, as a reader's clicks are.
The floor is one softmax row of each head, a plain product of the same tensors. Medians in one process.

    python benchmarks/ranking.py
"""

import time
from statistics import median

import torch

from attnwidget import AttentionTrace

LAYERS, HEADS, DIM = 12, 12, 64
REPEATS = 15
MOST = 1024  # tokens of which all weights are computed


def timed(work, *args):
    start = time.perf_counter()
    work(*args)
    return time.perf_counter() - start


def row(n):
    """Measure one length: medians of the four, in seconds."""
    q, k, trace = random_trace(n)

    def floor(query):
        for layer in range(LAYERS):
            keys = k[layer, :, : query + 1]  # (heads, keys, d)
            (torch.einsum("hd,hkd->hk", q[layer, :, query], keys) / DIM**0.5).softmax(-1)

    def every_weight(_):
        for layer in range(LAYERS if n <= MOST else 0):
            (q[layer] @ k[layer].transpose(-1, -2) / DIM**0.5).softmax(-1)

    works = floor, lambda query: trace.rank(query, 3), trace.rank, every_weight
    spent = {work: [] for work in works}
    for turn in range(REPEATS):
        for place, (work, seconds) in enumerate(spent.items()):
            seconds.append(timed(work, n - 1 - 4 * turn - place))  # no row is known yet
    return [median(seconds[1:]) for seconds in spent.values()]


def random_trace(n):
    q, k, v = (torch.randn(LAYERS, HEADS, n, DIM) for _ in range(3))
    return q, k, AttentionTrace.from_qkv(q, k, v, [f"t{at}" for at in range(n)], mask="causal")


def main() -> None:
    print(f"{LAYERS * HEADS} heads, {torch.get_num_threads()} threads, float32\n")
    print("| tokens | one row of each head (floor) | a pair (aim at 1,024: ≤ 50 ms) | a query, any key | all weights |")
    print("|---|---|---|---|---|")
    for n in (128, 1024, 8192):
        one_row, pair, alone, weights = (f"{1e3 * seconds:.1f} ms" for seconds in row(n))
        print(f"| {n:,} | {one_row} | {pair} | {alone} | {weights if n <= MOST else '–'} |", flush=True)


if __name__ == "__main__":
    main()
