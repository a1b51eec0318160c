"""A piece of a long text costs its own size: nothing of n × n is made on the way."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

import tiny
from attnwidget.capture import capture
from attnwidget.capture.rule_mask import RuleMask
from attnwidget.maths import Mask, QKVLayer
from attnwidget.tokens import describe
from attnwidget.trace import AttentionTrace
from zoo import ZOO


class Largest(TorchDispatchMode):
    """Watches every operation of torch, and keeps the largest tensor that came out."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **kwargs or {})
        for one in result if isinstance(result, (list, tuple)) else [result]:
            if isinstance(one, torch.Tensor) and one.untyped_storage().nbytes() > one.element_size():
                self.numel = max(self.numel, one.untyped_storage().nbytes() // one.element_size())
        return result


N, D, HEADS = 32_768, 8, 2
RULES = {
    "causal": Mask(after=0),
    "window": Mask(before=1023, after=0),
    "padding": Mask(after=0, keep=torch.arange(N) >= 100),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_tile_of_a_long_text(rule):
    torch.manual_seed(0)
    q, k, v = torch.randn(3, HEADS, N, D)
    lse = torch.zeros(HEADS, N)  # as a kernel gives it along
    layer = QKVLayer(q, k, v, D**-0.5, mask=RULES[rule], known_lse=lse)
    trace = AttentionTrace({"self": [layer]}, describe(["a"] * N))
    rows, columns = slice(N - 512, N), slice(N - 1024, N - 512)
    for queries, keys, size in ((rows, columns, 512 * 512), (N - 1, None, N), ([5, 20_000], slice(0, 4096), 8192)):
        with Largest() as seen:
            found = trace.weights(0, 1, queries=queries, keys=keys)
        # operands in memory already, the tile, and positions of 8 bytes for each of its pairs
        assert seen.numel <= max(q.untyped_storage().nbytes() // 4, 2 * size + N)
        at = torch.arange(N)
        i = at[queries].reshape(-1, 1)
        j = at if keys is None else at[keys]
        allowed = (j <= i) & (j > i - 1024 if rule == "window" else True) & (j >= 100 if rule == "padding" else True)
        scores = (q[1, i[:, 0]] @ k[1, j].T) * D**-0.5
        torch.testing.assert_close(found.reshape(len(i), -1), scores.exp() * allowed)


@pytest.mark.parametrize("queries", [N - 1, slice(100, 164)])
def test_rows_of_given_queries_and_keys_cost_those_rows(queries):
    """Nothing is known of the rows' sums here, and only theirs are computed."""
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, HEADS, N, D)
    trace = AttentionTrace.from_qkv(q, k, v, ["a"] * N, mask="causal")
    rows = 1 if isinstance(queries, int) else 64
    for head in range(HEADS):
        with FlopCounterMode(display=False) as spent:
            found = trace.weights(0, head, queries=queries)
        assert spent.get_total_flops() <= 2 * (2 * rows * N * D)  # once for the sums, once for the weights
        torch.testing.assert_close(found.sum(-1), torch.ones(found.shape[:-1]))
    with FlopCounterMode(display=False) as spent:
        again = trace.weights(0, HEADS - 1, queries=queries)
    assert spent.get_total_flops() <= 2 * rows * N * D
    assert torch.equal(again, found)


def test_rows_asked_in_inference_mode_and_outside():
    q, k, v = torch.randn(3, 1, 2, 9, D)
    trace = AttentionTrace.from_qkv(q, k, v, ["a"] * 9, mask="causal")
    with torch.inference_mode():
        first = trace.weights(0, 0, queries=3)
    assert torch.equal(trace.weights(0, 0, queries=[3, 4])[0], first)


@pytest.mark.parametrize("padding", [0, 100])
@pytest.mark.parametrize("name", ["Llama", "Mistral", "Gemma-2", "gpt-oss", "ModernBERT"])
def test_a_capture_makes_nothing_of_all_pairs(name, padding):
    n = 6000
    model = ZOO[name][3](max_position_embeddings=n)
    mask = [0] * padding + [1] * (n - padding)
    with Largest() as seen:
        trace = capture(model, "a" * n, tokenizer=tiny.tokenizer(), attention_mask=mask)
    assert seen.numel < n * n
    assert trace.max_error <= 1e-4
    assert all(tensor is None or tensor.numel() < n * n for layer in trace._layers["self"] for tensor in layer.tensors)


def test_a_rule_is_written_out_where_a_model_computes_with_its_mask():
    rule = Mask(before=2, after=0, keep=torch.arange(6) >= 1)
    mask = RuleMask(rule, 6, 6, torch.device("cpu"))
    i, j = torch.arange(6)[:, None], torch.arange(6)
    matrix = ((i - j <= 2) & (j <= i) & (j >= 1))[None, None]
    assert mask.shape == matrix.shape
    for change in (lambda x: x[:, :, 1:, :4], lambda x: ~x, lambda x: x & matrix, lambda x: torch.where(x, 0.0, -1.0)):
        assert torch.equal(change(mask), change(matrix))
    moved = mask.to("meta")  # stands for another GPU
    assert (type(moved), moved.rule, moved.device.type) == (RuleMask, rule, "meta")
