"""Head categories on heads whose kind is known because they were made so."""

import json
import math

import pytest
import torch

import tiny
from attnwidget.capture import capture
from attnwidget.heads import BUILT_IN, Category, Keys, Offset, categorize
from attnwidget.trace import AttentionTrace
from zoo import ZOO

LENGTHS = [4, 6, 8, 12, 16, 64, 256, 1024]


def rows(n, of):
    """Weights (n, n), row by row: `of` returns {key: weight}, and what it leaves goes to the row's own key."""
    weights = torch.zeros(n, n)
    for i in range(n):
        for key, weight in of(i).items():
            weights[i, key] += weight
        weights[i, i] += 1 - weights[i].sum()
    return weights


def heads_of(n, *, causal, tokens):
    """One of each kind; ."""
    visible = torch.ones(n, n).tril() if causal else torch.ones(n, n)
    even = visible / visible.sum(-1, keepdim=True)
    previous = rows(n, lambda i: {max(i - 1, 0): 1})
    earlier = {
        i: [j for j in range(n) if tokens[j] == tokens[i] and (j < i or (not causal and j != i))] for i in range(n)
    }
    after = {i: [j + 1 for j in those if j + 1 < n and j + 1 != i] for i, those in earlier.items()}
    return {
        "uniform": even,
        "previous": previous,
        "first": rows(n, lambda _: {0: 1}),
        "offset 2": rows(n, lambda i: {max(i - 2, 0): 1}),
        "65 first, 35 previous": 0.65 * rows(n, lambda _: {0: 1}) + 0.35 * previous,
        "half previous, half uniform": (previous + even) / 2,
        "induction": rows(n, lambda i: dict.fromkeys(after[i], 1 / len(after[i])) if after[i] else {0: 1}),
        "duplicate": rows(n, lambda i: dict.fromkeys(earlier[i], 1 / len(earlier[i])) if earlier[i] else {0: 1}),
        "identity": torch.eye(n),
        "last": rows(n, lambda i: {(i if causal else n - 1): 1}),
        "next": torch.eye(n) if causal else rows(n, lambda i: {min(i + 1, n - 1): 1}),
    }


EXPECTED = {
    "uniform": "Bag-of-Words",
    "previous": "Previous-Token",
    "first": "First/Positional",
    "offset 2": "First/Positional",
    "65 first, 35 previous": "First/Positional",
    "half previous, half uniform": "Previous-Token",
    "induction": "Induction",
    "duplicate": "Duplicate-Token",
    "identity": "Self",
    "last": "First/Positional",
    "next": "Next-Token",
}


