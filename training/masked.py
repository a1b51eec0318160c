"""Train demo/masked: a small BERT that fills gaps, on old novels.

    python training/masked.py --corpus CORPUS --out runs/masked

Rows are whole sentences, [CLS] A [SEP] or [CLS] A [SEP] B [SEP] with B what follows A in the book, and in a sixth of
the rows A once more: then the upper layers have something to find by its content. A fifth of the tokens are to be
foretold: of these 80 % are hidden behind [MASK], 10 % replaced by another token, 10 % left (J. Devlin et al. 2018,
https://arxiv.org/abs/1810.04805, who foretell 15 %; a small model learns faster with more). Words are hidden as a
whole.
"""

from __future__ import annotations

import numpy as np
import torch
from tokenizers import BertWordPieceTokenizer
from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM, BertTokenizerFast

from common import arguments, read, save, token_ids, train

HELD_OUT = 60_000  # tokens at the end of the corpus
TOKENS = 8192  # in a batch, with padding
LENGTHS, SHARES = (32, 64, 128, 256), (0.35, 0.35, 0.2, 0.1)
FORETOLD = 0.2  # part of the tokens
REDRAWN = (
    0.09  # spread of redrawn queries and keys, as in layers that have learned: from small ones all heads stay even
)
SENTENCES = (
    "The cat [MASK] on the mat.",
    "The bank will not lend [MASK] to the farmer.",
    "He opened the [MASK] and went out.",
    "She shook her [MASK] and said nothing.",
)


def make_tokenizer(paragraphs):
    wordpiece = BertWordPieceTokenizer(lowercase=True)
    wordpiece.train_from_iterator(paragraphs, vocab_size=6144, min_frequency=2)
    return BertTokenizerFast(tokenizer_object=wordpiece._tokenizer, do_lower_case=True, model_max_length=max(LENGTHS))


