"""What a capture costs, beside the same model's plain forward pass.

GPT-2's shape with random weights, 4 layers of it from 4,096 tokens on. Time: median over
alternating runs in one process, capture (tokenizing and checking included) over the base model's
forward with SDPA. Memory: each in a process of its own, which first runs once on two tokens (so
that libraries are loaded and buffers warm), resets the kernel's high-water mark of resident memory
(``/proc/self/clear_refs``), and reads it (``VmHWM``) after one run; capture's peak less the plain
forward's is what recording costs. So does a forward pass with ``output_attentions=True`` under
eager attention, up to 4,096 tokens. The floor is the bytes of Q, K and V, which have to be kept.

Then what is asked of a trace of 32,768 tokens, one head of 64: a row, and a tile of 512 × 512. The
floor there is the product alone, of the same q and k, timed beside it.

    python benchmarks/capture.py
    python benchmarks/capture.py --lengths 4096 16384 --repeats 1
"""

import argparse
import logging
import os
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
from attnwidget.trace import AttentionTrace

LENGTHS = (128, 1024, 4096, 16384)
LONG = 4096  # from here on 4 layers in place of 12, and fewer runs
LONGEST = 32768
SETTLE = 2  # runs that are not counted


def layers_at(n: int) -> int:
    return 4 if n >= LONG else 12


def build(n: int, attention: str = "sdpa") -> tuple[GPT2Model, PreTrainedTokenizerFast]:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=tiny.VOCABULARY, n_layer=layers_at(n), n_positions=max(n, 1024))
    model = GPT2Model._from_config(config, attn_implementation=attention).eval()  # noqa: SLF001
    return model, tiny.tokenizer()


def run(kind, model, tokenizer, n):
    text = ("the cat sat on a mat. " * n)[:n]
    if kind == "capture":
        return capture(model, text, tokenizer=tokenizer)
    with torch.no_grad():
        inputs = tokenizer(text, return_tensors="pt", verbose=False)
        return model(**inputs, use_cache=False, output_attentions=kind == "attentions")


def times(n: int, repeats: int) -> dict[str, float]:
    model, tokenizer = build(n)
    settle = SETTLE if n < LONG else 0
    seconds = {"plain": [], "capture": []}
    for _ in range(repeats + settle):
        for kind, spent in seconds.items():
            start = time.perf_counter()
            kept = run(kind, model, tokenizer, n)
            spent.append(time.perf_counter() - start)
            del kept  # not on the clock: giving back 600 MB takes time
    return {kind: median(spent[settle:]) for kind, spent in seconds.items()}


def peak(kind: str, n: int) -> int:
    """Bytes that one run adds to the resident memory, at its highest."""
    model, tokenizer = build(n, "eager" if kind == "attentions" else "sdpa")
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
    repeats = 3 if n < LONG else 1
    # Left alone, glibc moves the bound from which freed blocks go back to the system, by chance.
    env = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
    runs = [subprocess.run(command, capture_output=True, text=True, check=True, env=env) for _ in range(repeats)]
    return median(int(one.stdout) for one in runs)


def pieces() -> None:
    """Ask a long trace for a row and a tile, and time the products alone beside it."""
    n, d = LONGEST, 64
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, 1, n, d)
    trace = AttentionTrace.from_qkv(q, k, v, ["a"] * n, mask="causal")
    print(f"\nA trace of {n:,} tokens, one head of {d}:\n")
    print("| asked for | aim | at first, with its rows' log-sum-exp | took | product alone | multiply-adds |")
    print("|---|---|---|---|---|---|")
    tile = slice(n - 600, n - 88)
    for name, aim, ask, left, right in (
        ("a row", 20, {"queries": n - 1}, q[0, 0, -1:], k[0, 0]),
        ("a 512 × 512 tile", 30, {"queries": tile, "keys": slice(9000, 9512)}, q[0, 0, :512], k[0, 0, :512]),
    ):
        start = time.perf_counter()
        trace.weights(0, 0, **ask)  # a capture brings the log-sum-exp along, numbers from elsewhere do not
        first = time.perf_counter() - start
        took = timed(lambda ask=ask: trace.weights(0, 0, **ask))
        floor = timed(lambda left=left, right=right: left @ right.T)
        count = len(left) * len(right) * d
        print(
            f"| {name} | {aim} ms | {first * 1e3:.1f} ms | {took * 1e3:.2f} ms | {floor * 1e3:.2f} ms "
            f"| {count / 1e6:.1f} M |"
        )


def timed(ask) -> float:
    spent = []
    for _ in range(20):
        start = time.perf_counter()
        ask()
        spent.append(time.perf_counter() - start)
    return median(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--lengths", type=int, nargs="*", default=LENGTHS)
    parser.add_argument("--peak", choices=["plain", "capture", "attentions"], help="internal: measure one peak")
    parser.add_argument("--tokens", type=int, help="internal: length for --peak")
    options = parser.parse_args()
    if options.peak:
        print(peak(options.peak, options.tokens))
        return
    print(f"GPT-2's shape (12 heads, 768), {torch.get_num_threads()} threads, float32\n")
    print(
        "| tokens × layers | plain forward | capture | ratio (aim ≤ 1.10) | Q+K+V "
        "| peak over plain | ratio (aim ≤ 1.2) | output_attentions, peak over plain |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for n in options.lengths:
        took = times(n, options.repeats if n < LONG else min(options.repeats, 3))
        ratio = took["capture"] / took["plain"]
        floor = layers_at(n) * 3 * n * 768 * 4
        plain = in_own_process("plain", n)
        extra = in_own_process("capture", n) - plain
        eager = f"{(in_own_process('attentions', n) - plain) / 1e6:,.0f} MB" if n <= LONG else "–"
        print(
            f"| {n:,} × {layers_at(n)} | {took['plain'] * 1e3:.0f} ms | {took['capture'] * 1e3:.0f} ms "
            f"| {ratio:.2f} | {floor / 1e6:.1f} MB | {extra / 1e6:.1f} MB | {extra / floor:.2f} | {eager} |",
            flush=True,
        )
    pieces()


if __name__ == "__main__":
    main()
