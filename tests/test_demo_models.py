"""What the bundled models have learned, computed with transformers alone from `output_attentions`."""

import csv
import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM, AutoTokenizer

from attnwidget.examples import find
from attnwidget.models import ABOUT, BUNDLED

HERE = Path(__file__).parent
CORPUS = HERE.parents[1] / "shared" / "corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this clone")
KINDS = {
    "demo/causal": AutoModelForCausalLM,
    "demo/masked": AutoModelForMaskedLM,
    "demo/fr-en": AutoModelForSeq2SeqLM,
}


def load(name):
    """As a user of transformers would, with the attention that can be read."""
    folder = BUNDLED[name]
    model = KINDS[name].from_pretrained(folder, dtype="float32", attn_implementation="eager")
    return model.eval(), AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def causal():
    return load("demo/causal")


@pytest.fixture(scope="module")
def masked():
    return load("demo/masked")


@pytest.fixture(scope="module")
def fr_en():
    return load("demo/fr-en")


@pytest.fixture(scope="module")
def training():
    """The training scripts, imported from their folder."""
    folder = str(HERE.parent / "training")
    sys.path.insert(0, folder)
    yield importlib.import_module
    sys.path.remove(folder)


@torch.no_grad()
def attentions(model, tokens, **more):
    """(layers, rows, heads, queries, keys)."""
    return torch.stack(model(input_ids=tokens, output_attentions=True, **more).attentions)


# --- all three ---------------------------------------------------------------------------


def test_they_are_three_and_small():
    assert set(BUNDLED) == set(KINDS)
    size = sum(path.stat().st_size for folder in BUNDLED.values() for path in folder.iterdir())
    assert size < 24e6  # before the wheel compresses them
    for folder in BUNDLED.values():
        assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
        assert {"README.md", "heads.json", "model.safetensors", "tokenizer.json"} <= {
            one.name for one in folder.iterdir()
        }


def test_they_are_told_as_what_they_are():
    for name, folder in BUNDLED.items():
        config = json.loads((folder / "config.json").read_text())
        if config["model_type"] == "marian":
            size = "{encoder_layers} + {decoder_layers} layers × {encoder_attention_heads} heads"
        else:
            size = "{num_hidden_layers} layers × {num_attention_heads} heads"
        assert ABOUT[name].startswith(f"demo model: {size.format(**config)}, trained on ")
        assert "pass model=" in ABOUT[name]


# --- causal ------------------------------------------------------------------------------


def repeated(tokenizer, length=64, rows=8):
    """Random tokens, written twice."""
    random = np.random.default_rng(7)
    return torch.from_numpy(np.tile(random.integers(1, len(tokenizer), (rows, length)), (1, 2)))


def test_causal_heads_look_back_and_copy(causal):
    model, tokenizer = causal
    tokens = repeated(tokenizer)
    length = tokens.shape[1] // 2
    found = attentions(model, tokens).mean(1)  # (layers, heads, queries, keys)
    previous = found.diagonal(-1, dim1=-2, dim2=-1)[..., 1:].mean(-1)
    assert previous.max() >= 0.8
    # The token that followed the earlier occurrence stands length − 1 before.
    induction = found.diagonal(1 - length, dim1=-2, dim2=-1)[..., 1:].mean(-1)
    assert (induction >= 0.5).sum() >= 2
    with torch.no_grad():
        logits = model(input_ids=tokens).logits[:, :-1]
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")
    first, second = losses[:, : length - 1].mean(), losses[:, length:].mean()
    assert second < first / 3
    assert second < 1


def test_causal_heads_that_rest_and_that_spread(causal):
    model, tokenizer = causal
    text = "The old man looked at the river for a long time, and then he walked slowly back to his house near the wood."
    found = attentions(model, tokenizer(text, return_tensors="pt")["input_ids"])[:, 0]
    assert found[..., 2:, 0].mean(-1).max() >= 0.5
    rows = found[..., 2:, :]
    visible = torch.arange(3, 3 + rows.shape[-2]).log()
    entropy = torch.special.entr(rows).sum(-1) / visible
    broad = entropy.mean(-1) * (1 - rows.max(-1).values.mean(-1))
    assert broad.max() >= 0.5


