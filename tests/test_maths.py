"""The arithmetic, against direct formulas written here."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from attnwidget import maths
from attnwidget.maths import ALL, Mask, QKVLayer, pool

sizes = st.integers(1, 9)


def normal(*shape, seed=0, scale=1.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=generator, dtype=dtype)


@st.composite
def layers(draw, dtype=torch.float64, spread=(0.1, 1.0, 30.0)):
    """A layer with all kinds of masks, a bias, a softcap, sinks, shared key heads; and its mask."""
    groups, per_group = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    heads, n, d, d_v = groups * per_group, draw(sizes), draw(sizes), draw(sizes)
    seed = draw(st.integers(0, 999))
    before, after = (draw(st.none() | st.integers(0, 4)) for _ in range(2))
    keep = normal(n, seed=seed + 1) > -0.5 if draw(st.booleans()) else None
    dense = normal(heads, n, n, seed=seed + 2) > -1 if draw(st.booleans()) else None
    factor = draw(st.sampled_from(spread))
    layer = QKVLayer(
        normal(heads, n, d, seed=seed + 3, scale=factor, dtype=dtype),
        normal(groups, n, d, seed=seed + 4, dtype=dtype),
        normal(groups, n, d_v, seed=seed + 5, dtype=dtype),
        scale=d**-0.5,
        softcap=draw(st.none() | st.just(3.0)),
        bias=normal(heads, 1, n, seed=seed + 6, dtype=dtype) if draw(st.booleans()) else None,
        mask=Mask(before, after, keep, dense),
        sinks=normal(heads, seed=seed + 7, dtype=dtype) if draw(st.booleans()) else None,
    )
    allowed = torch.tensor(
        [
            [
                [
                    (before is None or i - j <= before)
                    and (after is None or j - i <= after)
                    and (keep is None or bool(keep[j]))
                    and (dense is None or bool(dense[h, i, j]))
                    for j in range(n)
                ]
                for i in range(n)
            ]
            for h in range(heads)
        ]
    )
    return layer, allowed


def direct(layer, allowed):
    """Softmax attention by the book: scores and weights, whole, from repeated keys."""
    heads = layer.q.shape[0]
    k = layer.k.repeat_interleave(heads // layer.k.shape[0], dim=0)
    s = torch.einsum("hid,hjd->hij", layer.q, k) * layer.scale
    if layer.softcap is not None:
        s = layer.softcap * (s / layer.softcap).tanh()
    if layer.bias is not None:
        s = s + layer.bias
    s = s.masked_fill(~allowed, -math.inf)
    if layer.sinks is None:
        return s, s.softmax(-1).nan_to_num(0)
    sinks = layer.sinks[:, None, None].expand(-1, s.shape[1], 1)
    return s, torch.cat([s, sinks], -1).softmax(-1)[..., :-1]


@given(layers())
@settings(max_examples=60, deadline=None)
def test_layer_equals_direct_formula(drawn):
    layer, allowed = drawn
    s, w = direct(layer, allowed)
    assert torch.equal(layer.allowed(ALL, ALL, ALL).expand_as(allowed), allowed)
    torch.testing.assert_close(layer.scores(ALL, ALL, ALL), s)
    torch.testing.assert_close(layer.weights(ALL, ALL, ALL), w)


@given(layers(), st.data())
@settings(max_examples=60, deadline=None)
def test_tile_equals_slice_of_whole(drawn, data):
    layer, _ = drawn

    def index(size):
        start, stop = sorted(data.draw(st.tuples(st.integers(0, size), st.integers(0, size))))
        chosen = data.draw(st.lists(st.integers(0, size - 1), max_size=4))
        return data.draw(st.sampled_from([slice(start, stop), torch.tensor(chosen).long()]))

    heads, rows, columns = map(index, layer.shape)
    for ask in (layer.scores, layer.weights):
        whole = ask(ALL, ALL, ALL)[heads][:, rows][:, :, columns]
        torch.testing.assert_close(ask(heads, rows, columns), whole)


@given(layers())
@settings(max_examples=40, deadline=None)
def test_rows_sum_to_one_or_are_forbidden(drawn):
    layer, allowed = drawn
    w = layer.weights(ALL, ALL, ALL)
    sums = w.sum(-1)
    if layer.sinks is None:
        torch.testing.assert_close(sums, allowed.any(-1).to(sums))
    assert (sums <= 1 + 1e-9).all()
    assert not w.isnan().any()
    assert (w[~allowed] == 0).all()


@given(layers(), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_heads_do_not_mix(drawn, random):
    layer, _ = drawn
    order = list(range(layer.shape[0]))
    random.shuffle(order)
    shuffled = layer.weights(torch.tensor(order), ALL, ALL)
    torch.testing.assert_close(shuffled, layer.weights(ALL, ALL, ALL)[order])


@given(st.integers(1, 3), sizes, st.integers(1, 20), st.integers(1, 7), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_streamed_log_sum_exp_equals_direct(heads, n, m, width, seed):
    scores = normal(heads, n, m, seed=seed, scale=10)
    scores = scores.masked_fill(normal(heads, n, m, seed=seed + 1) > 0.5, -math.inf)
    streamed = maths.log_sum_exp(scores[..., at : at + width] for at in range(0, m, width))
    torch.testing.assert_close(streamed, scores.exp().sum(-1).log())


def test_long_rows_take_several_blocks(monkeypatch):
    monkeypatch.setattr("attnwidget.maths.layers._BLOCK", 4096)
    q, k = normal(2, 5, 4), normal(2, 2500, 4)
    layer = QKVLayer(q, k, k, scale=0.5)
    expected = (q @ k.transpose(1, 2) * 0.5).logsumexp(-1)
    torch.testing.assert_close(layer.lse, expected)


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_scores(size):
    scores = torch.tensor([[[size, size, -1e4, -math.inf]]])
    w = maths.weights(scores, maths.log_sum_exp([scores]))
    torch.testing.assert_close(w, scores.softmax(-1), atol=1e-3, rtol=0)
    scores = scores.double()
    w = maths.weights(scores, maths.log_sum_exp([scores]))
    torch.testing.assert_close(w, scores.softmax(-1))


def test_nan_is_not_hidden():
    k = normal(1, 3, 2)
    k[0, 1] = math.nan
    w = QKVLayer(normal(1, 3, 2), k, k, 1.0, mask=Mask(after=0)).weights(ALL, ALL, ALL)
    assert w[0, 0].tolist() == [1, 0, 0]
    assert w[0, 1:, :2].isnan().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    q, k = normal(2, 4, 8, dtype=torch.float32).to(dtype), normal(2, 4, 8, seed=1).to(dtype)
    w = QKVLayer(q, k, k, 1.0).weights(ALL, ALL, ALL)
    assert w.dtype == torch.float32
    torch.testing.assert_close(w, (q.float() @ k.float().transpose(1, 2)).softmax(-1))


def test_no_block_is_an_error():
    with pytest.raises(ValueError, match="at least one block"):
        maths.log_sum_exp([])


# --- masks ------------------------------------------------------------------------------


@given(layers())
@settings(max_examples=40, deadline=None)
def test_rule_found_from_matrix_says_the_same(drawn):
    layer, allowed = drawn
    positions = torch.arange(layer.shape[1])
    for matrix in (allowed, allowed[0]):
        found = Mask.from_dense(matrix).allowed(positions, positions)
        assert torch.equal(found.expand(allowed.shape), matrix.expand(allowed.shape))


def band(n, before, after, keep=None):
    i, j = torch.arange(n)[:, None], torch.arange(n)
    return (i - j <= before) & (j - i <= after) & (torch.ones(n).bool() if keep is None else keep)


@pytest.mark.parametrize(
    ("matrix", "before", "after", "padded"),
    [
        (band(8, 99, 0), None, 0, False),
        (band(8, 99, 99), None, None, False),
        (band(8, 2, 0), 2, 0, False),
        (band(8, 2, 2), 2, 2, False),
        (band(8, 99, 0, torch.arange(8) >= 3), None, 0, True),
        (band(8, 99, 0, torch.arange(8) < 6), None, 0, True),
        (band(8, 99, 99, torch.arange(8) < 6), None, None, True),
        (band(8, 2, 0, torch.arange(8) >= 3), 2, 0, True),
        (torch.zeros(4, 4).bool(), None, None, True),
    ],
)
def test_usual_masks_become_rules(matrix, before, after, padded):
    mask = Mask.from_dense(matrix[None].expand(3, -1, -1))
    assert (mask.before, mask.after, mask.keep is not None) == (before, after, padded)
    assert mask.dense is None


def test_odd_mask_stays_a_matrix():
    matrix = torch.tensor([[1, 0, 1], [0, 1, 0], [1, 0, 1]]).bool()
    assert torch.equal(Mask.from_dense(matrix).dense, matrix)


# --- words and pictures -----------------------------------------------------------------


def test_words_sum_over_keys_and_mean_over_queries():
    w = torch.tensor([[[1.0, 0, 0], [0.3, 0.7, 0], [0.2, 0.3, 0.5]]])
    merged, allowed = maths.merge_words(w, w > 0, [0, 0, 1], [0, 0, 1])
    torch.testing.assert_close(merged, torch.tensor([[[1.0, 0], [0.5, 0.5]]]))
    assert allowed.tolist() == [[[True, False], [True, True]]]


def test_padding_piece_does_not_attend():
    w = torch.tensor([[[0.0, 0], [0.4, 0.6]]])
    allowed = torch.tensor([[[False, False], [True, True]]])
    merged, _ = maths.merge_words(w, allowed, [0, 0], [0, 1])
    torch.testing.assert_close(merged, torch.tensor([[[0.4, 0.6]]]))


@given(st.lists(st.integers(1, 3), min_size=1, max_size=5), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_merged_rows_keep_their_sum(pieces, seed):
    words = [word for word, count in enumerate(pieces) for _ in range(count)]
    w = normal(2, len(words), len(words), seed=seed).softmax(-1)
    merged, allowed = maths.merge_words(w, torch.ones_like(w).bool(), words, words)
    assert merged.shape == (2, len(pieces), len(pieces))
    torch.testing.assert_close(merged.sum(-1), torch.ones(2, len(pieces)).double())
    assert allowed.all()


def test_word_numbers_must_fit():
    with pytest.raises(ValueError, match="3 queries and 3 keys, got 2 and 3"):
        maths.merge_words(torch.ones(1, 3, 3), torch.ones(1, 3, 3).bool(), [0, 1], [0, 0, 1])


@given(sizes, st.integers(1, 25), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_pool_is_maximum_of_each_block(n, m, size, seed):
    w = normal(2, n, m, seed=seed)
    allowed = normal(1, n, m, seed=seed + 1) > 1
    w = w.masked_fill(~allowed, -math.inf)
    pooled = maths.max_pool(w, size)
    assert pooled.shape == (2, min(n, size), min(m, size))
    expected = torch.full_like(pooled, -math.inf)
    for i in range(n):
        for j in range(m):
            at = (slice(None), i * size // n if n > size else i, j * size // m if m > size else j)
            expected[at] = torch.maximum(expected[at], w[:, i, j])
    assert torch.equal(pooled, expected)


def test_pool_does_not_hide_nan():
    w = torch.zeros(1, 4, 4)
    w[0, 3, 3] = math.nan
    pooled = maths.max_pool(w, 2)
    assert pooled.isnan().tolist() == [[[False, False], [False, True]]]
    with pytest.raises(ValueError, match="at least 1"):
        maths.max_pool(w, 0)


@given(st.tuples(st.integers(1, 7), sizes, st.integers(1, 25)), sizes, st.integers(1, 60), st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_pool_of_tiles_is_the_pool_of_the_whole(shape, size, most, seed):
    _, n, m = shape
    allowed = normal(*shape, seed=seed + 1) > 1
    w = normal(*shape, seed=seed).masked_fill(~allowed, -math.inf)
    w[0, n // 2, m // 2] = math.nan
    largest = []

    def tile(some, rows):
        largest.append(w[some, rows].numel())
        reach = (w[some, rows] != -math.inf).flatten(0, 1).any(0).nonzero()[:, 0].tolist() or [0]
        keys = slice(reach[0], reach[-1] + 1)
        return w[some, rows, keys], keys

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "_TILE", most)
        found = maths.max_pool_tiles(tile, shape, size)
    torch.testing.assert_close(found, maths.max_pool(w, size), rtol=0, atol=0, equal_nan=True)
    assert max(largest) <= max(most, m)  # a row of a head is the least
    assert sum(largest) == w.numel()  # each is seen once


@given(st.integers(1, 90), st.integers(1, 40), st.integers(1, 12), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_pool_of_some_rows_puts_each_into_the_cell_of_its_position(n, count, size, seed):
    w = normal(2, n, 5, seed=seed)
    rows = maths.spread(n, count, 2) if count > 2 else maths.spread(n, count)
    found = maths.max_pool_tiles(lambda some, at: (w[some][:, rows[at]], slice(0, 5)), (2, n, 5), size, rows)
    chosen = torch.full_like(w, -math.inf)
    chosen[:, rows] = w[:, rows]
    assert torch.equal(found, maths.max_pool(chosen, size))


@given(st.integers(1, 5000), st.integers(1, 600), st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_what_is_spread_is_even_and_has_the_ends(n, count, last):
    assume(count > last)
    found = maths.spread(n, count, last).tolist()
    assert found == sorted(set(found))
    assert len(found) == min(n, count)
    assert {0, *range(max(0, n - last), n)} <= set(found)
    gaps = [b - a for a, b in pairwise(found[: len(found) - last + 1])]
    assert not gaps or max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize(
    "mask", [Mask(), Mask(after=0), Mask(before=3, after=0), Mask(before=2), Mask(after=-2), Mask(before=-1, after=4)]
)
def test_beyond_the_reach_nothing_is_allowed(mask):
    for queries in ([0], [9], [2, 3, 4], [0, 7], [19]):
        first, stop = mask.reach(torch.tensor(queries), 12)
        allowed = mask.allowed(torch.tensor(queries), torch.arange(12))[0]
        outside = torch.tensor([not first <= key < stop for key in range(12)])
        assert not allowed[:, outside].any()
        assert stop == first or mask.before is mask.after is None or allowed[:, first].any()
