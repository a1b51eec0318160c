"""Saved traces come back number for number; other files are refused."""

import json
import math
import random
import resource
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import tiny
from attnwidget.capture import capture
from attnwidget.heads import BUILT_IN, HeadReport
from attnwidget.trace import AttentionTrace, TraceFileError, store
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
            *stored, sums = zip(again._layers[part][layer].tensors, trace._layers[part][layer].tensors, strict=True)
            # The rows' sums are stored where a kernel gave them; else each computed its own just now.
            is_stored = getattr(trace._layers[part][layer], "known_lse", None) is not None or not trace.has_qkv
            for mine, theirs, off in [*((*pair, 0) for pair in stored), (*sums, 0 if is_stored else 1e-6)]:
                assert (mine is None) is (theirs is None)
                if mine is not None:
                    assert mine.dtype == theirs.dtype
                    torch.testing.assert_close(mine, theirs, rtol=off, atol=off, equal_nan=True)
            if trace.has_qkv and not name.startswith("some layers"):
                for mine, theirs in zip(again.qkv(head=0, **at), trace.qkv(head=0, **at), strict=True):
                    torch.testing.assert_close(mine, theirs, rtol=0, atol=0, equal_nan=True)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "trace.safetensors"
    make("T5").save(path)
    return path.read_bytes()


@pytest.fixture
def file(tmp_path, saved):
    path = tmp_path / "trace.safetensors"
    path.write_bytes(saved)
    return path


def rewrite(path, change, *, summed=True):
    """Write the file again, its description or its tensors changed, with the checksum of that or none."""
    with safe_open(path, framework="pt") as old:
        tensors = {name: old.get_tensor(name) for name in old.keys()}  # noqa: SIM118
        about = json.loads(old.metadata()["attnwidget"])
    change(about, tensors)
    text = json.dumps(about)
    metadata = {"attnwidget": text} | ({"checksum": store.checksum(text, tensors)} if summed else {})
    save_file(tensors, path, metadata=metadata)


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


def put(at, **values):
    """Make a change of one layer's description."""
    return lambda about, _: layer_of(about, at).update(values)


def put_mask(at, **values):
    return lambda about, _: layer_of(about, at)["mask"].update(values)


def put_tensor(at, field, make):
    """Make a change of a tensor, found where the description names it, or put beside the others."""

    def change(about, tensors):
        *part, last = field.split(".")
        holder = layer_of(about, at)
        for name in part:
            holder = holder[name]
        tensors["new"] = make(tensors[holder[last]] if holder[last] else None).clone().contiguous()
        holder[last] = "new"

    return change


def layer_of(about, at):
    name, number = at
    return about["layers"][name][number]


