"""Where attention stands in a model: what is known of each architecture, and every word that is said of it."""

from __future__ import annotations

import pickle
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
import torch

import tiny
import zoo
from attnwidget import AttentionTrace, capture, load_model
from attnwidget.trace.pipeline import pipeline
from attnwidget.trace.structure import Part, Stack, Structure

if TYPE_CHECKING:
    from pathlib import Path

    from attnwidget.trace.pipeline import Pipeline

TEXT, TARGET = "The cat sat.", "it was."
PRE, POST = "norm ▸ attention → norm ▸ MLP", "attention → norm → MLP → norm"
SIDE_BY_SIDE = "norm ▸ attention + norm ▸ MLP"
DECODER = "norm ▸ attention → norm ▸ cross-attention → norm ▸ MLP"
POST_DECODER = "attention → norm → cross-attention → norm → MLP → norm"

# What the papers and the code of these architectures say, where it is not `PRE`.
LAYER = {
    **dict.fromkeys(("GPT-NeoX", "Phi", "Cohere", "GPT-J", "CodeGen", "Falcon", "Falcon with ALiBi"), SIDE_BY_SIDE),
    **dict.fromkeys(("BERT", "RoBERTa", "XLM-RoBERTa", "CamemBERT", "DistilBERT", "ALBERT", "ELECTRA"), POST),
    **dict.fromkeys(("BART", "Marian"), POST),
    **dict.fromkeys(("Gemma-2", "Gemma-3"), "norm ▸ attention ▸ norm → norm ▸ MLP ▸ norm"),
    "OLMo-2": "attention ▸ norm → MLP ▸ norm",
    **dict.fromkeys(("MPNet", "DeBERTa-v2", "XLNet"), "attention → …"),  # weights alone, and no proven W_O
}
POSITIONS = {
    **dict.fromkeys(("GPT-2", "GPT-2 scaled by layer", "GPT-BigCode", "OPT", "XGLM", "GPT-Neo"), "position"),
    **dict.fromkeys(("BERT", "RoBERTa", "XLM-RoBERTa", "CamemBERT"), "position + segment"),
    **dict.fromkeys(("DistilBERT", "BART", "mBART", "Marian", "Pegasus", "M2M-100", "Blenderbot"), "position"),
}
ROTARY = {
    *("GPT-NeoX", "Llama", "Mistral", "Mixtral", "Qwen2", "Qwen3", "Phi", "Phi-3", "Gemma", "Gemma-2", "Gemma-3"),
    *("gpt-oss", "DeepSeek-V3", "OLMo-2", "Cohere", "StableLM", "StarCoder2", "Granite", "SmolLM3", "GPT-J"),
    *("CodeGen", "Falcon", "ModernBERT"),
}
NO_LAST_NORM = {*(name for name, layer in LAYER.items() if layer == POST)}
UNKNOWN_START = {"ALBERT", "ELECTRA"}  # narrow vectors, which a matrix widens


def captured(name: str, **options: Any) -> AttentionTrace:
    kind, _, _, make = zoo.ZOO[name]
    target = {"text_target": TARGET} if kind == zoo.PAIR else {}
    return capture(make(), TEXT, tokenizer=tiny.tokenizer(), **target, **options)


def layer_of(found: Pipeline) -> str:
    """The part of the map that every layer has."""
    first = repr(found).splitlines()[0].replace("*", "")
    return first[first.index("[") + 1 : first.index("]")]