def make_model():
    return BertForMaskedLM(
        BertConfig(
            vocab_size=6144,
            hidden_size=256,
            intermediate_size=768,
            num_hidden_layers=4,
            num_attention_heads=8,
            max_position_embeddings=max(LENGTHS),
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )


class Rows:
    """Draws rows of whole sentences out of one long array of tokens."""

    def __init__(self, ids, tokenizer, twice=1 / 6):
        self.twice = twice  # part of the rows that hold their text twice
        self.ids, self.vocabulary = ids, len(tokenizer)
        self.cls, self.sep, self.pad, self.mask = tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]", "[PAD]", "[MASK]"])
        self.first_word = max(self.cls, self.sep, self.pad, self.mask) + 1
        ends, quote = tokenizer.convert_tokens_to_ids([".", "!", "?"]), tokenizer.convert_tokens_to_ids('"')
        names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        self.goes_on = np.array([name.startswith("##") for name in names])  # a piece within a word
        stops = np.isin(ids, ends)
        after = np.flatnonzero(stops[:-1]) + 1
        self.starts = np.unique(np.where(ids[after] == quote, after + 1, after))  # a closing quote belongs before

    def draw(self, random, length):
        """Return one row's tokens and token types, no longer than `length`."""
        at = random.integers(0, len(self.starts) - 65)
        start = self.starts[at]
        ends = self.starts[at + 1 : at + 65] - start
        if random.random() < self.twice:  # one text twice: what is hidden in one copy stands in the other
            inside = ends[ends <= (length - 3) // 2]
            text = self.ids[start : start + (inside[-1] if len(inside) else (length - 3) // 2)]
            tokens = np.concatenate([[self.cls], text, [self.sep], text, [self.sep]])
            return tokens, np.repeat([0, 1], [len(text) + 2, len(text) + 1])
        if random.random() < 0.5 and len(inside := ends[ends <= length - 3]) > 1:  # two texts
            split, end = inside[random.integers(0, len(inside) - 1)], inside[-1]
            first, second = self.ids[start : start + split], self.ids[start + split : start + end]
            tokens = np.concatenate([[self.cls], first, [self.sep], second, [self.sep]])
            return tokens, np.repeat([0, 1], [split + 2, end - split + 1])
        inside = ends[ends <= length - 2]
        end = inside[-1] if len(inside) else length - 2
        tokens = np.concatenate([[self.cls], self.ids[start : start + end], [self.sep]])
        return tokens, np.zeros(len(tokens), dtype=np.int64)

    def choose(self, random, drawn, most):
        """Return the places of whole words to foretell: a gap never stands for a word's end."""
        text = np.flatnonzero(drawn >= self.first_word)
        word = np.cumsum(~self.goes_on[drawn[text]])
        turn = random.permutation(word.max() + 1)[word]  # words in any order
        order = np.argsort(turn, kind="stable")
        count = min(most, max(1, round(len(text) * FORETOLD)))
        if count < len(order):  # the last word is left out if only a part of it would fit
            while count and turn[order[count]] == turn[order[count - 1]]:
                count -= 1
        return text[order[:count]]

    def batch(self, random, length, rows):
        """Return tokens, types, attention mask (rows, length), and what to foretell where (rows, k), -100: nothing."""
        tokens, types = np.full((rows, length), self.pad), np.zeros((rows, length), dtype=np.int64)
        k = round(length * FORETOLD)
        places, labels = np.zeros((rows, k), dtype=np.int64), np.full((rows, k), -100)
        for row in range(rows):
            drawn, kinds = self.draw(random, length)
            tokens[row, : len(drawn)], types[row, : len(drawn)] = drawn, kinds
            chosen = self.choose(random, drawn, k)
            places[row, : len(chosen)], labels[row, : len(chosen)] = chosen, drawn[chosen]
            fate = random.random(len(chosen))
            others = random.integers(self.first_word, self.vocabulary, len(chosen))
            tokens[row, chosen] = np.where(fate < 0.8, self.mask, np.where(fate < 0.9, others, drawn[chosen]))
        attention = tokens != self.pad
        # Half of the rows hide their marks from attention: else whole layers come to rest on them and learn nothing.
        attention &= (random.random((rows, 1)) < 0.5) | ((tokens != self.cls) & (tokens != self.sep))
        return tuple(torch.from_numpy(one) for one in (tokens, types, attention, places, labels))


def loss(model, data):
    tokens, types, attention, places, labels = (one.to(model.device) for one in data)
    states = model.bert(input_ids=tokens, token_type_ids=types, attention_mask=attention).last_hidden_state
    chosen = states.gather(1, places[..., None].expand(-1, -1, states.shape[-1]))
    logits = model.cls(chosen).float()
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())


def predictions(model, tokenizer, sentence, k=5):
    """Return the k likeliest words for the [MASK] of a sentence."""
    inputs = tokenizer(sentence, return_tensors="pt").to(model.device)
    at = (inputs["input_ids"][0] == tokenizer.mask_token_id).nonzero()[0, 0]
    return tokenizer.convert_ids_to_tokens(model(**inputs).logits[0, at].topk(k).indices.tolist())


def evaluation(ids, tokenizer):
    rows = Rows(ids, tokenizer, twice=0)
    random = np.random.default_rng(0)
    held_out = [rows.batch(random, 128, 32) for _ in range(8)]

    def evaluate(model):
        guesses = {sentence: " ".join(predictions(model, tokenizer, sentence)) for sentence in SENTENCES}
        return {"held_out": round(float(np.mean([loss(model, one).item() for one in held_out])), 4)} | guesses

    return evaluate


def main():
    what = "layers whose queries and keys to draw anew when resuming: of heads that all rest on the same token"
    own = {"redraw": {"type": int, "nargs": "*", "default": [], "help": what}}
    options = arguments(__doc__, own, steps=10_000, lr=0.02, adam_lr=0.003, decay=0.4)
    paragraphs = read(options.corpus, "books.txt.xz").split("\n")
    folder = options.out / "model"
    if (folder / "tokenizer.json").exists():
        tokenizer = BertTokenizerFast.from_pretrained(folder)
    else:
        tokenizer = make_tokenizer(paragraphs)
        tokenizer.save_pretrained(folder)
    ids = token_ids(paragraphs, tokenizer, options.out / "tokens.npy")
    evaluate = evaluation(ids[-HELD_OUT:], tokenizer)
    if options.evaluate_only:
        with torch.no_grad():
            print(evaluate(AutoModelForMaskedLM.from_pretrained(folder, dtype="float32").eval()))
        return
    model = make_model()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(ids):,} tokens")
    rows = Rows(ids[:-HELD_OUT], tokenizer)

    def batch(random, step):  # noqa: ARG001
        length = int(random.choice(LENGTHS, p=SHARES))
        return rows.batch(random, length, TOKENS // length)

    def redraw(optimisers):
        for layer in options.redraw:
            attention = model.bert.encoder.layer[layer].attention.self
            for parameter in (*attention.query.parameters(), *attention.key.parameters()):
                torch.nn.init.normal_(parameter, std=REDRAWN) if parameter.ndim == 2 else torch.nn.init.zeros_(
                    parameter
                )
                for optimiser in optimisers:
                    optimiser.state.pop(parameter, None)

    model = train(model, options, batch, loss, evaluate, redraw)
    save(model, tokenizer, folder)


if __name__ == "__main__":
    main()
