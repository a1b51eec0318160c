"""What a capture costs, beside the same model's plain forward pass.

GPT-2's shape with random weights. Time: median over alternating runs in one process, capture
(tokenizing and checking included) over the base model's forward with SDPA. Memory: each in a
process of its own, which first runs once on two tokens (so that libraries are loaded and buffers
warm), resets the kernel's high-water mark of resident memory (``/proc/self/clear_refs``), and
reads it (``VmHWM``) after one run; capture's peak less the plain forward's is what recording
costs. The floor is the bytes of Q, K and V, which have to be kept.

    python benchmarks/capture.py
"""

import argparse
import logging
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import torch
from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import tiny  # the tests' one-token-a-byte tokenizer
from attnwidget.capture import capture

LENGTHS = (128, 1024)
SETTLE = 2  # runs that are not counted


def build() -> tuple[GPT2Model, PreTrainedTokenizerFast]:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    torch.manual_seed(0)
    model = GPT2Model._from_config(GPT2Config(vocab_size=tiny.VOCABULARY)).eval()  # noqa: SLF001
    return model, tiny.tokenizer()


def run(kind, model, tokenizer, n):
    text = ("the cat sat on a mat. " * n)[:n]
    if kind == "capture":
        return capture(model, text, tokenizer=tokenizer)
    with torch.no_grad():
        return model(**tokenizer(text, return_tensors="pt"), use_cache=False)


def times(n: int, repeats: int) -> dict[str, float]:
    model, tokenizer = build()
    seconds = {"plain": [], "capture": []}
    for _ in range(repeats + SETTLE):
        for kind, spent in seconds.items():
            start = time.perf_counter()
            run(kind, model, tokenizer, n)
            spent.append(time.perf_counter() - start)
    return {kind: median(spent[SETTLE:]) for kind, spent in seconds.items()}


def peak(kind: str, n: int) -> int:
    """Bytes that one run adds to the resident memory, at its highest."""
    model, tokenizer = build()
    run(kind, model, tokenizer, 2)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    kept = run(kind, model, tokenizer, n)
    after = resident("VmHWM")
    del kept
    return after - before


def resident(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


def in_own_process(kind: str, n: int) -> float:
    command = [sys.executable, __file__, "--peak", kind, "--tokens", str(n)]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(3)]
    return median(int(one.stdout) for one in runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--peak", choices=["plain", "capture"], help="internal: measure one peak")
    parser.add_argument("--tokens", type=int, help="internal: length for --peak")
    options = parser.parse_args()
    if options.peak:
        print(peak(options.peak, options.tokens))
        return
    print(f"GPT-2's shape (12 × 12 heads, 768), {torch.get_num_threads()} threads, float32")
    print()
    print(
        "| tokens | plain forward | capture | ratio (aim ≤ 1.15) | Q+K+V "
        "| peak over plain | ratio (aim ≤ 1.5) | n×n weights would be |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for n in LENGTHS:
        took = times(n, options.repeats)
        ratio = took["capture"] / took["plain"]
        floor = 12 * 3 * n * 768 * 4
        extra = in_own_process("capture", n) - in_own_process("plain", n)
        print(
            f"| {n:,} | {took['plain'] * 1e3:.0f} ms | {took['capture'] * 1e3:.0f} ms "
            f"| {ratio:.2f} | {floor / 1e6:.1f} MB | {extra / 1e6:.1f} MB "
            f"| {extra / floor:.2f} | {12 * 12 * n * n * 4 / 1e6:.0f} MB |"
        )


if __name__ == "__main__":
    main()
