"""A query's numbers in A and in B, beside each other: both as each trace computes them, and what is not subtracted."""

import numpy as np
import pytest
import torch
import transformers as hf

import attnwidget as aw
import tiny
from attnwidget import AttentionTrace, AttentionWidget
from attnwidget.comparison import Beside, steps_beside
from attnwidget.export import numbers
from attnwidget.head_id import HeadId

ONE, OTHER = "The cat sat on the mat.", "The old cat sat on a mat!"
HEAD = HeadId(1, 2)
NAMES = ["dots", "scores", "weights"]


@pytest.fixture(autouse=True)
def no_loop(monkeypatch):
    """Work at once: a browser under test keeps an event loop running in this thread."""
    monkeypatch.setattr("attnwidget.session.jobs.running_loop", lambda: None)


@pytest.fixture(scope="module")
def model():
    return tiny.gpt2(hf.GPT2LMHeadModel)


@pytest.fixture(scope="module")
def pair(model):
    return [aw.capture(model, text, tokenizer=tiny.tokenizer()) for text in (ONE, OTHER)]


def both(a, b, **how):
    seen = Beside(a, b, **how)
    return a.with_beside(seen), b.with_beside(seen.turned(a))


def shown(model, text=ONE, **options):
    options = {"against": OTHER, "view": "breakdown", "heads": "L1-H2"} | options
    return AttentionWidget(text, model=model, tokenizer=tiny.tokenizer(), probe=False, **options)


def array(told, name):
    envelope = told["arrays"][name]
    return torch.tensor(np.frombuffer(envelope["data"], dtype=envelope["dtype"]).reshape(envelope["shape"]))


@pytest.mark.parametrize("queries", [[6], [6, 9, 12]])
@pytest.mark.parametrize("combine", ["mean", "sum"])
def test_both_sides_are_each_traces_own_breakdown(pair, queries, combine):
    a, _ = both(*pair)
    found = steps_beside(a, "self", HEAD, queries, combine)
    there = a.beside.sides("self")[0].across(queries)
    mine = pair[0].breakdown(*HEAD, queries, combine=combine, output=False)
    theirs = pair[1].breakdown(*HEAD, there, combine=combine, output=False)
    assert found.names == NAMES
    assert list(found.there.queries) == there != queries
    has = found.partners >= 0
    assert 0 < int(has.sum()) < len(has)
    for name in NAMES:
        ours, others = getattr(mine, name), getattr(theirs, name)[found.partners[has]]
        assert torch.equal(getattr(found.here, name), ours)
        assert torch.equal(found.across(name)[has], others)
        apart = found.difference(name)
        assert torch.equal(apart[found.allowed], (ours[has] - others)[found.allowed[has]])
        assert (apart[~found.allowed] == -torch.inf).all()
    assert found.distance == float((mine.head_output - theirs.head_output).norm())


def test_exchanged_sides_turn_the_sign(pair):
    a, b = both(*pair)
    one = steps_beside(a, "self", HEAD, [12])
    other = steps_beside(*both(pair[1], pair[0])[:1], "self", HEAD, list(one.there.queries))
    turned = steps_beside(b, "self", HEAD, list(one.there.queries))
    for name in NAMES:
        for key in one.allowed.nonzero().flatten().tolist():
            apart = one.difference(name)[key]
            assert other.difference(name)[one.partners[key]] == -apart
            assert turned.difference(name)[one.partners[key]] == apart  # still A − B, on B's keys
    assert one.distance == other.distance


def test_against_itself_all_is_zero(pair):
    a, _ = both(pair[0], pair[0])
    found = steps_beside(a, "self", HEAD, [8])
    assert found.only.tolist() == []
    for name in NAMES:
        apart = found.difference(name)
        assert (apart[:9] == 0).all()
        assert (apart[9:] == -torch.inf).all()  # a causal mask hides them on both sides
    assert found.distance == 0


def test_a_query_without_a_partner_is_not_compared(model):
    a = shown(model, queries=[17])
    labels = a.comparison.a.tokens
    alone, _ = a.comparison.alignment().alone
    a.queries = alone[:1]
    told = a._breakdown
    assert told["beside"]["missing"] == f"{labels[alone[0]]} has no partner in B"
    assert told["rows"] == list(range(len(ONE)))
    assert torch.equal(array(told, "weights"), a.comparison.a.breakdown(1, 2, alone[0]).weights)
    a.queries = alone[:2]
    assert "have no partner in B" in a._breakdown["beside"]["missing"]
    with pytest.raises(ValueError, match="no partner"):
        a.comparison.steps("L1-H2", alone[0])


def test_what_the_browser_is_told(model):
    w = shown(model, queries=[12])
    told, found = w._breakdown["beside"], w.comparison.steps("L1-H2", 12)
    assert told["partners"] == found.partners.tolist()
    assert told["only"] == found.only.tolist() == w.comparison.alignment().alone[1]
    for name in NAMES:
        assert torch.equal(array(told, name), found.across(name))
        assert torch.equal(array(told, f"{name}Difference"), found.difference(name))
        assert torch.equal(array(told, f"only{name.capitalize()}"), getattr(found.there, name)[found.only])
    mine, theirs = w.comparison.a.breakdown(1, 2, 12), w.comparison.b.breakdown(1, 2, told["queries"][0])
    assert told["norms"] == [float(mine.head_output.norm()), float(theirs.head_output.norm())]
    w.what_if = {"temperature": 2}
    assert "What if" in w._breakdown["beside"]["missing"]
    w.what_if = {}
    assert w._breakdown["beside"]["missing"] == ""
    w.side = "a"
    assert w._breakdown["beside"] is None
    w.side = "b"
    assert w._breakdown["beside"] is None
    w.side = "difference"
    assert w._breakdown["beside"]["partners"] == told["partners"]
    w.compare(None)
    assert w._breakdown["beside"] is None


