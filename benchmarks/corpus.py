"""A report over a corpus: texts a second, where the time goes, and what keeping every text's scores costs.

The bundled causal model (4 layers × 8 heads) and GPT-2's shape with random weights (12 × 12), on texts of one to six of
the sentences that come with the package, 57 tokens on average. CPU time of one thread, so that others on the machine
count less; each text is new.

    python benchmarks/corpus.py
"""

import random
import tempfile
import time
import warnings
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2Model

from attnwidget import categorize, head_report, load_model, probe_heads
from attnwidget.capture.batch import capture_batch
from attnwidget.capture.run import capture
from attnwidget.heads import conllu

TEXTS = 500
LENGTHS = (1, 4, 10)  # sentences
TOGETHER = (1, 4, 8)


def spent(work):
    """CPU seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def corpus(count, sentences=None, seed=0):
    """Texts of so many sentences, or of one to six."""
    draw = random.Random(seed)
    known = [one.text for one in [*conllu.shipped(), *conllu.shipped_pronouns()]]
    return [" ".join(draw.choices(known, k=sentences or draw.randint(1, 6))) for _ in range(count)]


def report(model, tokenizer, texts, folder, **options):
    paths = {name: folder / path for name, path in options.items()}
    return spent(lambda: head_report(model, texts, tokenizer=tokenizer, progress=False, **paths))


def whole(name, model, tokenizer, count):
    """Texts a second of whole reports."""
    probe_heads(model, tokenizer)  # once for a model, whatever the corpus
    texts = corpus(count)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for what, options in (
            ("nothing kept", {}),
            ("`resume=`", {"resume": "scores.jsonl"}),
            ("`resume=`, all done before", {"resume": "scores.jsonl"}),
            ("`rows=`", {"rows": "rows.parquet"}),
        ):
            seconds = report(model, tokenizer, texts, folder, **options)
            size = sum((folder / path).stat().st_size for path in options.values()) / count
            kept = f"{size / 1e3:.1f} kB" if options else "–"
            print(f"| {name} | {what} | {seconds:.1f} s | {count / seconds:.1f} | {kept} |", flush=True)


def parts(name, model, tokenizer, count):
    """Where the time of a text goes, by its length, and what running several texts together saves."""
    for sentences in LENGTHS:
        texts = sorted(corpus(count, sentences, seed=sentences), key=len)
        encode = spent(lambda texts=texts: [tokenizer(text) for text in texts])
        passes = []
        for size in TOGETHER:
            groups = [texts[at : at + size] for at in range(0, count, size)]

            def run(groups=groups, size=size):
                for some in groups:
                    if size == 1:
                        capture(model, some[0], tokenizer=tokenizer, values=False)
                    else:
                        capture_batch(model, some, tokenizer=tokenizer, values=False)

            passes.append(spent(run))
        traces = [capture(model, text, tokenizer=tokenizer, values=False) for text in texts]
        score = spent(lambda traces=traces: [categorize(trace) for trace in traces])
        tokens = sum(len(trace.tokens) for trace in traces) / count
        cells = [f"{1e3 * seconds / count:.1f}" for seconds in (encode, *passes, score)]
        print(f"| {name} | {tokens:.0f} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    warnings.simplefilter("ignore")  # what a reader should know of single texts
    torch.set_num_threads(1)
    demo, tokenizer = load_model("demo/causal")
    gpt2 = GPT2Model(GPT2Config(vocab_size=len(tokenizer))).eval()
    print("| model | report | CPU time | texts a second | kept a text |\n|---|---|---|---|---|")
    whole("demo/causal", demo, tokenizer, TEXTS)
    whole("GPT-2's shape", gpt2, tokenizer, TEXTS // 10)
    print("\nMilliseconds a text:\n")
    together = " | ".join(f"pass, {size} together" for size in TOGETHER)
    print(f"| model | tokens | tokenize | {together} | categories |\n|---|---|---|{'---|' * len(TOGETHER)}---|")
    parts("demo/causal", demo, tokenizer, 48)
    parts("GPT-2's shape", gpt2, tokenizer, 8)


if __name__ == "__main__":
    main()
