"""Evidence about a model's heads: grammar on annotated sentences, repetition on random tokens, reports."""

import json
import math
import types
from pathlib import Path

import numpy as np
import pytest
import torch

import attnwidget as aw
import tiny
from attnwidget.heads import HeadProbe, conllu, known_probe, original_rule, probe
from attnwidget.heads.by_word import align
from attnwidget.heads.grammar import ANY, links_of, read_links, syntactic
from attnwidget.models import BUNDLED
from attnwidget.tokens import describe
from attnwidget.trace import AttentionTrace
from zoo import ZOO

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"
TEXT = "The animal didn't cross the road because it was too tired"


@pytest.fixture(scope="module")
def bundled():
    return aw.load_model("demo/causal")


# --- grammar ----------------------------------------------------------------------------


def test_words_are_aligned_by_their_letters():
    tokens = describe(["[CLS]", "the", "caf", "##e", "did", "##n", "'", "t", "close", "[SEP]"], scheme="wordpiece")
    found = align(["The", "Café", "did", "n't", "close", "☃"], tokens)
    assert found == [[1], [2, 3], [4], [5, 6, 7], [8], []]
    # letters that the tokens lack do not carry away the rest
    assert align(["a", "mississippi", "b"], describe(["a", "missisippi", "b"])) == [[0], [1], [2]]


def looking(sentence, key_of):
    """Weights (n, n) of a head that looks from every word at one word."""
    n = len(sentence.words)
    weights = torch.full((n, n), 0.01)
    for query in range(n):
        weights[query, key_of(sentence, query)] = 1
    return weights / weights.sum(-1, keepdim=True)


def to_head(sentence, word):
    return max(sentence.heads[word], 0)


def to_object(sentence, word):
    return next(
        (at for at, (head, name) in enumerate(zip(sentence.heads, sentence.relations, strict=True))
         if head == word and name == "obj"), 0
    )  # fmt: skip


def test_heads_that_know_grammar_are_told_from_those_that_keep_a_distance():
    sentences = conllu.shipped()
    kinds = [to_head, to_object, lambda _, word: max(word - 1, 0), lambda s, word: min(word + 1, len(s.words) - 1)]

    def examples():
        for sentence in sentences:
            heads = torch.stack([looking(sentence, kind) for kind in kinds])
            trace = AttentionTrace.from_attentions([heads[None]], sentence.words)
            yield trace, links_of(sentence, trace.sides()[0])

    found = syntactic(examples())
    scores = found.scores[0]
    assert found.best(0, 0)[1] == "to its head"
    assert found.best(0, 0)[2] == 1
    assert found.best(0, 1)[:3] == ("obj", "to its dependent", 1)
    assert (scores[:2] > 0.5).all()
    assert (scores[2:] <= 0).all()  # no fixed distance beats the best fixed distance
    relation, direction, head, accuracy, baseline, count = found.by_relation()[0]
    assert accuracy == 1 > baseline
    assert head in {"L0-H0", "L0-H1"}
    assert count >= 20
    assert (relation, direction) in found.groups
    # by hand, for one relation
    pairs = [(w, s.heads[w]) for s in sentences for w, name in enumerate(s.relations) if name == "obj"]
    offsets = [head - word for word, head in pairs]
    at = found.groups.index(("obj", "to its head"))
    assert int(found.counts[at]) == len(pairs)
    assert float(found.baseline[at]) == pytest.approx(max(map(offsets.count, set(offsets))) / len(pairs))


def test_links_that_a_causal_mask_hides_do_not_count():
    sentence = conllu.read("1\tcats\tcat\tNOUN\t_\t_\t2\tnsubj\t_\t_\n2\tsleep\tsleep\tVERB\t_\t_\t0\troot\t_\t_\n")[0]
    trace = AttentionTrace.from_attentions([torch.eye(2)[None, None]], sentence.words, mask="causal")
    found = syntactic([(trace, links_of(sentence, trace.sides()[0]))])
    counts = dict(zip(found.groups, found.counts.tolist(), strict=True))
    assert counts["nsubj", "to its head"] == 0  # "sleep" comes after "cats"
    assert counts["nsubj", "to its dependent"] == counts[ANY, "to its dependent"] == 1


CONLLU = """1\tThe\tthe\tDET\t_\t_\t2\tdet\t_\t_
2\tcat\tcat\tNOUN\t_\t_\t3\tnsubj\t_\t_
3\tsat\tsit\tVERB\t_\t_\t0\troot\t_\t_
4\ton\ton\tADP\t_\t_\t6\tcase\t_\t_
5\tthe\tthe\tDET\t_\t_\t6\tdet\t_\t_
6\tmat\tmat\tNOUN\t_\t_\t3\tobl\t_\t_
"""


