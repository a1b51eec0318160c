"""`from_qkv` with W_O, and with the weights that q and k should give: against what a model computes itself."""

import pytest
import torch
from torch.nn import functional
from transformers.models.llama import modeling_llama

import tiny
from attnwidget import AttentionWidget
from attnwidget.trace import AttentionTrace

TOKENS = list("abcdefg")


@pytest.fixture(scope="module")
def llama():
    """Queries and keys of a Llama before and after the rotation, values, and what its attention returned."""
    model = tiny.llama(attn_implementation="eager")
    seen = {name: [] for name in ("plain q", "plain k", "q", "k", "v", "output")}
    rotate = modeling_llama.apply_rotary_pos_emb

    def watch(q, k, *args, **options):
        turned = rotate(q, k, *args, **options)
        for name, one in zip(("plain q", "plain k", "q", "k"), (q, k, *turned), strict=True):
            seen[name].append(one[0])
        return turned

    for layer in model.layers:
        attention = layer.self_attn
        attention.v_proj.register_forward_hook(lambda _m, _a, v: seen["v"].append(v[0].view(7, 2, 8).transpose(0, 1)))
        attention.o_proj.register_forward_hook(lambda _m, _a, out: seen["output"].append(out[0]))
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(modeling_llama, "apply_rotary_pos_emb", watch)
        outputs = model(torch.arange(7)[None] + 5, output_attentions=True)
    tensors = {name: torch.stack(those) for name, those in seen.items()}
    w_o = torch.stack([layer.self_attn.o_proj.weight.detach().T for layer in model.layers])  # (layers, 32, 32)
    return tensors | {"weights": outputs.attentions, "w_o": w_o}


@pytest.mark.parametrize("by_head", [True, False])
def test_the_breakdown_goes_on_to_what_the_layer_returns(llama, by_head):
    weight = llama["w_o"].view(3, 4, 8, 32) if by_head else llama["w_o"]
    bias = torch.randn(3, 32)
    qkv = llama["q"], llama["k"], llama["v"]
    trace = AttentionTrace.from_qkv(*qkv, TOKENS, "causal", output_weight=weight, output_bias=bias)
    steps = trace.breakdown(1, 2, query=5)
    torch.testing.assert_close(steps.output, llama["output"][1, 5] + bias[1], atol=1e-5, rtol=0)
    torch.testing.assert_close(steps.contributions.sum(0) + bias[1], steps.output)
    assert (steps.attention_output, steps.max_difference, steps.missing) == (None, None, "")
    assert "not known" in repr(steps)
    several = trace.breakdown(1, 2, query=[5, 6], combine="sum")
    torch.testing.assert_close(several.output, llama["output"][1, 5:7].sum(0) + 2 * bias[1], atol=1e-5, rtol=0)
    norms = trace.measure("norms", 1, 2)
    torch.testing.assert_close(norms[5], steps.norms.masked_fill(~steps.allowed, -torch.inf))
    widget = AttentionWidget(trace, view="breakdown", heads=["L1-H2"], queries=[5])
    assert widget._breakdown["projected"]["state"] == "ready"
    assert "contribution" in widget._breakdown["arrays"]
    assert "attentionOutput" not in widget._breakdown["arrays"]


def test_an_output_weight_that_does_not_fit_is_refused(llama):
    qkv = llama["q"], llama["k"], llama["v"]
    for wrong, message in (
        (torch.zeros(3, 30, 32), r"expected output_weight of shape \(3, 4, 8, d_model\) or \(3, 32, d_model\)"),
        (torch.zeros(2, 32, 32), r"got \(2, 32, 32\)"),
        (torch.zeros(3, 20, 32), r"pass weight\.T"),
    ):
        with pytest.raises(ValueError, match=message):
            AttentionTrace.from_qkv(*qkv, TOKENS, "causal", output_weight=wrong)
    with pytest.raises(ValueError, match=r"expected output_bias of shape \(3, 32\), .* got \(32,\)"):
        AttentionTrace.from_qkv(*qkv, TOKENS, output_weight=llama["w_o"], output_bias=torch.zeros(32))
    with pytest.raises(ValueError, match="goes with output_weight"):
        AttentionTrace.from_qkv(*qkv, TOKENS, output_bias=torch.zeros(3, 32))


def test_queries_and_keys_are_held_against_the_model_s_weights(llama):
    right, plain = ((llama[f"{name}q"], llama[f"{name}k"], llama["v"]) for name in ("", "plain "))
    trace = AttentionTrace.from_qkv(*right, TOKENS, "causal", weights=llama["weights"])
    assert trace.max_error <= 1e-5
    with pytest.raises(ValueError, match=r"layer 0: they differ by up to 0\.\d+; .*before the rotation") as caught:
        AttentionTrace.from_qkv(*plain, TOKENS, "causal", weights=llama["weights"])
    # the figure is the model's own
    products = llama["plain q"][0] @ llama["plain k"][0].repeat_interleave(2, 0).transpose(1, 2) * 8**-0.5
    mine = products.masked_fill(~torch.ones(7, 7).bool().tril(), -torch.inf).softmax(-1)
    assert f"{float((mine - llama['weights'][0][0]).abs().max()):.2g}" in str(caught.value)


def test_it_says_which_mask_or_scale_would_do(llama):
    qkv = llama["q"], llama["k"], llama["v"]
    with pytest.raises(ValueError, match='with mask="causal" they would be the same'):
        AttentionTrace.from_qkv(*qkv, TOKENS, weights=llama["weights"])
    scaled = qkv[0] * 8**-0.5, *qkv[1:]
    with pytest.raises(ValueError, match=r"with scale=1\.0 they would be the same"):
        AttentionTrace.from_qkv(*scaled, TOKENS, "causal", weights=llama["weights"])
    with pytest.raises(ValueError, match=r"3 layers × 4 heads, got 2 × 4"):
        AttentionTrace.from_qkv(*qkv, TOKENS, "causal", weights=llama["weights"][:2])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_may_round(dtype):
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 2, 7, 8).to(dtype) for _ in range(3))
    weights = (q @ k.transpose(-1, -2) * 8**-0.5).softmax(-1)
    assert AttentionTrace.from_qkv(q, k, v, TOKENS, weights=weights).max_error < 0.1
    other = functional.normalize(k, dim=-1)
    with pytest.raises(ValueError, match="before a norm"):
        AttentionTrace.from_qkv(q, other, v, TOKENS, weights=weights)


def test_a_number_that_is_none_is_no_difference(llama):
    q = llama["q"].clone()
    q[0, 0, 3] = torch.nan
    weights = [one.clone() for one in llama["weights"]]
    weights[0][0, 0, 3] = torch.nan
    qkv = q, llama["k"], llama["v"]
    assert AttentionTrace.from_qkv(*qkv, TOKENS, "causal", weights=weights).max_error <= 1e-5
    with pytest.raises(ValueError, match="layer 0: one of the two is not a number"):
        AttentionTrace.from_qkv(*qkv, TOKENS, "causal", weights=llama["weights"])
