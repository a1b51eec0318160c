"""Which head tells: every head's number of one pair."""

import math

import numpy as np
import pytest
import torch

import attnwidget
import tiny
from attnwidget import AttentionTrace
from attnwidget.capture import capture
from attnwidget.head_id import HeadId
from attnwidget.trace import ranking as ranking_module
from attnwidget.wire import schema
from attnwidget.wire.profile import profile

TEXT = "The animal didn't cross the road because it was too tired"
INF = float("inf")


@pytest.fixture(scope="module")
def trace() -> AttentionTrace:
    model, tokenizer = attnwidget.load_model("demo/causal")
    return capture(model, TEXT, tokenizer=tokenizer)


@pytest.fixture(scope="module")
def own():
    """The model's own weights, (layers, heads, n, n)."""
    model, tokenizer = attnwidget.load_model("demo/causal")
    model.set_attn_implementation("eager")
    with torch.no_grad():
        found = model(**tokenizer(TEXT, return_tensors="pt"), output_attentions=True).attentions
    return torch.stack(found)[:, 0]


def by_head(ranking, shape):
    grid = torch.full(shape, math.nan)
    for name, value in zip(ranking.heads, ranking.values.tolist(), strict=True):
        layer, head = (int(part[1:]) for part in name.split("-"))
        grid[layer, head] = value
    return grid


def test_a_pair_has_the_models_own_weight_in_every_head(trace, own):
    it, animal = trace.tokens.index("it"), trace.tokens.index("animal")
    ranking = trace.rank(it, animal)
    torch.testing.assert_close(by_head(ranking, own.shape[:2]), own[:, :, it, animal])
    assert ranking.heads[0] == "L3-H0"
    assert ranking.values.tolist() == sorted(ranking.values.tolist(), reverse=True)
    assert ranking.strongest is None
    assert not ranking.forbidden


def test_tokens_are_named_by_what_stands_there(trace):
    assert trace.rank("it", "animal").heads == trace.rank(8, 1).heads
    assert trace.rank(np.int64(8), np.array([1])).heads == trace.rank(8, 1).heads
    assert "it → animal" in repr(trace.rank("it", "animal"))
    with pytest.raises(ValueError, match="no token or word reads 'It'; there are 'it'"):
        trace.rank("It", "animal")
    with pytest.raises(IndexError, match="out of range: 0 to 11"):
        trace.rank(12, 0)
    with pytest.raises(ValueError, match="name one"):
        trace.rank(None)
    with pytest.raises(ValueError, match="no position"):
        trace.rank([], 1)


def test_only_a_query_tells_each_heads_strongest_key(trace, own):
    ranking = trace.rank("it")
    values, keys = own[:, :, 8].max(-1)
    torch.testing.assert_close(by_head(ranking, own.shape[:2]), values)
    for name, key, label in zip(ranking.heads, ranking.strongest, ranking.labels, strict=True):
        layer, head = (int(part[1:]) for part in name.split("-"))
        assert key == int(keys[layer, head])
        assert label == trace.tokens[key]


def test_only_a_key_tells_each_heads_strongest_query(trace, own):
    torch.testing.assert_close(by_head(trace.rank(None, "animal"), own.shape[:2]), own[..., 1].amax(-1))


def test_several_count_together_as_a_mean_of_sums(trace, own):
    ranking = trace.rank(["it", "tired"], [0, 1, 1])
    expected = own[:, :, [8, 11]][..., [0, 1]].sum(-1).mean(-1)
    torch.testing.assert_close(by_head(ranking, own.shape[:2]), expected)


def test_scores_of_several_keys_are_taken_together_by_their_exponentials(trace):
    ranking = trace.rank("it", [0, 1], measure="scores")
    expected = torch.stack([trace.scores(layer)[:, 8, :2].exp().sum(-1).log() for layer in range(4)])
    torch.testing.assert_close(by_head(ranking, (4, 8)), expected)


