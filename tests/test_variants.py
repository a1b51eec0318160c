"""Attention variants: identities, torch's own attention, loops, masks, tiles, and what they say of themselves."""

import math
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from attnwidget import masks, variants
from attnwidget.variants.core import Identity

NAMES = [one.name for one in variants.ALL]
WITH_WEIGHTS = [name for name in NAMES if name != "flash"]


def operands(heads=4, key_heads=4, n=7, m=7, *, d_k=6, d_v=5, dtype=torch.float64, seed=0):
    draw = torch.Generator().manual_seed(seed)
    shapes = (heads, n, d_k), (key_heads, m, d_k), (key_heads, m, d_v)
    return tuple(torch.randn(shape, generator=draw, dtype=torch.float64).to(dtype) for shape in shapes)


def assert_same(found, expected, within=1e-6):
    torch.testing.assert_close(found, expected, rtol=0, atol=within, equal_nan=True)


# Identities


@pytest.mark.parametrize("variant", variants.ALL, ids=NAMES)
@settings(max_examples=12, deadline=None)
@given(
    heads=st.sampled_from([(2, 2), (2, 1), (4, 4), (4, 2)]),
    n=st.integers(1, 9),
    d=st.tuples(st.integers(1, 6), st.integers(1, 5)),
    seed=st.integers(0, 99),
)
def test_every_identity_holds(variant, heads, n, d, seed):
    q, k, v = operands(*heads, n, n, d_k=d[0], d_v=d[1], seed=seed)
    for identity in variant.identities:
        assert identity.difference(q, k, v) < 1e-6, identity.sentence


@pytest.mark.parametrize("variant", variants.ALL, ids=NAMES)
def test_identities_hold_between_two_texts(variant):
    q, k, v = operands(n=5, m=8)
    if not variant.one_text:
        assert all(identity.difference(q, k, v) < 1e-6 for identity in variant.identities)


def test_an_identity_that_does_not_hold_shows_how_far_it_is_off():
    q, k, v = operands()
    assert Identity("q ≡ q + 0.5", "", lambda q, _k, _v: (q, q + 0.5)).difference(q, k, v) == pytest.approx(0.5)
    one_sided = Identity("a number ≡ none", "", lambda q, _k, _v: (q, q * torch.nan))
    assert math.isnan(one_sided.difference(q, k, v))
    assert Identity("none ≡ none", "", lambda q, _k, _v: (q * torch.nan, q * torch.nan)).difference(q, k, v) == 0
    assert Identity("∞ ≡ ∞", "", lambda q, _k, _v: (q + torch.inf, q + torch.inf)).difference(q, k, v) == 0


def test_an_identity_is_computed_in_float64():
    assert variants.FLASH.identities[0].difference(*operands(dtype=torch.bfloat16)) < 1e-12


# Torch's own


@pytest.mark.parametrize("spec", [None, "causal", "window:3", "prefix:2", "blocks:3", "bigbird:1,1,1"])
@pytest.mark.parametrize("key_heads", [4, 2, 1])
def test_the_scaled_dot_product_is_torchs(spec, key_heads):
    q, k, v = operands(key_heads=key_heads, n=9, m=9)
    mask = None if spec is None else masks.preset(spec, 9)
    expected = scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
    for name in ("scaled_dot_product", "multi_head", "flash"):
        assert_same(variants.get(name).function(q, k, v, mask=spec).output, expected)
    assert_same(variants.grouped_query(q, k, v, key_heads, mask=mask).output, expected)
    assert_same(
        variants.unscaled(q, k, v, mask=spec).output,
        scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0, enable_gqa=True),
    )


def test_a_mask_of_its_own_for_each_head():
    q, k, v = operands()
    each = torch.stack([masks.preset(spec, 7) for spec in ("none", "causal", "window:2", "blocks:3")])
    expected = scaled_dot_product_attention(q, k, v, attn_mask=each)
    assert_same(variants.scaled_dot_product(q, k, v, mask=each).output, expected)
    assert_same(variants.flash(q, k, v, 3, 2, mask=each).output, expected)