C, E = ("cross", 0), ("encoder", 1)  # of a T5: 4 heads, 6 target and 9 source tokens


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a, _: a.update(version=5), "version 5 of the format, this attnwidget reads up to 4; update"),
        (lambda a, _: a.pop("version"), "damaged: version"),
        (lambda a, _: a.update(version="x"), "damaged: version"),
        (lambda a, _: a.pop("tokens"), "damaged.*`tokens`"),
        (lambda a, _: a["tokens"]["text"].pop(), "damaged: tokens: lists of different lengths"),
        (lambda a, _: a["tokens"].update(words=[0, 1, 2, 3, 4, 9]), r"damaged: tokens\.words"),
        (lambda a, _: a["tokens"].update(special=[5] * 6), r"damaged.*`bool`.*\$\.tokens\.special"),
        (lambda a, _: a["source"]["word_texts"].pop(), r"damaged: source\.words"),
        (
            lambda a, _: a["source"].update(text=[], raw=[], special=[], words=[], word_texts=[]),
            "damaged: source: .*empty",
        ),
        (
            lambda a, _: a.update(source=a["tokens"]),
            r"damaged: layers\.encoder\[0\]: expected \(queries, keys\) \(6, 6\)",
        ),
        (lambda a, _: a.update(generated=[True]), "damaged: generated: expected 6 entries"),
        (lambda a, _: a.update(segments=[-1] * 6), r"damaged.*\$\.segments"),
        (lambda a, _: a.update(max_error=-1.0), "damaged: max_error"),
        (lambda a, _: a.update(notices="x"), r"damaged.*\$\.notices"),
        (lambda a, _: a["layers"].update(encoder=[]), "damaged: layers: an attention has no layers"),
        (lambda a, _: a["layers"].update(other=[]), r"damaged.*'other'.*\$\.layers"),
        (lambda a, _: a["layers"].update(self=a["layers"]["decoder"]), "damaged: layers: expected self alone"),
        (put(C, kind="code"), "damaged.*'code'"),
        (put(C, q="99"), r"damaged: layers\.cross\[0\]\.q: there is no tensor '99'"),
        (put(C, q=None), r"damaged.*\.q`"),
        (put_tensor(C, "k", lambda k: k[..., :-1]), r"damaged: layers\.cross\[0\]\.k: expected .* \(any, any, 8\)"),
        (put_tensor(C, "k", lambda k: k[:3]), r"cross\[0\]\.k: 3 key heads do not divide 4 heads"),
        (put_tensor(C, "q", lambda q: q.long()), r"cross\[0\]\.q: expected a tensor of floats"),
        (put_tensor(C, "q", lambda q: q[:, :-1]), r"cross\[0\]\.lse: expected .* \(4, 5\)"),
        (put_tensor(C, "v", lambda v: v[:, :-1]), r"cross\[0\]\.v: expected .* \(4, 9, any\)"),
        (put_tensor(C, "lse", lambda lse: lse[:, None]), r"cross\[0\]\.lse: expected"),
        (put_tensor(C, "sinks", lambda _: torch.ones(3)), r"cross\[0\]\.sinks: expected .* \(4\)"),
        (put(C, scale=math.nan), r"cross\[0\]\.scale: expected a number, got nan"),
        (put(C, scale="x"), r"damaged.*\.scale`"),
        (put(C, softcap="x"), r"damaged.*\.softcap`"),
        (put(C, softcap=0.0), r"cross\[0\]\.softcap: expected more than 0"),
        (put(C, bias_queries=5), r"cross\[0\]\.bias_queries: expected 6 and a bias"),
        (put(E, bias_queries=10**10), r"damaged.*\.bias_queries`"),
        (put(E, bias_queries=8), r"encoder\[1\]\.bias_queries: expected 9"),
        (put_tensor(E, "bias", lambda b: b[:, 1:]), r"encoder\[1\]\.bias: expected .* \(4, 17\)"),
        (put(E, bias_queries=None), r"encoder\[1\]\.bias: expected"),
        (put_mask(C, before="x"), r"damaged.*\.mask\.before`"),
        (put_mask(C, after=10**30), r"damaged.*\.mask\.after`"),
        (put_mask(C, keep="0"), r"cross\[0\]\.mask\.keep: expected a tensor of bool"),
        (put_tensor(C, "mask.keep", lambda _: torch.ones(5, dtype=torch.bool)), r"mask\.keep: .* \(9\)"),
        (
            put_tensor(C, "mask.dense", lambda _: torch.ones(6, 9)),
            r"cross\[0\]\.mask\.dense: expected a tensor of bool",
        ),
        (put_tensor(C, "mask.dense", lambda _: torch.ones(3, 6, 9, dtype=torch.bool)), r"mask\.dense: expected"),
        (put_tensor(C, "mask.dense", lambda _: torch.ones(9, 6, dtype=torch.bool)), r"mask\.dense: .* \(6, 9\)"),
        (put_mask(C, more=1), r"damaged.*`more`"),
        (lambda a, _: a.update(unknown=1), "damaged.*`unknown`"),
    ],
)
def test_descriptions_that_do_not_fit(file, change, message):
    rewrite(file, change)
    with pytest.raises(TraceFileError, match=message):
        AttentionTrace.load(file)


