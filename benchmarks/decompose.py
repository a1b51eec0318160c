"""What it costs to write a logit as a sum, beside a forward pass of the same model.

GPT-2's shape with random weights, float32. A question is asked of a fresh pass whose W_O is known (the breakdown and
norms have found it), of one where nothing is known, and a second time. The floor is `model(**inputs)` without
gradients: with its logits, and without its head. Medians in one process, taken in turn.

    python benchmarks/decompose.py
"""

import time
from statistics import median

import torch
from transformers import GPT2Config, GPT2LMHeadModel

import attnwidget as aw

REPEATS = 5


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def row(model, n):
    """Measure one length: medians of the five, in seconds."""
    ids = torch.randint(0, 50257, (n,), generator=torch.Generator().manual_seed(n)).tolist()
    inputs = torch.tensor([ids])

    def whole():
        with torch.no_grad():
            model(inputs)

    def base():
        with torch.no_grad():
            model.base_model(inputs)

    spent = {name: [] for name in ("whole", "base", "known", "nothing", "again")}
    for _ in range(REPEATS):
        spent["whole"].append(timed(whole))
        spent["base"].append(timed(base))
        trace = aw.capture(model, ids, tokens=[str(one) for one in ids])
        target = aw.Target.difference(17, 99)
        spent["nothing"].append(timed(lambda trace=trace, target=target: trace.decompose(target)))
        spent["again"].append(timed(lambda trace=trace: trace.decompose(aw.Target.difference(18, 98))))
        trace = aw.capture(model, ids, tokens=[str(one) for one in ids])
        trace.find_projections()
        spent["known"].append(timed(lambda trace=trace, target=target: trace.decompose(target)))
    return {name: median(seconds[1:]) for name, seconds in spent.items()}


def main() -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config()).eval()
    print(f"GPT-2's shape, {torch.get_num_threads()} threads, float32\n")
    print(
        "| tokens | forward pass | without its head | decomposed (aim: ≤ 1.3 ×) | W_O not known | other target |"
    )
    print("|---|---|---|---|---|---|")
    for n in (16, 64, 256):
        found = row(model, n)
        ratio = {name: f"{1e3 * one:.0f} ms ({one / found['whole']:.2f} ×)" for name, one in found.items()}
        cells = [f"{1e3 * found['whole']:.0f} ms", *(ratio[name] for name in ("base", "known", "nothing", "again"))]
        print(f"| {n:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