@pytest.mark.parametrize("name", zoo.ZOO)
def test_every_architecture_is_drawn_as_it_is(name: str) -> None:
    trace = captured(name)
    for attention in trace.attentions:
        for layer in range(trace.n_layers(attention)):
            found = trace.pipeline(layer, attention=attention)
            expected = LAYER.get(name, PRE)
            if attention in {"decoder", "cross"}:
                expected = POST_DECODER if expected == POST else DECODER
            if name == "ModernBERT" and layer == 0:
                expected = "attention → norm ▸ MLP"  # its embedding is normed already
            assert layer_of(found) == expected
            start = found.stops[1].name
            if "…" in expected:
                assert start == "…"
                assert "not known" in found.sentence
                continue
            assert start == (f"embedding + {POSITIONS[name]}" if name in POSITIONS else "embedding")
            assert ("rotary" in found.paragraph) == (name in ROTARY)
            known_start = name in POSITIONS or name in UNKNOWN_START
            assert ("nothing is added to it for its position" in found.paragraph) != known_start
            after = [stop.name for stop in found.stops if not stop.in_layer][-2:]
            assert (after[0] == "norm" and "normed once more" in found.paragraph) == (name not in NO_LAST_NORM)
            assert sum(stop.here for stop in found.stops) == 1
            assert found.paragraph.count("side by side") == (expected == SIDE_BY_SIDE)


def test_a_block_with_the_mlp_beside_can_have_it_behind() -> None:
    trace = capture(zoo.make("GPTNeoX", use_parallel_residual=False), TEXT, tokenizer=tiny.tokenizer())
    assert layer_of(trace.pipeline(1)) == PRE


def test_a_layer_without_rotation_says_so() -> None:
    model = zoo.make("SmolLM3", num_key_value_heads=2, no_rope_layers=[1, 0, 1])
    trace = capture(model, TEXT, tokenizer=tiny.tokenizer())
    assert ["rotary" in trace.pipeline(layer).paragraph for layer in range(3)] == [True, False, True]


def test_the_bundled_models() -> None:
    model, tokenizer = load_model("demo/causal")
    trace = capture(model, "The bank of the river", tokenizer=tokenizer)
    assert repr(trace.pipeline(2)).splitlines()[0] == (
        "tokens → embedding → [norm ▸ *attention* → norm ▸ MLP] × 4 → norm → next token"
    )
    model, tokenizer = load_model("demo/masked")
    trace = capture(model, "The bank of the river", tokenizer=tokenizer)
    assert repr(trace.pipeline(0)).splitlines()[0] == (
        "tokens → embedding + position + segment → norm → [*attention* → norm → MLP → norm] × 4 → token here"
    )
    model, tokenizer = load_model("demo/fr-en")
    trace = capture(model, "le chat noir dort", tokenizer=tokenizer)
    assert [repr(trace.pipeline(2, attention=name)).splitlines()[0] for name in trace.attentions] == [
        "tokens → embedding + position → [*attention* → norm → MLP → norm] × 3 → vectors for the decoder",
        "tokens → embedding + position → [*attention* → norm → cross-attention → norm → MLP → norm] × 3 → next token",
        "tokens → embedding + position → [attention → norm → *cross-attention* → norm → MLP → norm] × 3 → next token",
    ]


def test_what_is_said_at_three_depths() -> None:
    found = captured("GPT-2").pipeline(1)
    assert found.sentence == (
        "You are in the attention of layer 1, one of 3 (counted from 0): it reads the vectors that layer 0 left and "
        "adds to each token's vector what it takes from other tokens' vectors. Then comes the MLP."
    )
    assert found.paragraph.startswith("Each token has a learned vector, to which one for its position is added.")
    assert "What a part reads is normed, the line itself is not." in found.paragraph
    assert "the MLP works on each token by itself" in found.paragraph
    assert found.formula == (
        "x = x_token + x_position · x ← x + Attention(Norm(x)) · x ← x + MLP(Norm(x)) · at the end Norm(x)"
    )
    post = captured("BERT").pipeline(0)
    assert "reads the vectors of the embedding" in post.sentence
    assert "the sum is normed each time" in post.paragraph
    assert post.formula.endswith("x ← Norm(x + Attention(x)) · x ← Norm(x + MLP(x))")
    beside = captured("GPT-J").pipeline(0)
    assert "The MLP beside it reads the same vectors, and both are added together." in beside.sentence
    assert "x ← x + Attention(Norm(x)) + MLP(Norm(x))" in beside.formula
    assert "Norm(Attention(Norm(x)))" in captured("Gemma-2").pipeline(0).formula
    biased = captured("T5").pipeline(0, attention="decoder")
    assert "as a bias on their score" in biased.paragraph
    crossed = captured("T5").pipeline(0, attention="cross")
    assert "reads what the attention before it left" in crossed.sentence
    assert "what it takes from the encoder's vectors" in crossed.sentence
    assert "x ← x + CrossAttention(Norm(x), y)" in crossed.formula
    assert "the decoder reads them by its cross-attention" in captured("T5").pipeline(0, attention="encoder").paragraph