def table_of(n, *, causal):
    half = [f"t{i}" for i in range((n + 1) // 2)]
    tokens = (half + half[::-1])[:n]  # repeated backwards: at every distance once
    made = heads_of(n, causal=causal, tokens=tokens)
    mask = torch.ones(n, n).tril().bool() if causal else None
    trace = AttentionTrace.from_attentions([torch.stack(list(made.values()))[None]], tokens, mask=mask)
    return made, categorize(trace)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("n", LENGTHS)
def test_heads_of_a_known_kind(n, causal):
    made, table = table_of(n, causal=causal)
    assert bool(table.warning) == (n < 6)
    for at, kind in enumerate(made):
        head = table[0, at]
        expected = "Self" if causal and kind in {"last", "next"} else EXPECTED[kind]
        if n >= 6:
            assert head.category == expected, (kind, head.scores)
            assert kind.startswith(("65", "half")) or head.scores[expected] == pytest.approx(1, abs=1e-5)
    scores = {name: score for name, score in table[0, 0].scores.items() if name != "Bag-of-Words"}  # uniform
    assert all(math.isnan(score) or abs(score) < 1e-5 for score in scores.values()), scores


# Corrected scores, the same for an independent computation in plain Python, and what a reader may expect.
TABLE = {  # 12 tokens, causal: previous, first, bag-of-words, self
    "uniform": (0, 0, 1, 0),
    "previous": (1, -0.10, 0, -0.24),
    "first": (-0.19, 1, 0, -0.24),
    "65 first, 35 previous": (0.23, 0.58, 0.13, -0.24),
    "half previous, half uniform": (0.5, -0.05, 0.38, -0.12),
    "identity": (-0.19, -0.10, 0, 1),
}


def test_table_of_corrected_scores():
    made, table = table_of(12, causal=True)
    for at, kind in enumerate(made):
        scores = table[0, at].scores
        found = [scores[name] for name in ("Previous-Token", "First/Positional", "Bag-of-Words", "Self")]
        if kind in TABLE:
            assert found == pytest.approx(TABLE[kind], abs=0.006), (kind, found)


def by_hand(weights, name):
    """Corrected score of one causal head in plain Python, after the definitions."""
    n = len(weights)
    used = [i for i in range(n) if i >= (2 if name in {"Previous-Token", "first"} else 1)]
    target = {"Previous-Token": lambda i: i - 1, "first": lambda _: 0, "Self": lambda i: i}[name]
    score = sum(float(weights[i][target(i)]) for i in used) / len(used)
    chance = sum(1 / (i + 1) for i in used) / len(used)
    return (score - chance) / (1 - chance)


def test_scores_of_random_heads_follow_the_definitions(monkeypatch):
    monkeypatch.setattr("attnwidget.heads.measure._CELLS", 200)  # several blocks of queries
    n = 23
    torch.manual_seed(0)
    weights = (torch.randn(3, n, n) * 2).masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf).softmax(-1)
    names = [f"t{i}" for i in range(n)]
    table = categorize(AttentionTrace.from_attentions([weights[None]], names, mask="causal"))
    for head in range(3):
        for name in ("Previous-Token", "Self"):
            assert table[0, head].scores[name] == pytest.approx(by_hand(weights[head], name), abs=1e-5)
        assert table[0, head].scores["First/Positional"] >= by_hand(weights[head], "first") - 1e-5


def test_marks_that_hide_keys_change_the_chance():
    """Padding on the left: the first token is the first that is seen, and an even spread is one over those."""
    n, pad = 12, 4
    keep = torch.arange(n) >= pad
    allowed = torch.ones(n, n).tril().bool() & keep
    even = allowed / allowed.sum(-1, keepdim=True).clamp(min=1)
    first = torch.zeros(n, n)
    first[pad:, pad] = 1
    heads = torch.stack([even.float(), first])[None]
    table = categorize(AttentionTrace.from_attentions([heads], [f"t{i}" for i in range(n)], mask=allowed))
    assert table["L0-H0"].category == "Bag-of-Words"
    assert table["L0-H0"].scores["Previous-Token"] == pytest.approx(0, abs=1e-6)
    assert table["L0-H1"].scores["First/Positional"] == pytest.approx(1)


def test_long_texts_are_scored_on_some_queries():
    made, table = table_of(256, causal=True)
    trace = AttentionTrace.from_attentions(
        [torch.stack(list(made.values()))[None]], table.statistics.setting.keys.text, mask="causal"
    )
    done = []
    some = categorize(trace, queries=64, on_layer=lambda *step: done.append(step))
    assert some.warning == "measured on 64 of 256 queries, evenly spread"
    assert some.statistics.queries == some.to_dict()["L0-H0"]["queries"] == 64
    assert "measured on 64 of 256" in repr(some)
    assert done[-1] == (1, 1)
    for one, other in zip(some, table, strict=True):
        assert one.category == other.category
        assert one.scores == pytest.approx(other.scores, abs=0.06, nan_ok=True)


def test_windows_do_not_move_the_first_token():
    n, window = 40, 5
    at = torch.arange(n)
    allowed = (at <= at[:, None]) & (at > at[:, None] - window)
    previous = torch.diag(torch.ones(n - 1), -1)
    previous[0, 0] = 1
    table = categorize(
        AttentionTrace.from_attentions([previous[None, None]], [f"t{i}" for i in range(n)], mask=allowed)
    )
    assert table.statistics.setting.first == 0
    assert table["L0-H0"].scores["Previous-Token"] == pytest.approx(1)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("causal", [True, False])
def test_padding_changes_no_score(side, causal):
    n, pad = 12, 28
    made, table = table_of(n, causal=causal)
    where = slice(pad, pad + n) if side == "left" else slice(0, n)
    keep = torch.zeros(n + pad, dtype=torch.bool)
    keep[where] = True
    allowed = keep.expand(n + pad, -1) & (torch.ones(n + pad, n + pad).tril().bool() if causal else True)
    padded = allowed / allowed.sum(-1, keepdim=True).clamp(min=1)  # padding looks at all that it may
    heads = padded.repeat(len(made), 1, 1)
    heads[:, where, where] = torch.stack(list(made.values()))
    tokens = ["<pad>"] * (n + pad)
    tokens[where] = table.statistics.setting.keys.text
    found = categorize(AttentionTrace.from_attentions([heads[None]], tokens, mask=allowed))
    for one, other in zip(found, table, strict=True):
        assert one.category == other.category
        assert one.scores == pytest.approx(other.scores, abs=1e-5, nan_ok=True)


def test_a_padded_source_of_cross_attention():
    source = "ten letters, and more"
    trace = capture(
        ZOO["BART"][3](),
        source,
        text_target="ab",
        tokenizer=tiny.tokenizer(),
        attention_mask=[0] * 10 + [1] * (len(source) - 10),
    )
    found = categorize(trace, attention="cross")
    assert found.statistics.setting.first == 10
    assert not found.scores[[one.name for one in BUILT_IN].index("First/Positional")].isnan().any()


def test_punctuation_and_cross_attention():
    tokens = ["a", ",", "b", ".", "c", "[SEP]"]
    marks = torch.zeros(6, 6)
    marks[:, 1] = 1
    table = categorize(AttentionTrace.from_attentions([marks[None, None]], tokens))
    assert table["L0-H0"].category == "Separator/Punctuation"
    cross = torch.full((1, 1, 3, 6), 1 / 6)
    trace = AttentionTrace.from_attentions(
        None,
        source_tokens=tokens,
        target_tokens=["x", "y", "z"],
        cross=[cross],
        encoder=[marks[None, None]],
        decoder=[torch.eye(3)[None, None]],
    )
    found = categorize(trace, attention="cross")["L0-H0"]
    assert found.category == "Bag-of-Words"
    assert math.isnan(found.scores["Previous-Token"])


def test_a_users_own_categories():
    made, _ = table_of(12, causal=False)
    at = list(made).index("offset 2")
    trace = AttentionTrace.from_attentions([torch.stack(list(made.values()))[None]], [f"t{i}" for i in range(12)])
    mine = [
        Category.of_pattern("Two back", "Looks two tokens back.", Offset(-2, from_row=3), colour="#123456"),
        Category("Far", "Looks far.", lambda found: found.distance / len(found.setting.keys.text)),
        Category.of_pattern("Self", "Mine.", Keys(lambda setting: setting.marks), threshold=0.9),
    ]
    table = categorize(trace, categories=mine)
    assert [one.name for one in table.categories] == [*(one.name for one in BUILT_IN), "Two back", "Far"]
    assert table[0, at].scores["Two back"] == pytest.approx(1)
    assert table.heads("Two back", main=False) == [f"L0-H{at}"]
    with pytest.raises(ValueError, match="must be"):
        categorize(trace, categories=[Category("Wrong", "", lambda _: torch.zeros(3))])
    for wrong in ({"name": "Other"}, {"threshold": 0}, {"colour": "red"}):
        with pytest.raises(ValueError, match=r"category|threshold|colour"):
            Category(**{"name": "x", "meaning": "", "score": lambda _: None} | wrong)


def test_table_is_read_in_many_ways():
    _, table = table_of(12, causal=True)
    assert table.heads("Previous-Token")[0] == "L0-H1"
    assert table["L0-H1"].category == table[0, 1].category
    told = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    assert told["L0-H1"]["category"] == "Previous-Token"
    assert told["L0-H1"]["scores"]["Next-Token"] is None
    assert "Previous-Token: " in repr(table)
    assert len(list(table)) == len(table) == 11
    with pytest.raises(KeyError, match="Induction"):
        table.heads("Inductive")
    with pytest.raises(KeyError, match="L4-H11"):
        table["layer 3"]
    with pytest.raises(IndexError, match="1 layers"):
        table["L3-H0"]


def test_a_long_text_is_sampled_unless_all_is_asked_for(monkeypatch):
    monkeypatch.setattr("attnwidget.heads.table.LONG", 40)
    monkeypatch.setattr("attnwidget.heads.table.SAMPLED", 20)
    made, _ = table_of(64, causal=True)
    weights = [torch.stack(list(made.values()))[None]]
    trace = AttentionTrace.from_attentions(weights, [f"t{at % 30}" for at in range(64)], mask="causal")
    assert categorize(trace).statistics.queries == 20
    assert categorize(trace).warning == "measured on 20 of 64 queries, evenly spread"
    whole = categorize(trace, queries="all")
    assert (whole.statistics.queries, whole.statistics.is_sampled, whole.warning) == (64, False, "")
    assert whole.to_dict()["L0-H0"]["queries"] == 64
    short = AttentionTrace.from_attentions([one[..., :40, :40] for one in weights], list("ab") * 20, mask="causal")
    assert not categorize(short).statistics.is_sampled
    for wrong in (0, -1, "some", True, 2.5):
        with pytest.raises(ValueError, match='1 or more, or "all"'):
            categorize(trace, queries=wrong)