def test_multi_head_is_torchs_module():
    module = torch.nn.MultiheadAttention(12, 3, bias=False, batch_first=True, dtype=torch.float64)
    x = torch.randn(1, 6, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected, weights = module(x, x, x, attn_mask=~masks.preset("causal", 6), average_attn_weights=False)
    q, k, v = ((x[0] @ part.T).view(6, 3, 4).transpose(0, 1) for part in module.in_proj_weight.chunk(3))
    found = variants.multi_head(q, k, v, module.out_proj.weight.T, mask="causal")
    assert_same(found.written, expected[0])
    assert_same(found.weights, weights[0])
    with pytest.raises(ValueError, match=r"output_weight must be \(12, d_model\)"):
        variants.multi_head(q, k, v, torch.ones(3, 12))


# Loops


def test_additive_is_its_loop():
    q, k, v = operands(2, 1, 4, 5)
    draw = torch.Generator().manual_seed(1)
    w, u = (torch.randn(2, 6, 3, generator=draw, dtype=torch.float64) for _ in range(2))
    vector = torch.randn(3, generator=draw, dtype=torch.float64)
    found = variants.additive(q, k, v, w_query=w, w_key=u, vector=vector)
    for head in range(2):
        for i in range(4):
            scores = []
            for j in range(5):
                units = [
                    math.tanh(sum(q[head, i, d] * w[head, d, unit] + k[0, j, d] * u[head, d, unit] for d in range(6)))
                    for unit in range(3)
                ]
                scores.append(sum(vector[unit] * units[unit] for unit in range(3)))
            assert_same(found.scores[head, i], torch.stack(scores))
            assert_same(found.output[head, i], torch.stack(scores).softmax(0) @ v[0])


def test_additive_in_blocks_of_rows_is_the_same(monkeypatch):
    q, k, v = operands(n=11)
    whole = variants.additive(q, k, v).output
    monkeypatch.setattr(sys.modules["attnwidget.variants.additive"], "_BLOCK", 1)  # it bears its function's name
    assert torch.equal(variants.additive(q, k, v).output, whole)


@pytest.mark.parametrize("spec", ["none", "causal", "padding-left:2"])
def test_linear_is_its_loop(spec):
    q, k, v = operands(2, 1, 5, 5)
    found, allowed = variants.linear(q, k, v, mask=spec), masks.preset(spec, 5)

    def feature(x):
        return x + 1 if x > 0 else math.exp(x)

    for head in range(2):
        for i in range(5):
            alike = [
                sum(feature(q[head, i, d]) * feature(k[0, j, d]) for d in range(6)) if allowed[i, j] else 0.0
                for j in range(5)
            ]
            expected = sum(alike[j] * v[0, j] for j in range(5)) / sum(alike)
            assert_same(found.output[head, i], expected)
            assert_same(found.weights[head, i].sum(), torch.tensor(1.0, dtype=torch.float64))


def test_linears_state_is_what_the_next_token_reads():
    q, k, v = operands()
    whole = variants.linear(q, k, v, mask="causal", recurrent=True)
    assert whole.weights is None
    asked = torch.nn.functional.elu(q[:, -1]) + 1  # (heads, d_k)
    read = (asked[:, None] @ whole.state)[:, 0] / (asked * whole.total).sum(-1, keepdim=True)  # (heads, d_v)
    assert_same(whole.output[:, -1], read)
    for spec in (None, "window:2"):
        with pytest.raises(ValueError, match="mask='causal'"):
            variants.linear(q, k, v, mask=spec, recurrent=True)


def test_differential_is_its_loop():
    q, k, v = operands(4, 2, 5, 5)
    lam = torch.tensor([0.3, 0.7], dtype=torch.float64)
    found = variants.differential(q, k, v, lam, mask="causal")
    for pair in range(2):
        for i in range(5):
            halves = [
                torch.stack([q[h, i] @ k[h // 2, j] / 6**0.5 for j in range(i + 1)]) for h in (2 * pair, 2 * pair + 1)
            ]
            weights = halves[0].softmax(0) - lam[pair] * halves[1].softmax(0)
            assert_same(found.weights[pair, i, : i + 1], weights)
            assert_same(weights.sum(), 1 - lam[pair])
            values = torch.cat([v[pair, : i + 1], v[pair, : i + 1]], dim=1)
            assert_same(found.output[pair, i], weights @ values)


def test_differential_with_a_mask_for_each_pair():
    q, k, v = operands()
    each = torch.stack([masks.preset(spec, 7) for spec in ("causal", "causal", "window:2", "window:2")])
    found = variants.differential(q, k, v, mask=each)
    assert_same(found.output[0], variants.differential(q[:2], k[:2], v[:2], mask="causal").output[0])
    assert_same(found.output[1], variants.differential(q[2:], k[2:], v[2:], mask="window:2").output[0])


def test_gated_is_its_loop():
    q, k, v = operands(2, 2, 4, 4)
    logits = torch.randn(2, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = variants.gated(q, k, v, logits)
    plain = scaled_dot_product_attention(q, k, v)
    for head in range(2):
        for i in range(4):
            for d in range(5):
                gate = 1 / (1 + math.exp(-logits[head, i, d]))
                assert found.output[head, i, d] == pytest.approx(float(plain[head, i, d]) * gate, abs=1e-9)
    assert_same(variants.gated(q, k, v, logits[..., :1]).gates, logits[..., :1].sigmoid())


def test_the_other_scores_are_their_loops():
    q, k, v = operands(2, 1, 3, 4)
    weight = torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    general, cosine = variants.multiplicative(q, k, v, weight), variants.cosine(q, k, v, temperature=0.5)
    for head in range(2):
        for i in range(3):
            for j in range(4):
                a, b = q[head, i], k[0, j]
                assert_same(general.scores[head, i, j], a @ weight @ b)
                assert_same(cosine.scores[head, i, j], torch.cosine_similarity(a, b, dim=0) / 0.5)


def test_a_vector_without_length_has_cosines_of_0():
    q, k, v = operands()
    q[:, 2] = 0
    assert (variants.cosine(q, k, v).scores[:, 2] == 0).all()
    with pytest.raises(ValueError, match="temperature must be above 0"):
        variants.cosine(q, k, v, temperature=0)


def test_a_sinks_share_is_what_a_row_lacks():
    q, k, v = operands()
    sinks = torch.tensor([-1.0, 0.0, 1.0, 5.0], dtype=torch.float64)
    found = variants.sink(q, k, v, sinks, mask="causal+padding-left:1")
    assert_same(found.weights.sum(-1) + found.share, torch.ones(4, 7, dtype=torch.float64))
    assert (found.share[:, 0] == 1).all()  # the first row sees nothing else
    assert_same(variants.sink(q, k, v, -math.inf, mask="causal+padding-left:1").share, torch.zeros(4, 7).double())


def test_groups_pool_the_mean_of_their_heads():
    q, k, v = operands(6, 6)
    found = variants.grouped_query(q, k, v, 2)
    assert found.groups == (0, 0, 0, 1, 1, 1)
    assert_same(found.keys[1], (k[3] + k[4] + k[5]) / 3)
    assert_same(found.values[0], (v[0] + v[1] + v[2]) / 3)
    assert variants.grouped_query(q, k, v).groups == (0, 0, 1, 1, 2, 2)
    assert variants.multi_query(q, k, v).groups == (0,) * 6
    for wrong in (0, 4, 7, -1):
        with pytest.raises(ValueError, match="one of 1, 2, 3, 6"):
            variants.grouped_query(q, k, v, wrong)


def test_a_longer_latent_is_nearer():
    q, k, v = operands(4, 2, 20, 20)
    exact = variants.multi_head(q, k, v).output
    off = [float((variants.latent(q, k, v, rank).output - exact).abs().mean()) for rank in (1, 5, 10, 20, 30)]
    assert off == sorted(off, reverse=True) or off[-2] < 1e-9
    assert off[-1] < 1e-9 < off[0]
    with pytest.raises(ValueError, match="rank must be 1 or more"):
        variants.latent(q, k, v, 0)
    with pytest.raises(ValueError, match="finite"):
        variants.latent(q, k * torch.nan, v)


@pytest.mark.parametrize("absorbed", [False, True])
def test_latents_of_ones_own(absorbed):
    q, k, v = operands(3, 3)
    latent, up_keys, up_values = variants.compress(k, v, 4)
    found = variants.from_latent(q, latent, up_keys, up_values, absorbed=absorbed, mask="causal")
    expected = variants.scaled_dot_product(q, latent @ up_keys, latent @ up_values, mask="causal")
    assert_same(found.output, expected.output)
    assert found.absorbed is absorbed
    assert not found.rotated
    with pytest.raises(ValueError, match="go together"):
        variants.from_latent(q, latent, up_keys, up_values, q_rotated=q)
    with pytest.raises(ValueError, match=r"expected up_keys \(3, 4, 6\)"):
        variants.from_latent(q, latent, up_keys[:, :2], up_values)


def test_a_layout_opens_blocks():
    q, k, v = operands(n=7, m=7)
    layout = torch.tensor([[True, False, True], [True, True, False], [False, False, True]])
    found = variants.block_sparse(q, k, v, 3, layout)
    assert found.allowed[0, 0].tolist() == [True, True, True, False, False, False, True]
    assert found.allowed[0, 5].tolist() == [True] * 6 + [False]
    with pytest.raises(ValueError, match=r"layout must be \(3, 3\)"):
        variants.block_sparse(q, k, v, 3, layout[:2])
    with pytest.raises(TypeError, match="layout must be bool"):
        variants.block_sparse(q, k, v, 3, layout.float())


# Masks, blind rows, NaN, precision, errors


@pytest.mark.parametrize("variant", variants.ALL, ids=NAMES)
def test_a_row_that_sees_nothing_is_0_and_not_nan(variant):
    found = variant.function(*operands(), mask="causal+padding-left:2")
    assert found.blind == [0, 1]
    assert (found.output[:, :2] == 0).all()
    assert not found.output.isnan().any()
    if found.weights is not None:
        assert (found.weights[:, :2] == 0).all()
        assert (found.weights.masked_select(~found.allowed) == 0).all()
    if found.scores is not None:
        assert (found.scores.masked_select(~found.allowed) == -torch.inf).all()
        assert found.scores.masked_select(found.allowed).isfinite().all()


@pytest.mark.parametrize("variant", variants.ALL, ids=NAMES)
def test_what_is_hidden_changes_nothing(variant):
    q, k, v = operands()
    before = variant.function(q, k, v, mask="causal").output
    k[:, -1], v[:, -1] = 7, -7
    if variant.name == "latent":  # its latents are found for all keys together
        return
    assert_same(variant.function(q, k, v, mask="causal").output[:, :-1], before[:, :-1])


@pytest.mark.parametrize("variant", variants.ALL, ids=NAMES)
def test_nan_stays_nan(variant):
    q, k, v = operands()
    q[:, 3] = torch.nan
    found = variant.function(q, k, v, mask="causal").output
    assert found[:, 3].isnan().all()
    assert not found[:, 4:].isnan().any()
    assert not found[:, :3].isnan().any()


@pytest.mark.parametrize("variant", variants.ALL, ids=NAMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_any_precision_and_nothing_is_written_into(variant, dtype):
    given_ = operands(dtype=dtype)
    copies = [x.clone() for x in given_]
    found = variant.function(*given_, mask="causal")
    assert found.output.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    exact = variant.function(*(x.double() for x in copies), mask="causal")
    assert_same(found.output.double(), exact.output, 1e-4)
    assert all(torch.equal(x, copy) for x, copy in zip(given_, copies, strict=True))


@pytest.mark.parametrize("variant", variants.ALL, ids=NAMES)
def test_wrong_operands_are_told(variant):
    q, k, v = operands()
    with pytest.raises(ValueError, match=r"q must be \(heads, tokens, size\)"):
        variant.function(q[0], k, v)
    with pytest.raises(TypeError, match="k must be a float tensor"):
        variant.function(q, k.long(), v)
    with pytest.raises(ValueError, match="equally long, got 6 and 5"):
        variant.function(q, v, v)
    with pytest.raises(ValueError, match=r"same \(key heads, keys\)"):
        variant.function(q, k, v[:, :3])
    with pytest.raises(ValueError, match="4 query heads cannot share 3"):
        variant.function(q, k[:3], v[:3])
    with pytest.raises(ValueError, match=r"mask must be \(7, 7\) or \(4, 7, 7\)"):
        variant.function(q, k, v, mask=torch.ones(3, 3, dtype=torch.bool))
    with pytest.raises(TypeError, match="a bool tensor"):
        variant.function(q, k, v, mask=torch.ones(7, 7))
    with pytest.raises(ValueError, match="there is no mask 'windy'"):
        variant.function(q, k, v, mask="windy")


def test_settings_that_do_not_fit_are_told():
    q, k, v = operands()
    with pytest.raises(ValueError, match="in pairs, got 3"):
        variants.differential(q[:3], k[:3], v[:3])
    each = torch.stack([masks.preset(spec, 7) for spec in ("none", "causal", "none", "none")])
    with pytest.raises(ValueError, match="same for both heads"):
        variants.differential(q, k, v, mask=each)
    with pytest.raises(ValueError, match=r"vector must be \(8,\)"):
        variants.additive(q, k, v, w_query=torch.ones(6, 8), vector=torch.ones(3))
    with pytest.raises(ValueError, match=r"w_key must be \(6, 8\)"):
        variants.additive(q, k, v, w_key=torch.ones(5, 8))
    with pytest.raises(ValueError, match=r"weight must be \(6, 6\)"):
        variants.multiplicative(q, k, v, torch.ones(5, 6))
    with pytest.raises(ValueError, match=r"gate must be \(4, 7, 5\)"):
        variants.gated(q, k, v, torch.ones(4, 7))
    with pytest.raises(ValueError, match=r"one number or \(4,\)"):
        variants.sink(q, k, v, torch.ones(3))
    with pytest.raises(ValueError, match="block_q and block_k must be 1 or more"):
        variants.flash_steps(q, k, v, block_q=0)
    with pytest.raises(ValueError, match="window:tokens"):
        variants.sliding_window(q, k, v, 0)


# Flash attention as it runs


@pytest.mark.parametrize("block_q", [1, 2, 3, 7, 10])
@pytest.mark.parametrize("block_k", [1, 2, 4, 7, 10])
@pytest.mark.parametrize("spec", [None, "causal", "window:2", "causal+padding-left:3"])
def test_tiles_of_every_size_are_exact(block_q, block_k, spec):
    q, k, v = operands(4, 2)
    found = variants.flash(q, k, v, block_q, block_k, mask=spec)
    exact = variants.scaled_dot_product(q, k, v, mask=spec)
    assert_same(found.output, exact.output, 1e-12)
    assert_same(found.lse, exact.scores.logsumexp(-1), 1e-12)
    assert found.weights is None


def test_each_step_is_attention_over_the_keys_so_far():
    q, k, v = operands(m=10, n=5)
    for step in variants.flash_steps(q, k, v, block_q=2, block_k=3):
        rows = slice(step.queries.start, step.queries.stop)
        so_far = variants.scaled_dot_product(q[:, rows], k[:, : step.keys.stop], v[:, : step.keys.stop])
        assert_same(step.output, so_far.output, 1e-12)
        assert_same(step.maximum, so_far.scores.amax(-1), 1e-12)
        assert_same(step.total, (so_far.scores - step.maximum[..., None]).exp().sum(-1), 1e-12)
        assert_same(step.scores, so_far.scores[..., step.keys.start :], 1e-12)
        assert (step.rescaled <= 1).all()
    assert step.number == 3 * 4 - 1


def test_growing_scores_are_rescaled_and_large_ones_do_not_overflow():
    q, k, v = torch.ones(1, 1, 1), torch.arange(6.0)[None, :, None] * 300, torch.randn(1, 6, 2)
    steps = list(variants.flash_steps(q, k, v, block_k=2))
    assert steps[0].rescaled.item() == 0  # e^(−∞ − maximum): there was nothing before
    assert steps[1].rescaled.item() < 1e-100 or steps[1].rescaled.item() == 0
    assert_same(steps[-1].output[0, 0], v[0, -1])


def test_bytes_are_counted_and_skipped_tiles_cost_none():
    q, k, v = operands(4, 2, 10, 10, dtype=torch.float32)
    sizes = variants.Sizes.of(q, k, v, block_q=4, block_k=3)
    moved, plain = (count for what, count in variants.FLASH.cost.also)
    found = variants.flash(q, k, v, 4, 3)
    assert found.read + found.written == moved(sizes)
    assert found.plain_bytes == plain(sizes)
    assert found.written == 4 * 10 * (5 + 1) * 4
    assert [skipped for *_, skipped in found.tiles] == [False] * 12
    causal = variants.flash(q, k, v, 4, 3, mask="causal")
    skipped = [(rows.start, columns.start) for rows, columns, skipped in causal.tiles if skipped]
    assert skipped == [(0, 6), (0, 9), (4, 9)]
    keys_left_out = 3 + 1 + 1
    assert found.read - causal.read == 4 * keys_left_out * (6 + 5) * 4
    half = variants.flash(*(x.half() for x in (q, k, v)), 4, 3)
    assert (half.read, half.written) == (found.read // 2, found.written // 2)


# What a variant says of itself


@pytest.mark.parametrize("variant", variants.ALL, ids=NAMES)
def test_every_variant_says_what_there_is_to_say(variant):
    assert variant.group in variants.GROUPS
    assert variants.get(variant.name) is variant
    assert getattr(variants, variant.name) is variant.function
    words = (variant.sentence, variant.paragraph, variant.sees, variant.cannot, variant.often_said)
    assert all(text.endswith(".") and "  " not in text for text in words)
    assert len(variant.sentence) < 160 < len(variant.paragraph) < 700
    assert len(variant.depths) == 3
    named = {text for text, is_symbol in variant.formula.pieces if is_symbol}
    assert named == {one.symbol for one in variant.formula.symbols}
    assert len(variant.formula.symbols) == len(named)
    assert "".join(text for text, _ in variant.formula.pieces) == variant.formula.text
    assert variant.formula.text in variant.depths[2]
    assert all(
        source.arxiv.replace(".", "").isdigit() and str(source.year) in str(source) for source in variant.sources
    )
    assert all(identity.other in {"", *NAMES} for identity in variant.identities)
    assert variant.identities
    document = variant.function.__doc__
    assert "Cost:" in document
    assert "Source:" in document
    assert [option.name for option in variant.options] == list(variant.meanings)


def test_the_menu_keeps_groups_together():
    order = [variants.GROUPS.index(one.group) for one in variants.ALL]
    assert order == sorted(order)
    assert len(set(NAMES)) == len(NAMES)
    with pytest.raises(ValueError, match="there is no variant 'linformer'; expected one of scaled_dot_product"):
        variants.get("linformer")


def counts():
    for variant in variants.ALL:
        cost = variant.cost
        yield from ((variant.name, count) for count in (cost.multiplications, cost.activations, cost.cache))
        yield from ((variant.name, count) for _, count in cost.also)


@pytest.mark.parametrize(("name", "count"), list(counts()))
@settings(max_examples=10, deadline=None)
@given(
    lengths=st.tuples(st.integers(1, 40), st.integers(1, 40)), d=st.integers(1, 9), shared=st.sampled_from([1, 2, 4])
)
def test_a_cost_is_what_its_formula_says(name, count, lengths, d, shared):
    n, m = lengths
    sizes = variants.Sizes(n, m, d, d + 1, 4, 4 // shared, window=5, block=3, stride=3, random=2, block_q=3, rank=3)
    own = {"sliding_window": "window:5", "block_sparse": "blocks:3", "strided": "strided:3", "bigbird": "bigbird:2,2,2"}
    space = {field: getattr(sizes, field) for field in sizes.__dataclass_fields__} | {"min": min}
    if name in own:
        space["pairs"] = int(masks.preset(own[name], n, m).sum())
    text = count.text.partition(", with")[0]
    if text.startswith("Σ"):
        expected = space["pairs"]
    else:
        text = text.replace("⌈n / block_q⌉", "-(-n // block_q)").replace(" / ", " // ").replace("·", "*")
        expected = eval(text, space)
    assert count(sizes) == expected


def test_sizes_are_read_off_the_operands():
    sizes = variants.Sizes.of(*operands(4, 2, 3, 8, dtype=torch.float16), window=9)
    assert (sizes.n, sizes.m, sizes.d_k, sizes.d_v, sizes.heads, sizes.key_heads) == (3, 8, 6, 5, 4, 2)
    assert (sizes.window, sizes.itemsize) == (9, 2)