def test_a_query_that_nobody_chose_has_a_partner():
    for words in (("boat", "river"), ("money", "city")):
        text, other = (f"The {one} lay at the bank of the {two} ." for one, two in (words, ("gold", "village")))
        w = aw.compare(text, other, model="demo/masked", view="breakdown", probe=False)
        (query,) = w._breakdown["queries"]
        differs = w.comparison.a.measure("difference", *w.heads[0])
        words_only = torch.tensor([at for at in range(len(w.tokens)) if at not in (0, len(w.tokens) - 1)])
        inner = differs[words_only][:, words_only].nan_to_num(neginf=0).abs().fill_diagonal_(0)
        assert query == int(words_only[inner.amax(1).argmax()])
        assert w._breakdown["beside"]["missing"] == ""


def test_a_key_that_one_side_hides_is_not_subtracted(model):
    w = shown(model, against="window:3", queries=[12])
    told = w._breakdown["beside"]
    assert told["partners"] == list(range(len(ONE)))
    assert array(w._breakdown, "allowed").sum() == 13
    assert array(told, "allowed").nonzero().flatten().tolist() == [10, 11, 12]
    for name in NAMES:
        assert (array(told, f"{name}Difference") > -torch.inf).nonzero().flatten().tolist() == [10, 11, 12]
    assert (array(told, "scores")[:10] == -torch.inf).all()


def test_head_against_head(model):
    w = shown(model, against="L2-H0", queries=[12])
    told, theirs = w._breakdown["beside"], w.trace.breakdown(2, 0, 12)
    assert (tuple(told["head"]), told["queries"]) == ((2, 0), [12])
    assert torch.equal(array(told, "scores"), theirs.scores)
    assert torch.equal(array(told, "weights"), theirs.weights)


def test_two_models_and_heads_of_other_widths(model):
    other = tiny.gpt2(hf.GPT2LMHeadModel, n_embd=64)
    w = shown(model, against={"model": other, "tokenizer": tiny.tokenizer()}, queries=[12])
    told, theirs = w._breakdown["beside"], w.comparison.b.breakdown(1, 2, 12)
    assert torch.equal(array(told, "weights"), theirs.weights)
    assert told["width"] == theirs.head_output.numel() != w.trace.breakdown(1, 2, 12).head_output.numel()
    assert told["distance"] is None
    assert len(told["norms"]) == 2


def test_of_weights_alone_the_weights_are_compared(pair):
    mine = torch.eye(4).roll(1, 1).expand(2, 3, 4, 4)
    theirs = torch.full((4, 4), 0.25).expand(2, 3, 4, 4)
    a, b = (AttentionTrace.from_attentions(one, list(t)) for one, t in ((mine, "abcd"), (theirs, "abxd")))
    w = aw.compare(a, b, view="breakdown", probe=False, queries=[0])
    told = w._breakdown
    assert "made from attention weights" in told["missing"]
    assert "made from attention weights" in told["beside"]["onlyWeights"]
    assert array(told, "weights").tolist() == [0, 1, 0, 0]
    assert array(told["beside"], "weightsDifference").tolist() == [-0.25, 0.75, -torch.inf, -0.25]
    assert "scores" not in told["beside"]["arrays"]
    assert told["beside"]["norms"] == []
    given = torch.stack([pair[0].weights(layer) for layer in range(pair[0].n_layers())])
    steps, _ = both(pair[0], AttentionTrace.from_attentions(given, pair[0].tokens))
    found = steps_beside(steps, "self", HEAD, [8, 9])
    assert found.names == ["weights"]
    torch.testing.assert_close(found.difference("weights")[:9], torch.zeros(9), rtol=0, atol=1e-6)


def test_a_long_text_sends_what_differs_most(model):
    text = "one two three four five six seven eight nine ten and eleven"
    w = shown(model, text, against=text.replace("three", "thirty-one"), queries=[55])
    told, found = w._breakdown, w.comparison.steps("L1-H2", 55)
    (there,) = found.there.queries
    assert told["ranked"]
    assert 40 <= len(told["rows"]) <= 50
    most = found.difference("weights").abs().nan_to_num(posinf=-1).argmax()
    assert int(most) in told["rows"]
    only = told["beside"]["only"]
    assert len(only) <= 10
    assert told["beside"]["rest"]["count"] + len(only) == sum(at <= there for at in found.only.tolist())


def test_the_table_of_numbers_has_both(model):
    w = shown(model, queries=[12])
    made = numbers.table(w._session)
    at = made.columns.index
    found = w.comparison.steps("L1-H2", 12)
    assert made.columns[-7:-1] == [f"{n}, {s}" for n in ("q·k", "score", "weight") for s in ("B", "A − B")]
    for row, partner in zip(made.rows, found.partners.tolist(), strict=False):
        if partner < 0:
            assert row[-7:] == (*(None,) * 6, "this key has no partner in B")
        elif row[0] <= 12:
            assert row[at("weight")] - row[at("weight, B")] == pytest.approx(row[at("weight, A − B")], abs=1e-7)
            assert row[-1] == ""
        else:
            assert row[at("weight, A − B")] is None
            assert "hidden by the mask in A" in row[-1]
    assert [row[-1] for row in made.rows[len(ONE) :]] == [f"only in B, position {at}" for at in found.only.tolist()]
    table = found.to_table()
    assert len(table.rows) == len(made.rows)
    assert table.columns[3:6] == ["q·k, A", "q·k, B", "q·k, A − B"]