@pytest.mark.parametrize("words", [False, True])
def test_a_grid_in_words_is_what_is_drawn_of_words(trace, words):
    from attnwidget.wire.tiles import tile

    word = trace.words[-1]
    tokens = [at for at, number in enumerate(trace.words) if number == word]
    drawn = tile(trace, [(2, head) for head in range(8)], words=True)[:, word]  # (heads, words)
    grid = trace.pair_grid(tokens, None, words=words)
    if words:
        torch.testing.assert_close(grid.values[2], drawn.amax(-1))
        assert grid.strongest[2].tolist() == drawn.argmax(-1).tolist()
    both = trace.pair_grid(tokens, tokens).values[2]
    torch.testing.assert_close(both, drawn[:, word])


def test_a_word_that_sees_itself_in_part_counts_as_it_is_drawn():
    from attnwidget.wire.tiles import tile

    model, tokenizer = attnwidget.load_model("demo/causal")
    trace = capture(model, "Unhappinesses overwhelmingly misunderstood", tokenizer=tokenizer)
    first = [at for at, number in enumerate(trace.words) if number == 0]
    assert len(first) > 1
    drawn = tile(trace, [(layer, head) for layer in range(4) for head in range(8)], words=True).unflatten(0, (4, 8))
    later = trace.pair_grid(None, first[1:], words=True).values
    by_token = torch.stack([trace.weights(layer) for layer in range(4)])  # (layers, heads, n, n)
    expected = torch.stack(
        [
            by_token[:, :, [at for at, one in enumerate(trace.words) if one == word]][..., first[1:]].sum(-1).mean(-1)
            for word in range(drawn.shape[-1])
        ],
        -1,
    ).amax(-1)
    torch.testing.assert_close(later, expected)
    torch.testing.assert_close(trace.pair_grid(None, first, words=True).values, drawn[..., 0].amax(-1))


def test_a_pair_that_the_mask_forbids_says_why(trace):
    ranking = trace.rank("animal", "it")
    assert set(ranking.values.tolist()) == {-INF}
    assert ranking.forbidden == "“animal” cannot see “it”, which comes after it: this model reads from left to right"
    assert ranking.forbidden in repr(ranking)


def given(allowed, **options):
    """A trace of weights over what is allowed, (n, n)."""
    n = len(allowed)
    weights = torch.rand(2, 3, n, n).masked_fill(~allowed, 0)
    weights /= weights.sum(-1, keepdim=True).clamp(min=1e-9)
    return AttentionTrace.from_attentions(weights, [f"t{at}" for at in range(n)], mask=allowed, **options)


def test_other_masks_have_other_reasons():
    n = 8
    away = torch.arange(n)[:, None] - torch.arange(n)  # (n, n): how far the key lies back
    assert "sees no further than 2" in given((away >= 0) & (away < 3)).rank(6, 1).forbidden
    assert "sees no further than 1" in given(away.abs() < 2).rank(1, 4).forbidden
    padded = torch.ones(n, n, dtype=torch.bool)
    padded[:, 5:] = False
    assert given(padded).rank(1, 6).forbidden == "“t6” is hidden from every token, as padding is"
    own = torch.rand(n, n, generator=torch.Generator().manual_seed(0)) > 0.5
    own.fill_diagonal_(fill_value=True)
    query, key = (~own).nonzero()[0].tolist()
    assert "the mask hides" in given(own).rank(query, key).forbidden
    blind = torch.ones(n, n, dtype=torch.bool)
    blind[3] = False
    assert given(blind).rank(3).forbidden == "every token is hidden from it"


def test_an_encoder_decoder_is_ranked_across_its_attentions():
    model, tokenizer = attnwidget.load_model("demo/fr-en")
    trace = capture(model, "Le chat noir dort", tokenizer=tokenizer)
    ranking = trace.rank(2, 1)
    assert set(ranking.attentions) == {"encoder", "decoder", "cross"}
    assert len(ranking) == 36
    for name, attention, value in zip(ranking.heads, ranking.attentions, ranking.values.tolist(), strict=True):
        layer, head = (int(part[1:]) for part in name.split("-"))
        assert value == pytest.approx(float(trace.weights(layer, head, attention=attention)[2, 1]), rel=1e-5)
    assert set(trace.rank("black", "noir").attentions) == {"cross"}
    assert set(trace.rank(2, 1, attention="cross").attentions) == {"cross"}


