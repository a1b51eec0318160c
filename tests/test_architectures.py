"""Every architecture of the zoo, against transformers' own eager `output_attentions`."""

from pathlib import Path

import pytest
import torch

import tiny
from attnwidget.capture import UnsupportedModelError, capture
from zoo import ATTENTION_IN_ONE, BOTH, CAUSAL, NO_SUM, PAIR, QKV, ZOO

TOKENIZER = tiny.tokenizer(marks=True)
IDS = TOKENIZER(tiny.TEXT)["input_ids"]
N = len(IDS)
TARGET = "le chat"
TARGET_IDS = TOKENIZER(TARGET)["input_ids"]

# These read positions, or a bias, from the mask of tokens, and take none of pairs.
NO_PAIRS = {"BLOOM", "Falcon with ALiBi", "DeBERTa-v2", "XLNet"}


def custom(kind):
    """Pairs that no rule describes, some query seeing nothing."""
    pairs = torch.rand(N, N, generator=torch.Generator().manual_seed(1)) > 0.4
    pairs.fill_diagonal_(True)  # noqa: FBT003
    return pairs.tril() if kind == CAUSAL else pairs


def theirs(name, mask, dtype=torch.float32):
    """Every attention's weights as the model itself returns them when it is built for eager attention."""
    kind, _, _, make = ZOO[name]
    model = make(attn_implementation="eager").to(dtype)
    if mask.ndim == 2 and mask.shape[0] == N:
        mask = torch.zeros(1, 1, N, N, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)
    inputs = {"input_ids": torch.tensor([IDS]), "attention_mask": mask}
    if name == "OPT" and mask.ndim == 4:  # it reads positions from a mask of tokens
        inputs["position_ids"] = torch.arange(N)[None]
    if kind == PAIR:
        start = model.config.decoder_start_token_id
        inputs["decoder_input_ids"] = torch.tensor([[start, *TARGET_IDS[:-1]]])
        if name == "mBART":  # wraps its last mark around
            inputs["decoder_input_ids"] = torch.tensor([[TARGET_IDS[-1], *TARGET_IDS[:-1]]])
    with torch.no_grad():
        outputs = (model if kind == PAIR else model.base_model)(**inputs, output_attentions=True)
    if kind != PAIR:
        return {"self": outputs.attentions}
    return {part: outputs[f"{part}_attentions"] for part in ("encoder", "decoder", "cross")}


def compare(trace, expected, keep, bound):
    for part, layers in expected.items():
        assert trace.n_layers(part) == len(layers)
        blind = [trace.blind_rows(layer, attention=part) for layer in range(len(layers))]
        # What a row that sees nothing hands on is nobody's rule: from there on rows of padding differ.
        rows = torch.ones(layers[0].shape[-2]).bool()
        if any(blind) and len(keep) == len(rows):
            rows = keep.bool()
        for layer, weights in enumerate(layers):
            found = trace.weights(layer, attention=part)
            assert not found.isnan().any()
            assert (found[:, blind[layer]] == 0).all()
            assert (found[~trace.allowed(layer, attention=part)] == 0).all()
            sees = rows.clone()
            sees[blind[layer]] = False
            difference = (found - weights[0].float()).abs()[:, sees]
            assert difference.max() <= bound


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("mask", ["whole", "padded left", "padded right", "custom"])
def test_weights_are_the_models(name, mask):
    kind, what, _, make = ZOO[name]
    keep = torch.ones(N).long()
    keep[{"padded left": slice(4), "padded right": slice(-4, None)}.get(mask, slice(0))] = 0
    given = custom(kind) if mask == "custom" else keep
    options = {"tokenizer": TOKENIZER, "attention_mask": given}
    if kind == PAIR:
        options["text_target"] = TARGET
        if mask == "custom":
            with pytest.raises(ValueError, match="of pairs is for one text of a model with one attention"):
                capture(make(), tiny.TEXT, **options)
            return
    if name in NO_PAIRS and mask == "custom":
        with pytest.raises(UnsupportedModelError, match="takes no attention_mask of pairs"):
            capture(make(), tiny.TEXT, **options)
        return
    trace = capture(make(), tiny.TEXT, **options)
    assert trace.attentions == (("encoder", "decoder", "cross") if kind == PAIR else ("self",))
    compare(trace, theirs(name, custom(kind) if mask == "custom" else keep[None]), keep, 1e-5)
    assert trace.has_qkv is (what == QKV)
    if what == QKV:
        assert trace.max_error <= 1e-4
        assert not trace.missing
    else:
        assert trace.max_error is None
        assert "could not be verified" in trace.missing
    if mask == "whole":
        assert trace.causal is (kind != BOTH)
    if mask == "custom":
        assert not (trace.allowed(0) & ~custom(kind)).any()


@pytest.mark.parametrize("name", ["GPT-2", "Llama", "Gemma-2", "gpt-oss", "BERT", "T5", "BART", "GPT-J", "BLOOM"])
def test_bfloat16_within_its_rounding(name):
    kind, _, _, make = ZOO[name]
    options = {"text_target": TARGET} if kind == PAIR else {}
    trace = capture(make().bfloat16(), tiny.TEXT, tokenizer=TOKENIZER, **options)
    rounding = torch.finfo(torch.bfloat16).eps
    size = 4.0
    if trace.has_qkv:  # eager rounds scores of this size and the weights, a trace does not
        size = max(
            trace.scores(layer, attention=part)[trace.allowed(layer, attention=part)].abs().max().item()
            for part in trace.attentions
            for layer in range(trace.n_layers(part))
        )
    compare(trace, theirs(name, torch.ones(1, N).long(), torch.bfloat16), torch.ones(N), rounding * (2 + 4 * size))


def test_there_are_enough():
    kinds = [kind for kind, *_ in ZOO.values()]
    assert len(kinds) >= 30
    assert min(kinds.count(kind) for kind in (CAUSAL, BOTH, PAIR)) >= 8


def test_the_docs_name_them_all():
    text = (Path(__file__).parents[1] / "docs/models.md").read_text()
    rows = [line for line in text.split("\n## ")[0].splitlines() if line.startswith("| ")][1:]
    table = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows]
    pairs = {PAIR: "no", CAUSAL: "yes", BOTH: "yes"}
    expected = [
        (
            name,
            kind,
            what,
            "no" if name in NO_PAIRS else pairs[kind],
            "attention in one" if name in ATTENTION_IN_ONE else "no" if name in NO_SUM else "yes",
            note,
        )
        for name, (kind, what, note, _) in ZOO.items()
    ]
    assert table == expected
