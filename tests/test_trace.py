"""`AttentionTrace`: slicing, other people's tensors, and what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from attnwidget.trace import AttentionTrace

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"
TOKENS = ["The", "Ġcat", "Ġsat", "Ġdown", "."]


def random_qkv():
    layers, heads, groups, n, d, d_v = 2, 4, 2, len(TOKENS), 6, 3
    torch.manual_seed(0)
    return (
        torch.randn(layers, heads, n, d),
        torch.randn(layers, groups, n, d),
        torch.randn(layers, groups, n, d_v),
    )


@pytest.fixture
def trace():
    return AttentionTrace.from_qkv(*random_qkv(), TOKENS, mask="causal")


def test_describes_itself(trace):
    assert trace.tokens == ["The", "cat", "sat", "down", "."]
    assert trace.raw_tokens == TOKENS
    assert trace.special == [False] * 5
    assert trace.words == [0, 1, 2, 3, 4]
    assert trace.word_texts == trace.tokens
    assert (trace.attentions, trace.n_layers(), trace.n_heads("self")) == (("self",), 2, 4)
    assert trace.has_qkv
    assert trace.causal
    assert trace.max_error is None
    assert repr(trace) == "AttentionTrace(5 tokens, 2 layers × 4 heads, 0.0 MB)"


@pytest.mark.parametrize("mask", [None, "causal", "matrix", "keys"])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_from_qkv_is_softmax_attention(mask, scale):
    q, k, v = random_qkv()
    n = len(TOKENS)
    allowed = {
        None: torch.ones(n, n).bool(),
        "causal": torch.ones(n, n).bool().tril(),
        "matrix": torch.rand(n, n) > 0.4,
        "keys": torch.tensor([1, 1, 0, 1, 0]).bool(),
    }[mask]
    given = allowed if mask in {"matrix", "keys"} else mask
    trace = AttentionTrace.from_qkv(q, k, v, TOKENS, mask=given, scale=scale)
    products = q @ k.repeat_interleave(2, dim=1).transpose(-1, -2)
    scores = products * (6**-0.5 if scale is None else scale)
    scores = scores.masked_fill(~allowed, -torch.inf)
    for layer in range(2):
        torch.testing.assert_close(trace.scores(layer), scores[layer])
        expected = scores[layer].softmax(-1).nan_to_num(0)
        torch.testing.assert_close(trace.weights(layer), expected)
        assert torch.equal(trace.allowed(layer), allowed.expand(4, n, n))


@pytest.mark.parametrize("method", ["weights", "scores", "allowed"])
@pytest.mark.parametrize("index", [None, 0, -1, slice(1, 3), slice(None, None, -2), [3, 0, 0], [], slice(9, 20)])
def test_parts_index_as_tensors_do(trace, method, index):
    ask = getattr(trace, method)
    whole = ask(1)

    def at(tensor, dim):
        positions = list(range(tensor.shape[dim]))
        if index is None:
            return tensor
        if isinstance(index, int):
            return tensor.select(dim, positions[index])
        chosen = positions[index] if isinstance(index, slice) else index
        return tensor.index_select(dim, torch.tensor(chosen).long())

    torch.testing.assert_close(ask(1, queries=index), at(whole, 1))
    torch.testing.assert_close(ask(1, keys=index), at(whole, 2))
    torch.testing.assert_close(ask(1, index), at(whole, 0))
    torch.testing.assert_close(ask(1, -2, queries=index), at(whole[2], 0))
    torch.testing.assert_close(ask(1, 2, queries=[1, 2], keys=index), at(whole[2, 1:3], 1))
    assert torch.equal(ask(-1), whole)
    assert ask(1, 0, queries=1, keys=0).shape == ()


def test_qkv_of_a_head_is_its_group(trace):
    q, k, v = random_qkv()
    for head in range(4):
        for found, expected in zip(trace.qkv(1, head), (q, k, v), strict=True):
            group = head if expected is q else head // 2
            assert torch.equal(found, expected[1, group])


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda t: t.weights(2), IndexError, "layer 2 does not exist; expected -2 … 1"),
        (lambda t: t.weights(-3), IndexError, "layer -3"),
        (lambda t: t.weights([0]), TypeError, "layer must be one int"),
        (lambda t: t.weights(0, 4), IndexError, "head 4 does not exist; expected -4 … 3"),
        (lambda t: t.weights(0, queries=5), IndexError, "query 5 does not exist; expected -5 … 4"),
        (lambda t: t.weights(0, keys=[0, -6]), IndexError, "key -6"),
        (lambda t: t.weights(0, queries=1.5), TypeError, "query must be an int, a slice"),
        (lambda t: t.weights(0, queries="ab"), TypeError, "query must be an int, a slice"),
        (lambda t: t.weights(0, attention="cross"), ValueError, r"one of \('self',\), got 'cross'"),
        (lambda t: t.qkv(0, slice(0, 2)), TypeError, "head must be one int"),
        (lambda t: t.n_heads("encoder"), ValueError, "got 'encoder'"),
    ],
)
def test_wrong_places_name_the_range(trace, ask, error, message):
    with pytest.raises(error, match=message):
        ask(trace)


def test_nbytes_counts_storage_once():
    fused = torch.randn(1, 3, 5, 6)
    q, k, v = (fused[:, i : i + 1] for i in range(3))
    assert AttentionTrace.from_qkv(q, k, v, TOKENS).nbytes == fused.nbytes


# --- weights alone ----------------------------------------------------------------------


def causal_weights(layers=2, heads=3, n=5):
    scores = torch.randn(layers, heads, n, n).masked_fill(~torch.ones(n, n).bool().tril(), -1e30)
    return scores.softmax(-1)


@pytest.mark.parametrize(
    "form",
    [
        lambda w: w,
        tuple,
        lambda w: [layer[None] for layer in w],
        lambda w: w[:, None],
        lambda w: w.numpy(),
        lambda w: [layer.numpy() for layer in w],
        lambda w: w.requires_grad_(),
    ],
)
def test_from_attentions_gives_the_weights_back(form):
    w = causal_weights()
    trace = AttentionTrace.from_attentions(form(w), TOKENS)
    for layer in range(2):
        assert torch.equal(trace.weights(layer), w[layer].detach())
        assert not trace.weights(layer).requires_grad
    assert (trace.n_layers(), trace.n_heads(), trace.has_qkv) == (2, 3, False)
    assert torch.equal(trace.weights(0, 1, queries=[4, 0], keys=2), w[0, 1, [4, 0], 2].detach())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(dtype):
    w = causal_weights().to(dtype)
    found = AttentionTrace.from_attentions(w, TOKENS).weights(0)
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert torch.equal(found, w[0].to(found.dtype))


def test_forbidden_pairs_of_weights():
    w, triangle = causal_weights(), torch.ones(5, 5).bool().tril()
    make = AttentionTrace.from_attentions
    assert torch.equal(make(w, TOKENS).allowed(0, 0), triangle)  # all above the diagonal is 0
    w[1, 0, 0, 4] = 1e-30
    assert make(w, TOKENS).allowed(0).all()
    assert torch.equal(make(w, TOKENS, mask="causal").allowed(0, 0), triangle)
    keys = torch.tensor([1, 1, 1, 0, 0]).bool()
    assert torch.equal(make(w, TOKENS, mask=keys).allowed(0, 0), keys.expand(5, 5))
    w[1, 0, 0, 4] = torch.nan
    assert make(w, TOKENS).allowed(0).all()
    assert make(w, TOKENS).weights(1).isnan().sum() == 1
    assert make(torch.ones(1, 1, 1, 1), ["a"]).causal is False


def test_weights_alone_say_what_is_missing():
    trace = AttentionTrace.from_attentions(causal_weights(), TOKENS)
    with pytest.raises(ValueError, match="this trace has no scores: it was made from attention weights"):
        trace.scores(0)
    with pytest.raises(ValueError, match="has no queries, keys and values"):
        trace.qkv(0, 0)


@pytest.mark.parametrize(
    ("attentions", "message"),
    [
        (None, r'no layer; reload the model with attn_implementation="eager"'),
        ((), "no layer"),
        ([torch.ones(2, 5, 5), None], r"None in layer 1; reload .* or use attnwidget.capture"),
        (torch.ones(1, 2, 4, 4), r"layer 0 has shape \(2, 4, 4\); expected \(heads, 5, 5\)"),
        (torch.ones(2, 5, 5), r"layer 0 has shape \(5, 5\).* must be in a list"),
        ([torch.ones(3, 2, 5, 5)], r"batch of 3 texts.*a\[:1\]"),
        ([torch.ones(2, 5, 5).long()], "expected floating-point numbers, got torch.int64"),
    ],
)
def test_wrong_attentions(attentions, message):
    with pytest.raises(ValueError, match=message):
        AttentionTrace.from_attentions(attentions, TOKENS)


def test_wrong_qkv_and_masks():
    q, k, v = random_qkv()
    make = AttentionTrace.from_qkv
    with pytest.raises(ValueError, match=r"expected q of shape \(layers, heads, 5, d\).*got \(4, "):
        make(q[0], k, v, TOKENS)
    with pytest.raises(ValueError, match=r"for 4 tokens, got \(2, 4, 5, 6\)"):
        make(q, k, v, TOKENS[:4])
    with pytest.raises(ValueError, match="same number of layers"):
        make(q, k[:1], v, TOKENS)
    with pytest.raises(ValueError, match="as many heads as q"):
        make(q[:, :3], k, v, TOKENS)
    with pytest.raises(ValueError, match="same last dimension"):
        make(q, k[..., :2], v, TOKENS)
    with pytest.raises(ValueError, match='"causal", a bool tensor or None'):
        make(q, k, v, TOKENS, mask="diagonal")
    with pytest.raises(ValueError, match=r"bool mask of shape \(5,\) or \(5, 5\).*float32"):
        make(q, k, v, TOKENS, mask=torch.ones(5, 5))


@pytest.mark.parametrize("number", [0, 1])
def test_real_gpt2(number):
    path = REFERENCE / f"gpt2_attention_{number}.npz"
    if not path.exists():
        pytest.skip(f"{path.name}, the reference recorded by others, is not beside this clone")
    data = np.load(path)
    trace = AttentionTrace.from_attentions(data["weights"], [str(t) for t in data["tokens"]])
    assert (trace.n_layers(), trace.n_heads(), trace.causal) == (12, 12, True)
    for layer in range(12):
        assert np.array_equal(trace.weights(layer).numpy(), data["weights"][layer])
    # L4-H11 is GPT-2's well-known previous-token head
    previous = trace.weights(4, 11).diagonal(-1)
    assert previous.mean() > 0.8
    rows = torch.arange(len(trace.tokens) - 1) + 1
    assert torch.equal(trace.weights(4, 11).argmax(-1)[1:], rows - 1)


def test_a_weight_that_the_mask_forbids_is_none() -> None:
    """Eager attention spreads the row of a query that sees nothing evenly over what it may not see."""
    weights = torch.full((1, 2, 3, 3), 1 / 3)
    trace = AttentionTrace.from_attentions(weights, ["a", "b", "c"], mask="causal")
    torch.testing.assert_close(trace.weights(0), weights[0].tril())


def test_a_causal_mask_of_blocks_is_still_causal() -> None:
    q, k, v = torch.randn(3, 1, 1, 6, 4)
    blocks = torch.block_diag(*[torch.ones(3, 3)] * 2).bool()
    trace = AttentionTrace.from_qkv(q, k, v, list("abcdef"), mask=blocks.tril())
    assert trace.causal
    assert torch.equal(trace.allowed(0, 0), blocks.tril())


@pytest.mark.parametrize(
    ("attentions", "tokens", "says"),
    [
        ({"attentions": ()}, ["a"], "outputs.attentions"),
        ([torch.ones(1, 1, 1)], [5], "convert_ids_to_tokens"),
        ([torch.ones(2, 1, 1), torch.ones(3, 1, 1)], ["a"], "same number of heads"),
    ],
)
def test_what_was_handed_over_by_mistake_is_named(attentions: object, tokens: list[str], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        AttentionTrace.from_attentions(attentions, tokens)


def test_some_layers_of_weights():
    given = [None, torch.eye(3)[None], torch.ones(1, 3, 3) / 3]
    trace = AttentionTrace.from_attentions(given, ["a", "b", "c"], layers=[2], segments=[0, 0, 1])
    assert (trace.n_layers(), trace.kept(), trace.segments) == (3, [2], [0, 0, 1])
    assert not trace.causal  # layer 1, which is left out, has no say
    assert not trace.has_qkv
    with pytest.raises(ValueError, match="left out"):
        trace.weights(1)
    for wrong in ([], [3], [-1]):
        with pytest.raises(ValueError, match="layers must be numbers from 0 to 2"):
            AttentionTrace.from_attentions(given, ["a", "b", "c"], layers=wrong)
    with pytest.raises(ValueError, match="segments: expected 3 numbers"):
        AttentionTrace.from_attentions(given[1:], ["a", "b", "c"], segments=[0])


def test_some_layers_of_several_attentions():
    """One that has none of them is left away."""
    encoder, cross = [torch.eye(2)[None]], [torch.ones(1, 1, 2) / 2] * 3
    sides = {"source_tokens": ["a", "b"], "target_tokens": ["c"]}
    trace = AttentionTrace.from_attentions(encoder=encoder, cross=cross, layers=[1, 2], **sides)
    assert trace.attentions == ("cross",)
    assert trace.kept("cross") == [1, 2]
    with pytest.raises(TypeError, match="without attentions, tokens, mask and segments"):
        AttentionTrace.from_attentions(encoder=encoder, segments=[0], **sides)
