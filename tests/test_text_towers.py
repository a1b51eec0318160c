"""Models of several towers: the error names the part that reads texts, and that part is captured."""

import pytest
import torch
import transformers as hf

import tiny
from attnwidget import AttentionWidget, capture, capture_module
from attnwidget.capture import UnsupportedModelError

TEXT = {**tiny.IDS, **tiny.SIZES}
PICTURE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
PICTURE |= {"image_size": 8, "patch_size": 4}
ROBERTA = TEXT | {"project_dim": 16, "max_position_embeddings": 64 + tiny.PAD + 1}
SOUND = {"hidden_size": 16, "patch_embeds_hidden_size": 16, "depths": [1, 1], "num_attention_heads": [2, 2]}
SOUND |= {"spec_size": 32, "num_mel_bins": 8, "projection_dim": 16}
BOTH = {"text_config": TEXT, "vision_config": PICTURE}
ASKING = TEXT | {"encoder_hidden_size": 32}
TOKENIZER = tiny.tokenizer()
MODELS = {
    "CLIP": (hf.CLIPModel, lambda: hf.CLIPConfig(**BOTH)),
    "SigLIP": (hf.SiglipModel, lambda: hf.SiglipConfig(**BOTH)),
    "ALIGN": (hf.AlignModel, lambda: hf.AlignConfig(text_config=TEXT)),
    "Chinese CLIP": (hf.ChineseCLIPModel, lambda: hf.ChineseCLIPConfig(**BOTH)),
    "AltCLIP": (hf.AltCLIPModel, lambda: hf.AltCLIPConfig(text_config=ROBERTA, vision_config=PICTURE)),
    "CLAP": (hf.ClapModel, lambda: hf.ClapConfig(text_config=TEXT, audio_config=SOUND)),
    "BLIP": (
        hf.BlipModel,
        lambda: hf.BlipConfig(text_config=TEXT | {"encoder_hidden_size": 32}, vision_config=PICTURE),
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_the_text_tower_is_named_and_captured(name):
    kind, config = MODELS[name]
    torch.manual_seed(0)
    model = kind(config()).eval()
    with pytest.raises(UnsupportedModelError, match=r"text.*; capture\(model\.text_model, …\) shows its \w+Text\w+"):
        capture(model, tiny.TEXT, tokenizer=TOKENIZER)
    tower = model.text_model
    trace = capture(tower, tiny.TEXT, tokenizer=TOKENIZER)
    tower.set_attn_implementation("eager")
    ids = torch.tensor([TOKENIZER(tiny.TEXT)["input_ids"]])
    with torch.no_grad():
        theirs = tower(input_ids=ids, attention_mask=torch.ones_like(ids), output_attentions=True).attentions
    for number, weights in enumerate(theirs):
        torch.testing.assert_close(trace.weights(number), weights[0], atol=1e-5, rtol=0)
    assert trace.max_error <= 1e-5


def test_in_the_widget_too():
    model = hf.CLIPModel(hf.CLIPConfig(**BOTH)).eval()
    with pytest.raises(UnsupportedModelError, match=r"CLIPModel takes no text; capture\(model\.text_model, …\)"):
        AttentionWidget(tiny.TEXT, model=model, tokenizer=TOKENIZER)
    assert len(AttentionWidget(tiny.TEXT, model=model.text_model, tokenizer=TOKENIZER).tokens) == 23


def test_what_reads_no_text_is_captured_as_a_module():
    model = hf.ViTModel(hf.ViTConfig(**PICTURE)).eval()
    with pytest.raises(UnsupportedModelError, match=r"reads pixel_values, not a text; attnwidget\.capture_module"):
        capture(model, tiny.TEXT, tokenizer=TOKENIZER)
    assert capture_module(model, torch.randn(1, 3, 8, 8)).n_layers() == 2