def test_the_formula_is_what_the_model_computes() -> None:
    """The residual stream by hand, part by part, of two kinds of block."""
    for name, attention_first in (("GPT-2", True), ("GPT-NeoX", False)):
        model = zoo.ZOO[name][3]()
        ids = torch.tensor([tiny.tokenizer()(TEXT)["input_ids"]])
        with torch.no_grad():
            states = model(ids, output_hidden_states=True).hidden_states
            block = model.h[1] if name == "GPT-2" else model.layers[1]
            x = states[1]
            parts: dict[str, torch.Tensor] = {}
            hooks = [
                module.register_forward_hook(
                    lambda _m, _a, out, key=key, parts=parts: parts.__setitem__(
                        key, out[0] if isinstance(out, tuple) else out
                    )
                )
                for key, module in (("attention", getattr(block, "attn", None) or block.attention), ("mlp", block.mlp))
            ]
            model(ids)
            for hook in hooks:
                hook.remove()
            middle = x + parts["attention"]
            norm = block.ln_2 if attention_first else block.post_attention_layernorm
            assert torch.allclose(block.mlp(norm(middle if attention_first else x)), parts["mlp"], atol=1e-5)
            assert torch.allclose(middle + parts["mlp"], states[2], atol=1e-5)


def test_without_a_model_less_is_said(tmp_path: Path) -> None:
    q = torch.randn(2, 2, 3, 4)
    plain = AttentionTrace.from_qkv(q, q, q, list("abc"))
    found = plain.pipeline(1)
    assert repr(found).splitlines()[0] == "tokens → … → [*attention* → …] × 2 → … → vectors"
    assert found.sentence.endswith("What stands around it is not known here.")
    assert "not known" in found.paragraph
    whole = captured("GPT-2")
    before = whole.pipeline(0, run=False)
    assert "not known" in before.sentence  # nobody has run the model for it
    known = whole.pipeline(0)
    again = pickle.loads(pickle.dumps(whole))
    assert again.pipeline(0, run=False).stops[:-1] == known.stops[:-1]
    whole.save(tmp_path / "trace.safetensors")
    assert "not known" in AttentionTrace.load(tmp_path / "trace.safetensors").pipeline(0).sentence


def test_a_model_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = tiny.gpt2(), tiny.tokenizer()
    first = capture(model, "a b", tokenizer=tokenizer).pipeline(0)

    def never(*_: Any) -> None:
        raise AssertionError("the model was run again")

    monkeypatch.setattr(import_module("attnwidget.capture.rerun"), "find_structure", never)
    assert capture(model, "c d e", tokenizer=tokenizer).pipeline(0) == first


def test_of_a_part_that_mixes_tokens_nobody_says_mlp() -> None:
    block = ((Part("attention", before=True),), (Part("part", before=True),))
    structure = Structure({"self": Stack((block,), ("token",))}, {"self": (False,)})
    q = torch.randn(1, 2, 3, 4)
    found = pipeline(AttentionTrace.from_qkv(q, q, q, list("abc")), 0, "self", structure)
    assert "MLP" not in found.sentence + found.paragraph + found.formula
    assert "the only one" in found.sentence
    assert "Then comes the next part." in found.sentence


class _Mixing(torch.nn.Module):
    """An MLP that looks at the token before, too."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.inner(hidden + hidden.roll(1, dims=1))


def test_a_mixing_part_in_the_mlps_place_is_found_out() -> None:
    model = tiny.gpt2()
    model.h[1].mlp = _Mixing(model.h[1].mlp)
    trace = capture(model, TEXT, tokenizer=tiny.tokenizer())
    assert [layer_of(trace.pipeline(layer)) for layer in range(3)] == [
        PRE,
        "norm ▸ attention → norm ▸ part",
        PRE,
    ]