@pytest.fixture(scope="module")
def books(causal, tmp_path_factory, training):
    _, tokenizer = causal
    paragraphs = training("common").read(CORPUS, "books.txt.xz").split("\n")
    cache = tmp_path_factory.mktemp("books") / "tokens.npy"
    return training("common").token_ids([one + "\n" for one in paragraphs], tokenizer, cache).astype(np.int64)


@needs_corpus
def test_causal_foretells_far_better_than_pairs_of_tokens_do(causal, books):
    """A bigram model with absolute discounting, counted on the very tokens that the model was trained on."""
    model, tokenizer = causal
    held_out, seen, vocabulary = books[-60_000:][: 40 * 256], books[:-60_000], len(tokenizer)
    single = (np.bincount(seen, minlength=vocabulary) + 1) / (len(seen) + vocabulary)
    pairs, counts = np.unique(seen[:-1] * vocabulary + seen[1:], return_counts=True)
    before = np.bincount(seen[:-1], minlength=vocabulary)
    kinds = np.bincount(pairs // vocabulary, minlength=vocabulary)
    wanted = held_out[:-1] * vocabulary + held_out[1:]
    at = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    count = np.where(pairs[at] == wanted, counts[at], 0)
    total, discount = np.maximum(before[held_out[:-1]], 1), 0.75
    chance = np.maximum(count - discount, 0) / total + discount * kinds[held_out[:-1]] / total * single[held_out[1:]]
    chance = np.where(before[held_out[:-1]] > 0, chance, single[held_out[1:]])
    bigram = -np.log(chance).mean()
    assert 4 < bigram < 6  # it is a fair one
    windows = torch.from_numpy(held_out.reshape(40, 256))
    with torch.no_grad():
        loss = model(input_ids=windows, labels=windows).loss.item()
    assert loss < bigram - 0.9


@needs_corpus
def test_causal_does_not_fall_apart_on_long_texts(causal, books):
    """Up to 2,048 tokens, its training length, it gets better; twice that far it still beats the bigrams' 5.03."""
    model, _ = causal
    window = torch.from_numpy(books[-60_000:][:8192].reshape(2, 4096))
    with torch.no_grad():
        logits = model(input_ids=window).logits[:, :-1]
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), window[:, 1:], reduction="none").mean(0)
    assert losses[1024:2048].mean() < losses[:256].mean()
    assert losses[3072:].mean() < 4.7
    assert model.config.max_position_embeddings == 4096


# --- masked ------------------------------------------------------------------------------

FILLED = json.loads((HERE / "data" / "filled_gaps.json").read_text())
CARD = (BUNDLED["demo/masked"] / "README.md").read_text(encoding="utf-8")


def test_masked_fills_gaps_as_its_card_tells(masked):
    """The five likeliest words; in italics those that are not among the ones that a person found to fit."""
    model, tokenizer = masked
    strange = []
    for sentence, fit in FILLED.items():
        inputs = tokenizer(sentence, return_tensors="pt")
        at = inputs["input_ids"][0].tolist().index(tokenizer.mask_token_id)
        with torch.no_grad():
            top = model(**inputs).logits[0, at].topk(5).indices
        found = tokenizer.convert_ids_to_tokens(top.tolist())
        assert set(found[:4]) <= set(fit.split())
        strange += [word for word in found if word not in fit.split()]
        told = [word if word in fit.split() else f"*{word}*" for word in found]
        assert f"| {sentence} | {', '.join(told)} |" in CARD
    assert len(strange) <= 3


