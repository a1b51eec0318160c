"""Train demo/causal: a small decoder in Llama's architecture on old novels.

    python training/causal.py --corpus CORPUS --out runs/causal

One eighth of each batch is a stretch that repeats within its window, half of them of random tokens: nothing but
looking back foretells it, which is what makes induction heads grow early. Heads are dropped at random (DropHead), less
and less as the learning rate falls: a second head then learns what one alone would do. Windows are of 128 to 2,048
tokens, so that no head learns to count on a short text; rotary positions know distances only, so that no place needs
training.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from common import arguments, rate, read, save, token_ids, train

HELD_OUT = 60_000  # tokens at the end of the corpus
TOKENS = 8192  # in a batch
LENGTHS, SHARES = (128, 256, 512, 1024, 2048), (0.2, 0.35, 0.25, 0.15, 0.05)


def make_tokenizer(paragraphs):
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(paragraphs, vocab_size=6144, special_tokens=["<|endoftext|>"])
    end = "<|endoftext|>"
    return PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, bos_token=end, eos_token=end, pad_token=end)


def make_model():
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=6144,
            hidden_size=256,
            intermediate_size=688,
            num_hidden_layers=4,
            num_attention_heads=8,
            max_position_embeddings=4096,  # twice what it is trained on
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=0,
        )
    )


class DropHead:
    """Silence each head of each sequence with the chance `chance`, while training.

    W. Zhou et al. 2020, https://arxiv.org/abs/2004.13342
    """

    def __init__(self, model, most):
        self.most = most
        self.chance = torch.tensor(most, device=model.device)  # a tensor: a compiled model reads it anew
        self.heads = model.config.num_attention_heads
        for layer in model.model.layers:
            layer.self_attn.o_proj.register_forward_pre_hook(self._drop)

    def _drop(self, module, inputs):
        (joined,) = inputs  # (rows, tokens, heads · size)
        if not module.training:
            return joined
        kept = torch.rand(joined.shape[0], 1, self.heads, 1, device=joined.device) >= self.chance
        return (joined.unflatten(-1, (self.heads, -1)) * (kept / (1 - self.chance)).to(joined.dtype)).flatten(-2)


def batches(ids, vocabulary):
    """Return what makes a step's windows: (rows, length) tokens, and what is to be foretold (-100: nothing)."""

    def batch(random):
        length = int(random.choice(LENGTHS, p=SHARES))
        rows = TOKENS // length
        starts = random.integers(0, len(ids) - length - 1, rows)
        tokens = np.stack([ids[s : s + length] for s in starts]).astype(np.int64)
        labels = tokens.copy()
        # An eighth of all rows, also where a batch has four of them only.
        for row in np.flatnonzero(random.random(rows) < 1 / 8):
            period = int(random.integers(8, length // 2))
            is_random = random.random() < 1 / 2
            block = random.integers(1, vocabulary, period) if is_random else tokens[row, :period]
            tokens[row] = np.resize(block, length)
            labels[row] = tokens[row]
            if is_random:
                labels[row, : period + 1] = -100  # nothing foretells the first copy, nor that it ends
        return torch.from_numpy(tokens), torch.from_numpy(labels)

    return batch


def loss(model, data):
    tokens, labels = (one.to(model.device) for one in data)
    return model(input_ids=tokens, labels=labels).loss


def evaluation(ids, vocabulary):
    """Return what measures a model: held-out loss by window length, and the second copy of random tokens."""
    random = np.random.default_rng(0)
    copies = np.tile(random.integers(1, vocabulary, (32, 64)), (1, 2))

    def mean_losses(model, tokens):
        tokens = torch.as_tensor(tokens.astype(np.int64), device=model.device)
        logits = torch.cat([model(input_ids=few).logits[:, :-1].float() for few in tokens.split(4)])
        return torch.nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")

    def evaluate(model):
        figures = {}
        for length, most in ((256, 64), (1024, 16), (2048, 8)):
            windows = ids[: len(ids) // length * length].reshape(-1, length)[:most]
            figures["held_out" if length == 256 else f"held_out_{length}"] = mean_losses(model, windows).mean().item()
        twice = mean_losses(model, copies)
        figures |= {"first_copy": twice[:, :63].mean().item(), "second_copy": twice[:, 64:].mean().item()}
        return {name: round(value, 4) for name, value in figures.items()}

    return evaluate


def main():
    own = {
        "init": {"type": Path, "help": "a model's folder to go on from, not from scratch"},
        "drop-head": {"type": float, "default": 0.15, "help": "chance to silence a head, at the highest rate"},
    }
    options = arguments(__doc__, own, steps=10_000, lr=0.02, adam_lr=0.003, decay=0.4)
    paragraphs = read(options.corpus, "books.txt.xz").split("\n")
    folder = options.out / "model"
    if options.init or (folder / "tokenizer.json").exists():
        tokenizer = AutoTokenizer.from_pretrained(options.init or folder)
    else:
        tokenizer = make_tokenizer(paragraphs)
        tokenizer.save_pretrained(folder)
    begun = folder if options.evaluate_only else options.init
    model = AutoModelForCausalLM.from_pretrained(begun, dtype="float32") if begun else make_model()
    ids = token_ids([p + "\n" for p in paragraphs], tokenizer, options.out / "tokens.npy")
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(ids):,} tokens")
    drop = DropHead(model.to(options.device), options.drop_head)
    evaluate = evaluation(ids[-HELD_OUT:], len(tokenizer))
    if options.evaluate_only:
        with torch.no_grad():
            print(evaluate(model.eval()))
        return
    make = batches(ids[:-HELD_OUT], len(tokenizer))

    def batch(random, step):
        drop.chance.fill_(drop.most * rate(step, options.steps, options.decay))
        return make(random)

    model = train(model, options, batch, loss, evaluate)
    save(model, tokenizer, options.out / "model")


if __name__ == "__main__":
    main()