def test_a_users_own_parse():
    words = ["The", "cat", "sat", "on", "the", "mat"]
    sentence = conllu.read(CONLLU)[0]
    trace = AttentionTrace.from_attentions([looking(sentence, to_head)[None, None]], words)
    spacy = [
        types.SimpleNamespace(i=i, text=w, dep_=r)
        for i, (w, r) in enumerate(zip(words, sentence.relations, strict=True))
    ]
    for one, head in zip(spacy, sentence.heads, strict=True):
        one.head = spacy[head] if head >= 0 else one
    stanza = types.SimpleNamespace(sentences=[types.SimpleNamespace(words=[
        types.SimpleNamespace(id=i + 1, text=w, head=h + 1, deprel=r)
        for i, (w, h, r) in enumerate(zip(words, sentence.heads, sentence.relations, strict=True))
    ])])  # fmt: skip
    triples = [(w, h, r) for w, (h, r) in enumerate(zip(sentence.heads, sentence.relations, strict=True))]
    expected = read_links(CONLLU, trace)
    for deps in (CONLLU, spacy, stanza, triples):
        assert read_links(deps, trace) == expected
        table = aw.categorize(trace, deps=deps)
        assert table.sources["Syntactic"].startswith("your parse")
        assert table["L0-H0"].scores["Syntactic"] > 0.3
    for wrong in ([(9, 0, "det")], [(0, 9, "det")], ["det"]):
        with pytest.raises(ValueError, match="token positions"):
            aw.categorize(trace, deps=wrong)
    with pytest.raises(ValueError, match="very text"):
        aw.categorize(trace, deps=CONLLU.replace("The", "Q").replace("cat", "Q").replace("sat", "Q")
                      .replace("on", "Q").replace("the", "Q").replace("mat", "Q"))  # fmt: skip
    with pytest.raises(ImportError, match="pip install"):
        aw.categorize(trace, deps="stanza")


# --- models -----------------------------------------------------------------------------


def test_heads_that_the_models_card_names(bundled):
    """`bundled/causal/README.md` says which heads do what; they come out as that."""
    model, tokenizer = bundled
    found = aw.probe_heads(model, tokenizer)
    table = aw.categorize(aw.capture(model, TEXT, tokenizer=tokenizer), probe=found)
    assert set(table.heads("Previous-Token")) == {"L1-H2", "L2-H3", "L1-H6", "L1-H0"}
    assert table.heads("Induction") == ["L3-H6"]
    assert not table["L3-H6"].active  # no token comes again in this text
    assert {"L3-H5", "L3-H2"} <= set(table.heads("First/Positional"))
    assert table["L3-H5"].scores["Induction"] == pytest.approx(0.8, abs=0.05)  # both labels are kept
    assert table["L2-H1"].scores["Syntactic"] == pytest.approx(0.59, abs=0.03)
    assert table.sources["Syntactic"] == "192 annotated sentences"


def test_the_bundled_report_is_what_the_model_gives(bundled, monkeypatch):
    model, tokenizer = bundled
    shipped = HeadProbe.from_json((BUNDLED["demo/causal"] / "heads.json").read_text())
    monkeypatch.setattr(probe, "BUNDLED", {})
    monkeypatch.setattr(probe, "_all_known", type(probe._all_known)())
    steps = []
    found = aw.probe_heads(model, tokenizer, on_progress=lambda *step: steps.append(step))
    total = 4 + 192 + len(conllu_pronouns)
    assert steps == [(done, total) for done in range(total + 1)]
    assert known_probe(model) is found
    assert aw.probe_heads(model, tokenizer) is found
    assert found.syntax.groups == shipped.syntax.groups
    torch.testing.assert_close(found.syntax.accuracy, shipped.syntax.accuracy, atol=0.02, rtol=0)
    torch.testing.assert_close(found.coreference.accuracy, shipped.coreference.accuracy, atol=0.02, rtol=0)
    torch.testing.assert_close(found.coreference.favourite, shipped.coreference.favourite, atol=0.02, rtol=0)
    for name, scores in found.repetition.items():
        torch.testing.assert_close(scores, shipped.repetition[name], atol=1e-3, rtol=0)
    again = HeadProbe.from_json(found.to_json())
    torch.testing.assert_close(again.syntax.scores, found.syntax.scores, atol=1e-4, rtol=0, equal_nan=True)


@pytest.mark.parametrize("text", ["", "{}", '{"version": 99}', "[1]"])
def test_a_file_that_is_no_probe(text):
    with pytest.raises(ValueError, match=r"no probe|version 99"):
        HeadProbe.from_json(text)


