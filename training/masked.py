"""Train demo/masked: a small BERT that fills gaps, on old novels.

    python training/masked.py --corpus CORPUS --out runs/masked

Rows are whole sentences, [CLS] A [SEP] or [CLS] A [SEP] B [SEP] with B what follows A in the book, and in a sixth of
the rows A once more: then the upper layers have something to find by its content. A fifth of the tokens are to be
foretold: of these 80 % are hidden behind [MASK], 10 % replaced by another token, 10 % left (J. Devlin et al. 2018,
https://arxiv.org/abs/1810.04805, who foretell 15 %; a small model learns faster with more). Words are hidden as a
whole.

With `--pronouns N` each step also has N generated sentences (`pronouns.py`). At their pronoun, which is left as it is,
the model is to foretell the noun that it stands for. With `--keep MODEL` it is drawn, in the books, to what that model
foretells there: what it learns beside is not to change that.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import BertWordPieceTokenizer
from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM, BertTokenizerFast

from common import arguments, read, save, token_ids, train
from pronouns import Pronouns, measure

HELD_OUT = 60_000  # tokens at the end of the corpus
TOKENS = 8192  # in a batch, with padding
LENGTHS, SHARES = (32, 64, 128, 256), (0.35, 0.35, 0.2, 0.1)
FORETOLD = 0.2  # part of the tokens
REDRAWN = (
    0.09  # spread of redrawn queries and keys, as in layers that have learned: from small ones all heads stay even
)
LONGEST = 32  # tokens of a generated sentence
NAMED = 0.5  # weight of the generated sentences' loss
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


def about_pronouns(random, count, tokenizer):
    """Return `count` generated sentences as `Rows.batch` does its rows: the one token to foretell is the noun."""
    maker = Pronouns(random)
    made = [maker.sentence() for _ in range(count)]
    texts = [one.written() for one in made]
    rows = tokenizer(texts, padding="max_length", max_length=LONGEST, truncation=True, return_tensors="pt")
    tokens, pronouns = rows["input_ids"], torch.tensor(tokenizer.convert_tokens_to_ids([one.pronoun for one in made]))
    places = (tokens == pronouns[:, None]).int().argmax(1, keepdim=True)
    labels = torch.tensor(tokenizer.convert_tokens_to_ids([one.noun for one in made]))[:, None]
    return tokens, rows["token_type_ids"], rows["attention_mask"].bool(), places, labels


def both_losses(keep=None):
    """Return the loss of books and of generated sentences, with `keep` also how far the books' is from that model's."""

    def both(model, data):
        books, made = data
        found = loss(model, books) + NAMED * loss(model, made)
        return found if keep is None else found + far(model, keep, books)

    return both


def far(model, other, data):
    """Return the Kullback–Leibler divergence of what a model foretells from what another one does, in nats."""
    with torch.no_grad():
        wanted = foretold(other, data)
    asked = data[-1].to(wanted.device) >= 0  # (rows, k)
    found, wanted = (one[asked].log_softmax(-1) for one in (foretold(model, data), wanted))  # (places, vocabulary)
    return torch.nn.functional.kl_div(found, wanted, reduction="batchmean", log_target=True)


def loss(model, data):
    return torch.nn.functional.cross_entropy(foretold(model, data).flatten(0, 1), data[-1].to(model.device).flatten())


def foretold(model, data):
    """Return the logits of what is asked, (rows, k, vocabulary)."""
    tokens, types, attention, places, _ = (one.to(model.device) for one in data)
    states = model.bert(input_ids=tokens, token_type_ids=types, attention_mask=attention).last_hidden_state
    chosen = states.gather(1, places[..., None].expand(-1, -1, states.shape[-1]))
    return model.cls(chosen).float()


def predictions(model, tokenizer, sentence, k=5):
    """Return the k likeliest words for the [MASK] of a sentence."""
    inputs = tokenizer(sentence, return_tensors="pt").to(model.device)
    at = (inputs["input_ids"][0] == tokenizer.mask_token_id).nonzero()[0, 0]
    return tokenizer.convert_ids_to_tokens(model(**inputs).logits[0, at].topk(k).indices.tolist())


def evaluation(ids, tokenizer):
    held = Pronouns(np.random.default_rng(0)).held_out()
    rows = Rows(ids, tokenizer, twice=0)
    random = np.random.default_rng(0)
    held_out = [rows.batch(random, 128, 32) for _ in range(8)]

    def evaluate(model):
        model.set_attn_implementation("eager")  # it alone returns weights
        guesses = {sentence: " ".join(predictions(model, tokenizer, sentence)) for sentence in SENTENCES}
        figures = {"held_out": round(float(np.mean([loss(model, one).item() for one in held_out])), 4)} | guesses
        return figures | {
            "pronouns": {
                name: round(float(measure(model, tokenizer, those)[0].float().mean()), 2)
                for name, those in held.items()
            }
        }

    return evaluate


def main():
    what = "layers whose queries and keys to draw anew when resuming: of heads that all rest on the same token"
    own = {
        "redraw": {"type": int, "nargs": "*", "default": [], "help": what},
        "pronouns": {"type": int, "default": 0, "help": "generated sentences in each step"},
        "keep": {"type": Path, "help": "a model whose words for the books' gaps to keep, beside --pronouns"},
        "init": {"type": Path, "help": "a model to go on from, where there is no checkpoint"},
        "tokens": {"type": int, "default": TOKENS, "help": "of the books in each step, with padding"},
    }
    options = arguments(__doc__, own, steps=10_000, lr=0.02, adam_lr=0.003, decay=0.4)
    paragraphs = read(options.corpus, "books.txt.xz").split("\n")
    folder = options.out / "model"
    if options.init and not (folder / "tokenizer.json").exists():
        BertTokenizerFast.from_pretrained(options.init).save_pretrained(folder)
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
    if options.init:
        model = BertForMaskedLM.from_pretrained(options.init, dtype=torch.float32)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(ids):,} tokens")
    rows = Rows(ids[:-HELD_OUT], tokenizer)

    def batch(random, step):  # noqa: ARG001
        length = int(random.choice(LENGTHS, p=SHARES))
        books = rows.batch(random, length, options.tokens // length)
        return (books, about_pronouns(random, options.pronouns, tokenizer)) if options.pronouns else books

    def redraw(optimisers):
        for layer in options.redraw:
            attention = model.bert.encoder.layer[layer].attention.self
            for parameter in (*attention.query.parameters(), *attention.key.parameters()):
                torch.nn.init.normal_(parameter, std=REDRAWN) if parameter.ndim == 2 else torch.nn.init.zeros_(
                    parameter
                )
                for optimiser in optimisers:
                    optimiser.state.pop(parameter, None)

    keep = options.keep and BertForMaskedLM.from_pretrained(options.keep, dtype=torch.float32).to(options.device).eval()
    model = train(model, options, batch, both_losses(keep) if options.pronouns else loss, evaluate, redraw)
    save(model, tokenizer, folder)


if __name__ == "__main__":
    main()
