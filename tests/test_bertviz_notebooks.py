"""Notebooks with the calls of BertViz's own sample notebooks: under either import, with the same numbers."""

import json
from pathlib import Path

import pytest
import torch
import transformers as hf
from ipywidgets.widgets.widget import _instances

import tiny
from attnwidget.models import BUNDLED
from bertviz_oracle import VIEW, agree, cells_run_here, embedded

pytest.importorskip("bertviz", reason="bertviz is the oracle: pip install 'attnwidget[bertviz]'")

JAVASCRIPT = "application/javascript"
NOTEBOOKS = sorted(Path(__file__).with_name("bertviz_notebooks").glob("*.py"))
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "on", "mat", "lay", "rug", "##s"]
SIZES = tiny.SIZES | {"num_hidden_layers": 3}
BYTES = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4, "<|endoftext|>": 5}  # as RoBERTa has them
BYTES |= {letter: number for number, letter in enumerate(tiny.ALPHABET, len(BYTES))}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Tiny models with random weights, in the files that BertViz's copies of 2019 read, and transformers'."""
    top = tmp_path_factory.mktemp("folders")
    ids = {"vocab_size": len(BYTES), "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
    bart = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 64}
    for side in ("encoder", "decoder"):
        bart |= {f"{side}_attention_heads": 4, f"{side}_ffn_dim": 64}
    configs = {
        "bert": hf.BertConfig(vocab_size=len(PIECES), **SIZES),
        "distilbert": hf.DistilBertConfig(vocab_size=len(PIECES), dim=32, hidden_dim=64, n_layers=3, n_heads=4),
        "gpt2": hf.GPT2Config(**ids, n_layer=3, n_head=4, n_embd=32, n_positions=64),
        "roberta": hf.RobertaConfig(**ids, **SIZES | {"max_position_embeddings": 70}),
        "bart": hf.BartConfig(**ids, **bart),
    }
    for name, config in configs.items():
        model = tiny.build(config)
        model.save_pretrained(top / name)
        torch.save(model.state_dict(), top / name / "pytorch_model.bin")
        if "bert" in name and name != "roberta":
            (top / name / "vocab.txt").write_text("\n".join(PIECES))
        else:
            (top / name / "vocab.json").write_text(json.dumps(BYTES))
            (top / name / "merges.txt").write_text("#version: 0.2\n")
        kind = {"gpt2": "GPT2", "bert": "Bert", "distilbert": "Bert"}.get(name, "Roberta")
        (top / name / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": f"{kind}Tokenizer"}))
    (top / "marian").symlink_to(BUNDLED["demo/fr-en"])
    return top


def drawn(outputs):
    """What BertViz's pages hold."""
    return [embedded(one[JAVASCRIPT]) for one in outputs if "params = {" in one.get(JAVASCRIPT, "")]


def shown(outputs):
    """Our widgets."""
    return [_instances[one[VIEW]["model_id"]] for one in outputs if VIEW in one]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_sample_notebook_runs_with_either_import(notebook, folders, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code = notebook.read_text()
    cells = [cell for cell in code.split("# %%") if cell.strip()]
    with cells_run_here(monkeypatch, {"FOLDERS": folders}) as run:
        theirs = [params for cell in cells for params in drawn(run(f"#{cell}"))]
        ours = [
            one for cell in cells for one in shown(run(f"#{cell}".replace("from bertviz", "from attnwidget.bertviz")))
        ]
    assert len(theirs) == len(ours) == len(cells)
    for params, widget in zip(theirs, ours, strict=True):
        if "neuron" in notebook.name:
            same_neurons(params, widget)
        else:
            agree(params, widget, ("encoder", "decoder", "cross") if len(params["attention"]) == 3 else ("self",))


def same_neurons(params, widget):
    """BertViz's queries, keys and weights, by its own copy of the model, and those of the model of today."""
    trace, whole = widget.trace, params["attention"]["all"]
    assert widget.heads == [(params["layer"] or 0, params["head"] or 0)]
    marks = {"<s>": "[CLS]", "</s>": "[SEP]"}
    labels = [marks.get(raw, raw).replace("Ġ", " ") for raw in trace.raw_tokens]
    assert [one.strip() for one in whole["left_text"]] == [one.strip() for one in labels]
    for layer in range(trace.n_layers()):
        torch.testing.assert_close(trace.weights(layer), torch.tensor(whole["attn"][layer]), rtol=1e-4, atol=1e-5)
        for head in range(trace.n_heads()):
            q, k, _ = trace.qkv(layer, head)
            torch.testing.assert_close(q, torch.tensor(whole["queries"][layer][head]), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(k, torch.tensor(whole["keys"][layer][head]), rtol=1e-4, atol=1e-5)