@needs_corpus
def test_masked_foretells_the_books_as_well_as_before(masked, training, tmp_path):
    """Its loss on held-out books was 4.02 before it was taught pronouns; it may not be more than 0.05 worse."""
    model, tokenizer = masked
    paragraphs = training("common").read(CORPUS, "books.txt.xz").split("\n")[-3000:]
    ids = training("common").token_ids(paragraphs, tokenizer, tmp_path / "tokens.npy")[-60_000:]
    module = training("masked")
    rows, random = module.Rows(ids, tokenizer, twice=0), np.random.default_rng(0)
    batches = [rows.batch(random, 128, 32) for _ in range(8)]
    losses = []
    for tokens, types, attention, places, labels in batches:
        with torch.no_grad():
            logits = model(input_ids=tokens, token_type_ids=types, attention_mask=attention.long()).logits
        chosen = logits.gather(1, places[..., None].expand(-1, -1, logits.shape[-1]))
        losses.append(torch.nn.functional.cross_entropy(chosen.flatten(0, 1), labels.flatten()).item())
    assert f"Loss on held-out text: {np.mean(losses):.2f} nats" in CARD
    assert np.mean(losses) < 4.02 + 0.05


def right_and_wrong(model, tokenizer, sentence):
    """Return, at a sentence's pronoun, the logits of the two nouns, and each head's weights of them."""
    inputs = tokenizer(sentence.written(), return_tensors="pt")
    tokens = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0].tolist())
    at = tokens.index(sentence.pronoun)
    with torch.no_grad():
        found = model(**inputs, output_attentions=True)
    nouns = tokenizer.convert_tokens_to_ids([sentence.noun, sentence.other])
    rows = torch.stack(found.attentions)[:, 0, :, at]  # (layers, heads, keys)
    return found.logits[0, at, nouns], rows[..., [tokens.index(one) for one in (sentence.noun, sentence.other)]]


def test_masked_names_what_pronouns_stand_for_as_its_card_tells(masked, training):
    model, tokenizer = masked
    rows = re.findall(
        r"^\| ([^|]+) \| [A-Z][^|]+ \| (\d+) % \| (?:(\d+) % \| ([+-][\d.]+)|– \| –) \|", CARD, re.MULTILINE
    )
    held_out = training("pronouns").Pronouns(np.random.default_rng(2)).held_out()
    assert [name for name, *_ in rows] == list(held_out)
    assert len(rows) >= 12
    for name, named, by_head, lead in rows:
        found = [right_and_wrong(model, tokenizer, one) for one in held_out[name]]
        likelier = [float(logits[0]) > float(logits[1]) for logits, _ in found]
        assert f"{np.mean(likelier):.0%}" == f"{named}%", name
        if by_head:
            ahead = [float(weights[1, 0, 0] - weights[1, 0, 1]) for _, weights in found]
            assert f"{np.mean([one > 0 for one in ahead]):.0%}" == f"{by_head}%", name
            assert f"{np.mean(ahead):+.2f}" == lead, name
    assert np.mean([int(named) for _, named, *_ in rows]) >= 97


def test_it_turns_from_the_animal_to_the_road(masked, causal):
    """And in a causal model it cannot: what stands before the last word is the same."""
    text = "The animal didn't cross the road because it was too {}"
    weights = {}
    for word in ("tired", "wide"):
        model, tokenizer = masked
        inputs = tokenizer(text.format(word), return_tensors="pt")
        tokens = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0].tolist())
        row = attentions(model, inputs["input_ids"])[:, 0, :, tokens.index("it")]  # (layers, heads, keys)
        weights[word] = {
            (layer, head, noun): round(float(row[layer, head, tokens.index(noun)]), 2)
            for layer, head in ((1, 7), (1, 0))
            for noun in ("animal", "road")
        }
    assert "*it* gives *animal* 0.98 in L1-H7 and 0.99 in L1-H0; with *wide* in place of *tired*" in CARD
    assert "it gives *road* 0.98 and 0.63." in CARD
    assert (weights["tired"][1, 7, "animal"], weights["tired"][1, 0, "animal"]) == (0.98, 0.99)
    assert (weights["wide"][1, 7, "road"], weights["wide"][1, 0, "road"]) == (0.98, 0.63)
    assert weights["tired"][1, 7, "road"] < 0.05 > weights["wide"][1, 7, "animal"]
    model, tokenizer = causal
    rows = [
        attentions(model, tokenizer(text.format(word), return_tensors="pt")["input_ids"]) for word in ("tired", "wide")
    ]
    it = tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"]).index("Ġit")
    assert torch.equal(*(one[..., it, : it + 1] for one in rows))


