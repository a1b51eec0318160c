"""What scoring every head by category costs, beside one forward pass of the same model.

GPT-2's shape with random weights (144 heads), natural repetition of tokens. Median over alternating
runs in one process. Then the probe of the bundled model: annotated sentences and repeated tokens.

    python benchmarks/categories.py
"""

import time
from statistics import median

import torch
from capture import build, run

from attnwidget import categorize, heads, load_model
from attnwidget.heads import probe

REPEATS = 7


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    print(f"144 heads, {torch.get_num_threads()} threads, float32\n")
    print("| tokens | plain forward | scoring (aim at 1,024: ≤ 1 s) | ratio | weights alone |")
    print("|---|---|---|---|---|")
    for n in (16, 128, 1024):
        model, tokenizer = build(n)
        trace = run("capture", model, tokenizer, n)

        def forward(model=model, tokenizer=tokenizer, n=n):
            run("plain", model, tokenizer, n)

        def every_weight(trace=trace):
            for layer in range(trace.n_layers()):
                trace.weights(layer)

        spent = {forward: [], lambda trace=trace: categorize(trace): [], every_weight: []}
        for _ in range(REPEATS + 1):
            for work, seconds in spent.items():
                seconds.append(timed(work))
        plain, scoring, weights = (median(seconds[1:]) for seconds in spent.values())
        print(
            f"| {n:,} | {plain * 1e3:.0f} ms | {scoring * 1e3:.0f} ms | {scoring / plain:.2f} "
            f"| {weights * 1e3:.0f} ms |",
            flush=True,
        )
    model, tokenizer = load_model("demo/causal")
    probe.BUNDLED.clear()  # measure it, do not read the shipped one
    print(f"\nProbe of demo/causal, once for each model: {timed(lambda: heads.probe_heads(model, tokenizer)):.1f} s")


if __name__ == "__main__":
    main()
