"""How long a bundled model takes to load, beside the floor: its weights read and made float32, nothing else.

In one process, in which transformers and the models' classes are imported before; the median of several.
"""

import time
from statistics import median

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoTokenizer, BertForMaskedLM, LlamaForCausalLM, MarianMTModel  # noqa: F401  (its lazy parts)

from attnwidget import load_model
from attnwidget.models import BUNDLED

RUNS = 5


def timed(work):
    def once():
        begun = time.perf_counter()
        work()
        return 1000 * (time.perf_counter() - begun)

    first, *others = (once() for _ in range(RUNS))
    return first, median(others)


def main():
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, {torch.get_num_threads()} threads")
    print("| model | MB | floor | load_model | the first time (aim ≤ 1,000 ms) |\n|---|---|---|---|---|")
    for name, folder in BUNDLED.items():
        file = folder / "model.safetensors"

        def read(file=file):
            return {key: tensor.float() for key, tensor in load_file(file).items()}

        first, again = timed(lambda name=name: load_model(name))
        _, floor = timed(read)
        print(f"| {name} | {file.stat().st_size / 1e6:.1f} | {floor:.0f} ms | {again:.0f} ms | {first:.0f} ms |")


if __name__ == "__main__":
    main()