def test_masked_heads_look_both_ways(masked):
    model, tokenizer = masked
    texts = ["The old man looked at the river for a long time.", "She gave the child an apple and a piece of bread."]
    found = [attentions(model, tokenizer(text, return_tensors="pt")["input_ids"])[:, 0] for text in texts]
    previous, following = (
        torch.stack([one.diagonal(offset, dim1=-2, dim2=-1)[..., 1:-1].mean(-1) for one in found]).mean(0)
        for offset in (-1, 1)
    )
    assert previous.max() >= 0.8
    assert following.max() >= 0.8


# --- French to English -------------------------------------------------------------------


def rows_of(name):
    with (HERE / "data" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def translate(model, tokenizer, sentences):
    inputs = tokenizer(sentences, padding=True, return_tensors="pt")
    found = model.generate(
        input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=24, do_sample=False
    )
    return tokenizer.batch_decode(found, skip_special_tokens=True)


def words(sentence):
    return set(re.findall(r"[\w'-]+", sentence.lower()))


def test_fr_en_translates_sentences_that_it_never_saw(fr_en, training):
    """A translation is right when all words of content of one of the known translations are in it."""
    held_out = rows_of("held_out_fr_en.tsv")
    assert len(held_out) == 100
    assert all(len(words(french)) <= 8 for french, *_ in held_out)
    common = training("fr_en").COMMON
    right = 0
    for (_, *references), said in zip(held_out, translate(*fr_en, [row[0] for row in held_out]), strict=True):
        content = [words(one) - common or words(one) for one in references]
        right += any(one <= words(said) for one in content)
    assert right >= 60, f"{right} of 100"
    assert translate(*fr_en, ["Le chat dort"])[0].rstrip(".") == "the cat sleeps"


@needs_corpus
def test_the_held_out_pairs_are_not_in_the_training_data(training):
    module = training("fr_en")
    everything = module.pairs(training("common").read(CORPUS, "fra-eng.tsv.xz"))
    made = training("phrases").phrases(module.PHRASES, np.random.default_rng(1))
    trained, _ = module.split(everything, made)
    french, english = ({module.bare(one) for one in side} for side in zip(*trained, strict=True))
    for source, *references in rows_of("held_out_fr_en.tsv"):
        assert module.bare(source) not in french
        assert not english & {module.bare(one) for one in references}


def test_fr_en_looks_at_the_word_that_it_translates(fr_en):
    """Where a word is written, the strongest key of the best head is the French word that it stands for."""
    model, tokenizer = fr_en
    hits, count = 0, 0
    for french, english, pairs in rows_of("word_pairs.tsv"):
        source, target = (tokenizer(one, return_tensors="pt")["input_ids"] for one in (french, english))
        start = torch.tensor([[model.config.decoder_start_token_id]])
        with torch.no_grad():
            found = model(input_ids=source, decoder_input_ids=torch.cat([start, target], 1), output_attentions=True)
        strongest = torch.stack(found.cross_attentions)[:, 0].argmax(-1)  # (layers, heads, queries)
        sides = [
            [one.removeprefix("##") for one in tokenizer.convert_ids_to_tokens(ids[0])] for ids in (source, target)
        ]
        for pair in pairs.split():
            keys, written = (find(side, word) for side, word in zip(sides, pair.split("-"), strict=True))
            # The query that writes a token stands before it: the start of the target shifts all by one.
            hits = hits + torch.isin(strongest[..., written[0]], torch.tensor(keys)).int()
            count += 1
    assert count == 50
    assert hits.max() >= 0.7 * count