@pytest.mark.parametrize("name", ["gpt2", "RoBERTa"])
def test_random_models_have_no_grammar_to_speak_of(name, monkeypatch):
    """Marks around the text, and a probe that was interrupted leaves nothing behind."""
    model = tiny.gpt2(n_positions=160) if name == "gpt2" else ZOO["RoBERTa"][3](max_position_embeddings=170)
    tokenizer = tiny.tokenizer(marks=True)
    monkeypatch.setattr(conllu, "shipped", lambda: conllu_sentences[:30])
    monkeypatch.setattr(conllu, "shipped_pronouns", lambda: conllu_pronouns[:25])

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        aw.probe_heads(model, tokenizer, on_progress=stop)
    assert known_probe(model) is None
    found = aw.probe_heads(model, tokenizer)
    assert found.sentences == 30
    assert found.evidence()["Syntactic"].scores.nan_to_num(-1).max() < 0.5
    assert found.coreference.count == 25
    assert found.repetition["Induction"].abs().max() < 0.5


conllu_sentences, conllu_pronouns = conllu.shipped(), conllu.shipped_pronouns()


@pytest.mark.parametrize("number", [0, 1])
def test_gpt2s_known_heads(number):
    path = REFERENCE / f"gpt2_attention_{number}.npz"
    if not path.exists():
        pytest.skip(f"{path.name}, the reference recorded by others, is not beside this clone")
    data = np.load(path)
    tokens = [str(token) for token in data["tokens"]]
    table = aw.categorize(AttentionTrace.from_attentions(data["weights"].astype("float32"), tokens, mask="causal"))
    assert table.heads("Previous-Token")[0] == "L4-H11"
    assert table["L4-H11"].scores["Previous-Token"] > 0.99
    assert not table.warning
    # GPT-2 rests on the first token almost everywhere: these heads do not, in one of the two prompts or both
    others = {0: range(12), 1: (0, 1, 3, 10, 11), 2: (2, 3, 5, 7, 8, 9, 10), 3: (2, 6, 7, 8), 4: (3, 7, 11), 5: (10,),
              8: (8,), 11: (0, 8)}  # fmt: skip
    first = {one.name for one in table} - {f"L{layer}-H{head}" for layer, those in others.items() for head in those}
    assert len(first) == 109
    assert first <= set(table.heads("First/Positional"))


def test_changed_weights_are_probed_again(monkeypatch):
    model, tokenizer = aw.load_model("demo/causal")
    monkeypatch.setattr(conllu, "shipped", lambda: conllu_sentences[:30])
    monkeypatch.setattr(conllu, "shipped_pronouns", lambda: conllu_pronouns[:25])
    before = aw.probe_heads(model, tokenizer)
    assert before.sentences == 192  # the report that is shipped
    with torch.no_grad():
        model.get_output_embeddings().weight[0, 0] += 1
        model.model.layers[3].self_attn.o_proj.weight[:, :32] = 0
        model.model.layers[1].self_attn.q_proj.weight *= -1
    assert known_probe(model) is None
    after = aw.probe_heads(model, tokenizer)
    assert after.sentences == 30
    assert not torch.equal(after.repetition["Induction"], before.repetition["Induction"])


def test_the_model_may_be_used_while_it_is_probed(monkeypatch):
    """The probe sets nothing on the model itself, and so takes nothing back that its user sets meanwhile."""
    monkeypatch.setattr(conllu, "shipped", lambda: conllu_sentences[:3])
    monkeypatch.setattr(conllu, "shipped_pronouns", lambda: conllu_pronouns[:3])
    model = tiny.gpt2(n_positions=160, attn_pdrop=0.5)
    tokenizer = tiny.tokenizer()
    seen = []
    model.register_forward_pre_hook(lambda module, _: seen.append(module))
    weight = model.h[0].attn.c_attn.weight

    def on_progress(done, _):
        if done == 1:
            model.train()
            model.set_attn_implementation("eager")

    aw.probe_heads(model, tokenizer, on_progress=on_progress)
    assert model.training
    assert model.config._attn_implementation == "eager"
    assert seen
    assert all(module is not model for module in seen)
    assert model.h[0].attn.c_attn.weight is weight


@pytest.mark.parametrize(("positions", "sentences"), [(64, range(1, 192)), (12, [0])])
def test_a_short_context_is_probed_with_what_fits(positions, sentences):
    model = tiny.gpt2(n_positions=positions)
    tokenizer = tiny.tokenizer()  # a token a letter
    found = aw.probe_heads(model, tokenizer)
    assert found.sentences in sentences
    assert found.shape == (3, 4)
    assert bool(found.repetition["Induction"].isnan().all()) == (positions < 16)
    assert found.evidence()["Coreference"].scores.shape == (3, 4)
    table = aw.categorize(aw.capture(model, "a cat a cat", tokenizer=tokenizer), probe=found)
    assert math.isnan(table["L0-H0"].scores["Syntactic"]) == (found.sentences == 0)