def test_other_layers_that_do_not_fit(tmp_path):
    path = tmp_path / "trace"
    for made, change, message in (
        (given, put_tensor(("self", 0), "given", lambda x: x - 0.5), r"layers\.self\[0\]\.given holds -.* 0 and 1"),
        (given, put_tensor(("self", 1), "given", lambda x: x[:, 1:]), r"layers\.self\[1\]: expected \(queries, keys\)"),
        (TRACES["some layers, no values"], put(("self", 0), shape=[4, 9]), r"`array` of length 3.*shape"),
        (TRACES["some layers, no values"], put(("self", 0), shape=[4, 9, 8]), r"layers\.self\[0\]: expected"),
    ):
        made().save(path)
        rewrite(path, change)
        with pytest.raises(TraceFileError, match=message):
            AttentionTrace.load(path)


def make_old(about, _):
    """Write a description as version 1 did."""
    about["version"] = 1
    del about["notices"], about["tokens"]["parts"], about["tokens"]["ids"]


def test_files_from_before_there_were_checksums_are_read_and_say_so(tmp_path):
    trace, path = make("Mistral"), tmp_path / "trace"
    trace.save(path)
    assert AttentionTrace.load(path).notices == []
    rewrite(path, make_old, summed=False)
    again = AttentionTrace.load(path)
    assert again.notices == [store.NO_CHECKSUM]
    torch.testing.assert_close(again.weights(1), trace.weights(1))
    rewrite(path, put(("self", 0), softcap="x"), summed=False)
    with pytest.raises(TraceFileError, match="softcap"):
        AttentionTrace.load(path)


def test_half_a_character_survives(tmp_path):
    trace = AttentionTrace.from_attentions(torch.eye(2)[None, None], ["a", "\ud800"], model_name="\ud800")
    trace.save(tmp_path / "trace")
    again = AttentionTrace.load(tmp_path / "trace")
    assert (again.model_name, again.raw_tokens) == ("\ud800", ["a", "\ud800"])


def test_a_checksum_cannot_be_taken_off(file):
    rewrite(file, lambda *_: None, summed=False)
    with pytest.raises(TraceFileError, match="lost its checksum"):
        AttentionTrace.load(file)


def flipped(data, bits):
    """Turn some bits of a file over."""
    changed = bytearray(data)
    for bit in bits:
        changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("name", ["plain", "given weights", "bias and three attentions"])
def test_no_flipped_bit_gives_other_weights(name, tmp_path):
    trace, path, draw = TRACES[name](), tmp_path / "trace", random.Random(0)
    trace.save(path)
    data = path.read_bytes()
    header = 8 * (8 + int.from_bytes(data[:8], "little"))
    right = {(part, layer): trace.weights(layer, attention=part) for part, layer in layers_of(trace)}
    refused = 0
    for number in range(200):
        # half of them in the description, which is the smaller part
        end = header if number % 2 else 8 * len(data)
        path.write_bytes(flipped(data, draw.sample(range(end), draw.randint(1, 4))))
        try:
            found = AttentionTrace.load(path)
        except TraceFileError:
            refused += 1
            continue
        assert list(layers_of(found)) == list(right)
        assert found.max_error == trace.max_error
        for (part, layer), weights in right.items():
            torch.testing.assert_close(found.weights(layer, attention=part), weights, rtol=1e-6, atol=1e-6)
    assert refused > 190  # a blank that fills the header up may turn into another blank


def layers_of(trace):
    return [(part, layer) for part in trace.attentions for layer in range(trace.n_layers(part))]


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


def test_a_full_disk_is_an_oserror_and_the_old_file_stays(file):
    before, (_, hard) = file.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    trace = make("GPT-2")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # no file of this process grows beyond it
    try:
        with pytest.raises(OSError, match="could not be written"):
            trace.save(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    with pytest.raises(OSError, match="could not be written"):
        trace.save(file.parent / "nowhere" / "trace")


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    one = torch.zeros(len(BUILT_IN), 1, 1)
    report, path = HeadReport("tiny", BUILT_IN, 1, one, one), tmp_path / "report.json"
    report.save(path)
    before = path.read_text()
    monkeypatch.setattr(Path, "write_text", fail_half_way)
    with pytest.raises(OSError, match="no space"):
        report.save(path)
    assert path.read_text() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def fail_half_way(path, text, **_):
    path.write_bytes(text.encode()[:10])
    raise OSError("no space left")
