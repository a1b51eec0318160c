"""The training scripts: what they feed the models is right, and a stopped run goes on as an unbroken one."""

import importlib
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GPT2LMHeadModel

import tiny
from attnwidget import load_model


@pytest.fixture(scope="module", autouse=True)
def folder():
    path = str(Path(__file__).parents[1] / "training")
    sys.path.insert(0, path)
    yield
    sys.path.remove(path)


def script(name):
    return importlib.import_module(name)


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path):
    common = script("common")

    def batch(random, _step):
        return torch.from_numpy(random.integers(3, 200, (4, 16)))

    def loss(model, tokens):
        return model(input_ids=tokens, labels=tokens).loss

    def run(out, *lengths):
        out.mkdir()
        for steps in lengths:
            torch.manual_seed(3)
            model = tiny.gpt2(GPT2LMHeadModel)
            options = types.SimpleNamespace(
                out=out, steps=6, lr=0.02, adam_lr=0.003, decay=0.5, seed=5, device="cpu", compile=False
            )
            if steps < 6:

                def stop(model, tokens, done=[]):  # noqa: B006
                    if len(done) == steps:  # noqa: B023
                        raise KeyboardInterrupt
                    done.append(tokens)
                    return loss(model, tokens)

                with pytest.raises(KeyboardInterrupt):
                    common.train(model, options, batch, stop, lambda _: {}, save_every=1)
            else:
                common.train(model, options, batch, loss, lambda _: {"held_out": 1.0}, save_every=1)
        return model

    whole, broken = run(tmp_path / "whole", 6), run(tmp_path / "broken", 2, 6)
    for one, other in zip(whole.parameters(), broken.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert '"held_out": 1.0' in (tmp_path / "broken" / "log.jsonl").read_text()


def test_the_rate_rises_stays_and_falls():
    rate = script("common").rate
    assert rate(0, 1000, 0.4) == pytest.approx(0.01)
    assert rate(500, 1000, 0.4) == 1
    assert rate(800, 1000, 0.4) == pytest.approx(0.5)
    assert rate(1000, 1000, 0.4) == 0


def test_repeated_windows_repeat_and_ask_nothing_of_what_cannot_be_known():
    batch = script("causal").batches(np.arange(1, 6000, dtype=np.int32), 6144)
    repeats = 0
    for seed in range(20):
        tokens, labels = batch(np.random.default_rng(seed))
        assert tokens.shape == labels.shape
        assert tokens.numel() == script("causal").TOKENS
        for row, wanted in zip(tokens, labels, strict=True):
            if not (row[1:] - row[:-1] == 1).all():  # no plain stretch of the corpus
                repeats += 1
                period = next(p for p in range(8, len(row)) if (row[p:] == row[:-p]).all())
                assert period <= len(row) // 2
                asked = wanted != -100
                assert (wanted[asked] == row[asked]).all()
                assert asked.all() or (asked == (torch.arange(len(row)) > period)).all()
    assert repeats


def test_gaps_are_whole_words():
    _, tokenizer = load_model("demo/masked")
    text = "the fisherman mended his nets. she was unmistakably sorry! he whispered it? nobody knew. " * 40
    ids = np.array(tokenizer(text, add_special_tokens=False)["input_ids"])
    rows = script("masked").Rows(ids, tokenizer)
    tokens, types_, attention, places, labels = rows.batch(np.random.default_rng(0), 64, 64)
    pieces = torch.from_numpy(rows.goes_on)
    assert pieces[ids].any()
    for row in range(64):
        chosen = labels[row] >= 0
        at = set(places[row][chosen].tolist())
        original = tokens[row].clone()
        original[places[row][chosen]] = labels[row][chosen]
        assert 0 < len(at) <= 13
        for place in at:
            assert not pieces[original[place]] or place - 1 in at  # a piece, then its beginning too
            follows = original[place + 1]
            assert not pieces[follows] or place + 1 in at
        words = original[original != rows.pad]
        assert words[0] == rows.cls
        assert words[-1] == rows.sep
        assert (words == rows.sep).sum() == 1 + types_[row].max()
    hidden = ~attention & (tokens != rows.pad)
    assert set(tokens[hidden].tolist()) <= {rows.cls, rows.sep}
    assert 0 < hidden.any(1).sum() < 64


def test_sentences_with_pronouns_keep_to_their_rules():
    module = script("pronouns")
    maker = module.Pronouns(np.random.default_rng(0))
    drawn = [maker.sentence() for _ in range(3000)]
    held = [one for those in maker.held_out().values() for one in those]
    for one in drawn + held:
        words = re.findall(r"[\w']+", one.written().lower())
        assert words.count(one.pronoun) == 1
        assert one.other in words
        assert one.noun in words
        assert "{" not in one.text.format(it="")
    people = {"he": module.MEN.split(), "she": module.WOMEN.split()}
    assert all(one.noun in people.get(one.pronoun, [one.noun]) for one in drawn + held)
    assert {one.pronoun for one in drawn} == {"it", "he", "she"}
    assert 0.05 < np.mean([one.noun == one.pronoun for one in drawn]) < 0.15  # neither
    first = [one.text.index(one.noun) < one.text.index(one.other) for one in drawn if one.noun != one.pronoun]
    assert 0.4 < np.mean(first) < 0.6  # no rule of places gives it away


def test_what_is_held_out_was_never_drawn():
    module = script("pronouns")
    maker = module.Pronouns(np.random.default_rng(0))
    drawn = [maker.sentence() for _ in range(20_000)]
    assert not {pair for one in drawn for pair in ((one.noun, one.other), (one.other, one.noun))} & module.PAIRS
    held = maker.held_out()
    assert len(held) >= 12 + 3
    words = {word for one in drawn for word in re.findall(r"\w+", one.written().lower())}
    seen = " ".join(one.written().lower() for one in drawn)
    for name in ("since", " as it", "for it", "although", "why did", "by the", " fit ", "stuck", "smelt", "wrote to"):
        assert name not in seen
    for one in held["new adjectives"]:
        assert re.findall(r"\w+", one.written())[-1] not in words


def test_the_noun_is_asked_for_at_its_pronoun():
    _, tokenizer = load_model("demo/masked")
    tokens, _, attention, places, labels = script("masked").about_pronouns(np.random.default_rng(0), 300, tokenizer)
    assert tokens.shape == attention.shape
    for row, mask, place, label in zip(tokens, attention, places[:, 0], labels[:, 0], strict=True):
        here = tokenizer.convert_ids_to_tokens(int(row[place]))
        asked = tokenizer.convert_ids_to_tokens(int(label))
        assert here in {"it", "he", "she"}
        assert mask[place]
        assert asked == here or asked in tokenizer.convert_ids_to_tokens(row.tolist())


def test_made_phrases_are_grammar():
    found = script("phrases").phrases(3000, np.random.default_rng(0))
    for french, english in found:
        assert not re.search(r"\b(le|la|de|ne|ce) [haeiouyéèêâîôœ]", french), french
        assert not re.search(r"vieils|nouveaus|pas .*\b(un|une|des)\b|\bdes (petit|grand|vieux|vieille|bon)", french), (
            french
        )
        assert not re.search(r"\b(un|le|mon|cet|ce) (femme|fille|reine|maison|table)\b", french), french
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", english), english
        assert "_" not in french + english
    pairs = dict(found)
    assert any(re.search(r"\b(chat|chien|loup) noir\b", one) and "black" in pairs[one] for one in pairs)
    assert any(one.startswith("les ") for one in pairs)


def test_translation_pairs_are_cleaned_and_split():
    module = script("fr_en")
    text = "".join(f"He has {n} cats.\tIl a {n}\u202fchats !\nHe’s {n}.\tIl a {n} ans.\n" for n in range(600))
    everything = module.pairs(text)
    assert everything[0] == ("Il a 0 chats !", "He has 0 cats.")
    assert everything[1][1] == "He's 0."
    training, tests = module.split(everything, [("Il a 7 ans", "he is seven"), ("un ours", "a bear")])
    seen = {module.bare(french) for french, _ in training}
    assert ("un ours", "a bear") in training
    assert not seen & {module.bare(french) for french, _ in tests}
    assert len(training) + len(tests) >= 1200
    assert module.is_right("he owns three cats.", ["He owns 3 dogs.", "He has cats."])
    assert not module.is_right("he has dogs", ["He has cats."])


def test_words_of_both_languages_are_tokens():
    _, tokenizer = load_model("demo/fr-en")
    assert tokenizer.tokenize("J'ai l'eau, est-ce qu’il dort ?") == [
        "j'", "ai", "l'", "eau", ",", "est", "-ce", "qu'", "il", "dort", "?",
    ]  # fmt: skip
    assert tokenizer.tokenize("I'm sure he doesn't sleep.") == ["i'm", "sure", "he", "doesn't", "sleep", "."]