def test_a_users_category_of_a_built_in_name_is_theirs(bundled):
    model, tokenizer = bundled
    mine = aw.heads.Category.of_pattern("Induction", "Three back.", aw.heads.Offset(-3))
    trace = aw.capture(model, TEXT, tokenizer=tokenizer)
    table = aw.categorize(trace, probe=aw.probe_heads(model, tokenizer), categories=[mine])
    assert table.sources["Induction"] == "this text"
    assert table["L3-H5"].scores["Induction"] < 0.5


def test_a_parse_of_encoder_and_decoder_texts():
    sentence = conllu.read(CONLLU)[0]
    trace = AttentionTrace.from_attentions(
        source_tokens=sentence.words, target_tokens=["Le", "chat"], encoder=[looking(sentence, to_head)[None, None]],
        decoder=[torch.eye(2)[None, None]], cross=[torch.full((1, 1, 2, 6), 1 / 6)],
    )  # fmt: skip
    assert aw.categorize(trace, deps=CONLLU, attention="encoder")["L0-H0"].scores["Syntactic"] > 0.3
    with pytest.raises(ValueError, match="not between two"):
        aw.categorize(trace, deps=CONLLU, attention="cross")


# --- the rule of old, and reports -------------------------------------------------------


def test_the_original_rule_and_its_faults():
    n = 12  # at which an even spread passes for the first token
    even = torch.ones(n, n).tril() / torch.arange(1, n + 1)[:, None]
    first, previous = torch.zeros(n, n), torch.diag(torch.ones(n - 1), -1)
    first[:, 0] = previous[0, 0] = 1
    two_back = torch.diag(torch.ones(n - 2), -2)
    two_back[:2, :2] = torch.eye(2)
    heads = torch.stack([even, 0.65 * first + 0.35 * previous, two_back, previous, torch.eye(n)])
    trace = AttentionTrace.from_attentions([heads[None]], [f"t{i}" for i in range(n)], mask="causal")
    theirs, ours = original_rule(trace), aw.categorize(trace)
    assert list(theirs.values()) == ["First/Positional", "Previous-Token", "Syntactic", "Previous-Token", "Other"]
    assert [one.category for one in ours] == [
        "Bag-of-Words", "First/Positional", "First/Positional", "Previous-Token", "Self",
    ]  # fmt: skip


def test_a_report_over_texts_goes_on_where_it_was(bundled, tmp_path, monkeypatch, capsys):
    model, tokenizer = bundled
    texts = [TEXT, "A cat sat on a mat, and the cat did not mind.", "He said that he would come back, and he came."]
    path = tmp_path / "scores.json"
    aw.head_report(model, texts[:2], tokenizer=tokenizer, resume=path, progress=False)
    measured = []
    monkeypatch.setattr(
        "attnwidget.heads.corpus.scorer.capture_batch",
        lambda *args, **options: measured.extend(args[1]) or aw.capture_batch(*args, **options),
    )
    report = aw.head_report(model, texts, tokenizer=tokenizer, resume=path)
    assert measured == texts[2:]
    assert "100%" in capsys.readouterr().err  # the bar
    tables = [aw.categorize(aw.capture(model, text, tokenizer=tokenizer)) for text in texts]
    scores = [table["L1-H2"].scores["Previous-Token"] for table in tables]
    told = report.to_dict()["L1-H2"]
    assert told["category"] == "Previous-Token"
    assert told["mean"]["Previous-Token"] == pytest.approx(np.mean(scores), abs=1e-3)
    assert told["spread"]["Previous-Token"] == pytest.approx(np.std(scores), abs=1e-3)
    assert told["spread"]["Syntactic"] is None
    assert report.to_dict()["L3-H5"]["category"] == "Induction"
    report.save(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["texts"] == 3
    with pytest.raises(ValueError, match="at least one text"):
        aw.head_report(model, [], tokenizer=tokenizer)
    mine = aw.heads.Category("Mine", "", lambda found: found.entropy)
    with pytest.raises(ValueError, match="another file"):
        aw.head_report(model, texts, tokenizer=tokenizer, resume=path, categories=[mine], progress=False)
    path.write_text("no")
    with pytest.raises(ValueError, match="resumed"):
        aw.head_report(model, texts, tokenizer=tokenizer, resume=path, progress=False)


def test_nan_in_a_model_is_not_a_label():
    broken = torch.full((1, 2, 6, 6), math.nan)
    broken[:, 1] = 1 / 6
    table = aw.categorize(AttentionTrace.from_attentions([broken], list("abcdef")))
    assert [one.category for one in table] == ["Other", "Bag-of-Words"]
    links = [(word, 0, "obj") for word in range(1, 6)]
    table = aw.categorize(AttentionTrace.from_attentions([broken], list("abcdef")), deps=links)
    assert table["L0-H0"].category == "Other"
    assert all(math.isnan(score) for score in table["L0-H0"].scores.values())