def test_a_measure_that_is_lacking_says_so():
    weights_only = given(torch.ones(4, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="no scores"):
        weights_only.rank(1, 2, measure="scores")


def test_numbers_that_the_model_did_not_compute_come_last():
    weights = torch.full((1, 3, 2, 2), 0.5)
    weights[0, 0] = math.nan
    ranking = AttentionTrace.from_attentions(weights, ["a", "b"]).rank(0, 1)
    assert ranking.heads[-1] == "L0-H0"
    assert math.isnan(ranking.values[-1])


def test_a_table(trace):
    pandas = pytest.importorskip("pandas", reason="pandas is an extra")
    frame = trace.rank("it").to_pandas()
    assert list(frame.columns) == ["layer", "head", "attention", "value", "strongest", "token"]
    assert isinstance(frame, pandas.DataFrame)


def test_half_precision_and_grouped_queries_rank_too():
    model = tiny.llama()
    trace = capture(model.bfloat16(), "One two three", tokenizer=tiny.tokenizer())
    assert len(trace.rank(2, 0)) == len(trace.rank(2))


# -- a profile: what is pinned against everything on the other side ---------------------------------------------------


def profiled(trace, **about):
    ask = schema.Profile(id="a-1", **{"heads": [HeadId(3, 0)], "queries": [], "keys": [], **about})
    reply, data = profile(trace, "self", ask, 1, lambda *_: None)
    return torch.from_numpy(np.frombuffer(data, np.float32).reshape(reply.shape).copy())


def test_a_profile_is_the_models_own_row_or_column(trace, own, monkeypatch):
    monkeypatch.setattr(ranking_module, "_BAND", 7)  # computed in pieces, and put together again
    n = len(trace.tokens)
    forbidden = torch.ones(n, n).triu(1).bool()
    theirs = own.masked_fill(forbidden, -INF)
    heads = [HeadId(3, 0), HeadId(0, 2), HeadId(3, 5)]
    rows = profiled(trace, heads=heads, queries=[8])
    torch.testing.assert_close(rows, torch.stack([theirs[layer, head, 8] for layer, head in heads]))
    columns = profiled(trace, heads=heads, keys=[1])
    torch.testing.assert_close(columns, torch.stack([theirs[layer, head, :, 1] for layer, head in heads]))


def test_several_pins_and_many_heads_are_taken_together(trace, own):
    n = len(trace.tokens)
    forbidden = torch.ones(n, n).triu(1).bool()
    mean = own[3, 0, [8, 11]].mean(0).masked_fill(forbidden[[8, 11]].all(0), -INF)
    torch.testing.assert_close(profiled(trace, queries=[8, 11])[0], mean)
    torch.testing.assert_close(profiled(trace, queries=[8, 11], combine="sum")[0], 2 * mean)
    both = own[3, 0][:, [1, 4]].sum(1).masked_fill(forbidden[:, [1, 4]].all(1), -INF)
    torch.testing.assert_close(profiled(trace, keys=[1, 4])[0], both)
    every = [HeadId(layer, head) for layer in range(4) for head in range(8)]
    row = own[:, :, 8].flatten(0, 1)
    for together, expected in (("mean", row.mean(0)), ("maximum", row.max(0).values)):
        found, *strongest = profiled(trace, heads=every, queries=[8], together=together)
        torch.testing.assert_close(found, expected.masked_fill(forbidden[8], -INF))
        if together == "maximum":  # and whose each is
            assert torch.equal(strongest[0][:9].long(), row.max(0).indices[:9])


def test_a_profile_over_words_adds_up_their_pieces(trace, own):
    found = profiled(trace, queries=[8], words=True)[0]
    words = torch.tensor(trace.words)
    expected = torch.zeros(int(words.max()) + 1).index_add_(0, words, own[3, 0, 8])
    torch.testing.assert_close(found[found > -INF], expected[found > -INF])
    assert found.shape == expected.shape


@pytest.mark.parametrize("about", [{}, {"queries": [1], "keys": [0]}, {"heads": [], "queries": [1]}])
def test_a_profile_is_of_one_side(trace, about):
    with pytest.raises(ValueError, match="pinned queries or pinned keys"):
        profiled(trace, **about)
