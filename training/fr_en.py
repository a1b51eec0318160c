"""Train demo/fr-en: a small Marian model that translates short French sentences into English.

python training/fr_en.py --corpus CORPUS --out runs/fr-en
"""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import MarianConfig, MarianMTModel, PreTrainedTokenizerFast

from common import arguments, read, save, train
from phrases import phrases

HELD_OUT = 400  # English sentences, with all their translations
ROWS, LENGTH = 384, 24  # of a batch
PHRASES = 8_000
COMMON = frozenset(
    "a an the i you he she it we they me him her us them my your his its our their mine yours ours theirs this that "
    "these those is are was were be been being am do does did done don't doesn't didn't have has had will would can "
    "could should shall may might must to of in on at for with by from and or but not no so as if than then there here "
    "i'm you're he's she's it's we're they're i've you've we've they've i'll you'll he'll she'll it'll we'll they'll "
    "i'd you'd he'd she'd we'd they'd isn't aren't wasn't weren't haven't hasn't hadn't won't wouldn't can't couldn't "
    "shouldn't that's what's let's who's there's what who how why when where which very too all just".split()
)


def pairs(text):
    """Return (French, English) pairs without odd spaces and apostrophes."""
    rows = (line.split("\t") for line in text.splitlines())
    return [tuple(" ".join(one.replace("’", "'").split()) for one in (french, english)) for english, french in rows]


def bare(sentence):
    return " ".join(re.findall(r"[\w'-]+", sentence.lower()))


def content(sentence):
    """Return the words that carry the meaning; of a sentence without any, all its words."""
    words = bare(sentence).split()
    return {word for word in words if word not in COMMON} or set(words)


def split(everything, made=(), seed=0):
    """Return training pairs, and held-out sentences of two to eight words with all their translations.

    Neither side of a held-out pair is in the training pairs, nor in those that were `made`.
    """
    english = sorted({bare(e) for _, e in everything})
    chosen = set(np.random.default_rng(seed).choice(english, HELD_OUT, replace=False))
    held_out, training = defaultdict(set), []
    hidden = {bare(f) for f, e in everything if bare(e) in chosen}
    for french, sentence in everything:
        if bare(french) in hidden and 2 <= len(bare(french).split()) <= 8:
            held_out[bare(french)].add((french, sentence))
    unseen = {bare(e) for found in held_out.values() for _, e in found} | chosen
    for french, sentence in (*everything, *made):
        if bare(french) not in hidden and bare(sentence) not in unseen:
            training.append((french, sentence))
    tests = sorted((min(found)[0], sorted(e for _, e in found)) for found in held_out.values())
    return training, [tests[at] for at in np.random.default_rng(seed).permutation(len(tests))]


def make_tokenizer(texts):
    """Words in lower case, both languages in one vocabulary; an elided French word is a token: j' + ai, est + -ce."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>", max_input_chars_per_word=60))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase(), normalizers.Replace("’", "'")]
    )
    words = Regex(r"\b(?:[cdjlmnst]|\w*qu)'|-?[\w]+(?:'\w+)*|[^\w\s]")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(words, "removed", invert=True)
    tokenizer.decoder = decoders.WordPiece(cleanup=True)
    special = ["<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=4800, special_tokens=special, min_frequency=2)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=128
    )


def make_model(tokenizer, dropout):
    size = {"d_model": 128, "max_position_embeddings": 128, "dropout": dropout, "attention_dropout": 0.0}
    for side in ("encoder", "decoder"):
        size |= {f"{side}_layers": 3, f"{side}_attention_heads": 4, f"{side}_ffn_dim": 512}
    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    return MarianMTModel(
        MarianConfig(
            vocab_size=len(tokenizer),
            decoder_vocab_size=len(tokenizer),
            activation_function="gelu",
            scale_embedding=True,
            pad_token_id=pad,
            eos_token_id=end,
            forced_eos_token_id=end,
            decoder_start_token_id=pad,
            bos_token_id=None,
            **size,
        )
    )


def encode(sentences, tokenizer):
    """Return tokens (sentences, LENGTH), padded."""
    found = tokenizer(sentences, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="np")
    return found["input_ids"].astype(np.int64)


def loss(model, data, smoothing=0.1):
    source, target = (one.to(model.device) for one in data)
    pad = model.config.pad_token_id
    shifted = torch.nn.functional.pad(target, (1, 0), value=pad)[:, :-1]  # a pad token starts the target
    logits = model(input_ids=source, attention_mask=source != pad, decoder_input_ids=shifted).logits.float()
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), target.flatten(), ignore_index=pad, label_smoothing=smoothing if model.training else 0.0
    )


def translate(model, tokenizer, sentences):
    """Return the English that the model finds likeliest, one word after the other."""
    inputs = tokenizer(sentences, padding=True, return_tensors="pt").to(model.device)
    inputs.pop("token_type_ids", None)
    found = model.generate(**inputs, max_new_tokens=LENGTH, num_beams=1, do_sample=False)
    return tokenizer.batch_decode(found, skip_special_tokens=True)


def is_right(translation, references):
    """Tell whether all content words of one of the translations are there."""
    words = set(bare(translation).split())
    return any(content(one) <= words for one in references)


def evaluation(tests, tokenizer):
    sources = [french for french, _ in tests]
    first = [references[0] for _, references in tests]
    data = torch.from_numpy(encode(sources, tokenizer)), torch.from_numpy(encode(first, tokenizer))

    def evaluate(model):
        translations = translate(model, tokenizer, sources)
        right = [is_right(t, references) for t, (_, references) in zip(translations, tests, strict=True)]
        return {
            "held_out": round(loss(model, data).item(), 4),
            "right_percent": round(100 * float(np.mean(right)), 1),
            "Le chat dort": translate(model, tokenizer, ["Le chat dort"])[0],
        }

    return evaluate


def main():
    own = {"dropout": {"type": float, "default": 0.3, "help": "part of the numbers that are left out"}}
    options = arguments(__doc__, own, steps=3000, lr=0.01, adam_lr=0.002, decay=0.5)
    made = phrases(PHRASES, np.random.default_rng(options.seed))
    training, tests = split(pairs(read(options.corpus, "fra-eng.tsv.xz")), made)
    rows = ("\t".join([french, *references]) + "\n" for french, references in tests[:100])
    (options.out / "held_out.tsv").write_text("".join(rows), encoding="utf-8")
    folder = options.out / "model"
    if (folder / "tokenizer.json").exists():
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    else:
        tokenizer = make_tokenizer([one for pair in training for one in pair])
        tokenizer.save_pretrained(folder)
    evaluate = evaluation(tests, tokenizer)
    if options.evaluate_only:
        with torch.no_grad():
            print(evaluate(MarianMTModel.from_pretrained(folder, dtype="float32").eval()))
        return
    model = make_model(tokenizer, options.dropout)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(training):,} pairs, {len(tests)} held out")
    sources, targets = (torch.from_numpy(encode(list(side), tokenizer)) for side in zip(*training, strict=True))
    lengths = torch.maximum((sources != 0).sum(1), (targets != 0).sum(1)).numpy()

    def batch(random, step):  # noqa: ARG001
        # Pairs of about the same length together, so that little is computed for padding.
        order = np.argsort(lengths + random.random(len(lengths)))
        rows = order[(start := random.integers(0, len(order) - ROWS)) : start + ROWS]
        longest = lengths[rows].max()
        return sources[rows, :longest], targets[rows, :longest]

    model = train(model, options, batch, loss, evaluate)
    save(model, tokenizer, folder)


if __name__ == "__main__":
    main()
