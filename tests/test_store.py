"""Saved traces come back number for number; other files are refused."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import tiny
from attnwidget.capture import capture
from attnwidget.trace import AttentionTrace, TraceFileError
from zoo import PAIR, ZOO

TOKENIZER = tiny.tokenizer(marks=True)
KEEP = [0, 1, 1, 1, 1, 0, 1, 1, 1]


def make(name, text="the cat", **options):
    kind, _, _, maker = ZOO[name]
    if kind == PAIR:
        options["text_target"] = "chat"
    return capture(maker(), text, tokenizer=TOKENIZER, **options)


def given():
    return AttentionTrace.from_attentions(torch.rand(2, 3, 4, 4).half(), list("abcd"), mask="causal", model_name="x")


def not_a_number():
    q = torch.randn(2, 4, 3, 5)
    q[0, 0, 1] = torch.nan
    return AttentionTrace.from_qkv(q, q, q, list("abc"))


def pairs():
    return make("BERT", attention_mask=torch.rand(9, 9) > 0.5)


TRACES = {
    "plain": lambda: make("GPT-2"),
    "padding": lambda: make("Llama", attention_mask=KEEP),
    "window": lambda: make("Mistral"),
    "softcap": lambda: make("Gemma-2"),
    "sinks": lambda: make("gpt-oss"),
    "latent": lambda: make("DeepSeek-V3"),
    "bias and three attentions": lambda: make("T5", attention_mask=KEEP),
    "outside the interface": lambda: make("BLOOM"),
    "weights of a model": lambda: make("XLNet", attention_mask=KEEP),
    "pair of texts": lambda: make("BERT", text_pair="it sat"),
    "mask of pairs": pairs,
    "bfloat16": lambda: capture(tiny.llama().bfloat16(), "the cat", tokenizer=TOKENIZER),
    "some layers, no values": lambda: make("GPT-2", layers=[1], values=False),
    "given weights": given,
    "not a number": not_a_number,
}


@pytest.mark.parametrize("name", TRACES)
def test_round_trip_is_exact(name, tmp_path):
    trace = TRACES[name]()
    trace.save(tmp_path / "trace.safetensors")
    again = AttentionTrace.load(tmp_path / "trace.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["trace.safetensors"]
    for what in ("attentions", "segments", "generated", "missing", "model_name", "has_qkv", "causal"):
        assert getattr(again, what) == getattr(trace, what)
    assert str(again.max_error) == str(trace.max_error)
    assert again.nbytes <= trace.nbytes * 1.25
    for part in trace.attentions:
        assert again.sides(part) == trace.sides(part)
        for layer in range(trace.n_layers(part)):
            at = {"layer": layer, "attention": part}
            assert torch.equal(again.allowed(**at), trace.allowed(**at))
            if name.startswith("some layers") and layer != 1:
                with pytest.raises(ValueError, match=r"left out of the trace \(layers=\)"):
                    again.weights(**at)
                continue
            asked = ["weights", *(["scores"] if trace.has_qkv else [])]
            for ask in asked:
                # A product's last bit depends on how its operands lie in memory; what is stored does not.
                torch.testing.assert_close(
                    getattr(again, ask)(**at), getattr(trace, ask)(**at), rtol=1e-6, atol=1e-6, equal_nan=True
                )
            stored = zip(again._layers[part][layer].tensors, trace._layers[part][layer].tensors, strict=True)
            for mine, theirs in stored:
                assert (mine is None) is (theirs is None)
                if mine is not None:
                    assert mine.dtype == theirs.dtype
                    torch.testing.assert_close(mine, theirs, rtol=0, atol=0, equal_nan=True)
            if trace.has_qkv and not name.startswith("some layers"):
                for mine, theirs in zip(again.qkv(head=0, **at), trace.qkv(head=0, **at), strict=True):
                    torch.testing.assert_close(mine, theirs, rtol=0, atol=0, equal_nan=True)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "trace.safetensors"
    make("T5").save(path)
    return path


def rewrite(path, change):
    """Write the file again, its description or its tensors changed."""
    with safe_open(path, framework="pt") as old:
        tensors = {name: old.get_tensor(name) for name in old.keys()}  # noqa: SIM118
        about = json.loads(old.metadata()["attnwidget"])
    change(about, tensors)
    save_file(tensors, path, metadata={"attnwidget": json.dumps(about)})


def test_files_that_are_no_trace(file, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        AttentionTrace.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        AttentionTrace.load(tmp_path)
    data = file.read_bytes()
    for broken in (b"", b"\x80\x04pickle", data[:50], data[:-1], data[: len(data) // 2], b"\xff" * 8 + data[8:]):
        file.write_bytes(broken)
        with pytest.raises(TraceFileError, match="no safetensors file, or is damaged"):
            AttentionTrace.load(file)
    save_file({"weight": torch.ones(2)}, file)
    with pytest.raises(TraceFileError, match="holds no attention trace"):
        AttentionTrace.load(file)
    assert issubclass(TraceFileError, ValueError)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a, _: a.update(version=2), "version 2 of the format, this attnwidget reads up to 1; update"),
        (lambda a, _: a.pop("version"), "damaged"),
        (lambda a, _: a.pop("tokens"), "damaged"),
        (lambda a, _: a["tokens"]["text"].pop(), "damaged.*different lengths"),
        (lambda a, _: a["source"].update({k: v[:-1] for k, v in a["source"].items()}), "damaged.*does not fit"),
        (lambda a, _: a["layers"].update(encoder=[]), "damaged.*no layers"),
        (lambda a, _: a["layers"].update(other=[]), "damaged"),
        (lambda a, _: a["layers"]["cross"][0].update(kind="code"), "damaged.*kind 'code'"),
        (lambda a, _: a["layers"]["cross"][0].update(q="99"), "damaged"),
        (lambda a, t: t.update({a["layers"]["cross"][0]["k"]: torch.ones(4, 9, 3)}), "damaged.*do not fit"),
        (lambda a, _: a.update(unknown=1), "damaged"),
    ],
)
def test_descriptions_that_do_not_fit(file, change, message):
    rewrite(file, change)
    with pytest.raises(TraceFileError, match=message):
        AttentionTrace.load(file)


def test_failing_to_write_leaves_the_old_file(file, monkeypatch):
    before = file.read_bytes()

    def fail(_tensors, path, **_):
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("attnwidget.trace.store.save_file", fail)
    with pytest.raises(OSError, match="no space"):
        make("GPT-2").save(file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]
