"""`trace.measure`: each measure against the model's own modules, the marks, and one's own measures."""

import copy
import pickle
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

import attnwidget as aw
import tiny
from attnwidget import maths, measures
from attnwidget.capture import capture
from attnwidget.maths import Projection, QKVLayer, projection
from attnwidget.trace import AttentionTrace
from zoo import ZOO

TOKENIZER = tiny.tokenizer(marks=True)
IDS = torch.tensor([TOKENIZER(tiny.TEXT)["input_ids"]])
HEADS, D = 4, 8
BUILT_IN = tuple(one.name for one in measures.BUILT_IN)
DOCS = Path(__file__).parents[1] / "docs/measures.md"


def close(mine, theirs):
    torch.testing.assert_close(mine.detach(), theirs.detach(), rtol=1e-5, atol=1e-5)


def captured(model, **options):
    return capture(model, tiny.TEXT, tokenizer=TOKENIZER, **options)


def watched(make, modules, **inputs):
    """A model's own attentions, and what some of its modules returned, by name; attnwidget has no part in it."""
    model = make(attn_implementation="eager")
    returned = {}
    for name in modules:
        model.get_submodule(name).register_forward_hook(lambda _m, _a, out, name=name: returned.setdefault(name, out))
    with torch.no_grad():
        outputs = model(**{"input_ids": IDS} | inputs, output_attentions=True)
    return model, outputs, returned


def split(joined):
    """The heads' own columns, (heads, n, d)."""
    return joined[0].unflatten(-1, (-1, D)).transpose(0, 1)


def length_of_each_part(attention, values, matrix):
    """‖α v W_O‖ written out, with every vector there, (heads, queries, keys)."""
    written = torch.einsum("hij,hjd,hdm->hijm", attention[0], values, matrix.unflatten(0, (HEADS, D)))
    return written.norm(dim=-1)


def marked(numbers, attention):
    """−∞ where these models' masks forbid: their attention is 0 there, and nowhere else."""
    return numbers.masked_fill(attention[0] == 0, -torch.inf)


# --- the three measures against the models ---------------------------------------------------


@pytest.mark.parametrize("name", ["GPT-2", "Llama", "Mistral", "BERT", "T5"])
def test_weights_and_scores_are_the_models(name):
    kind, _, _, make = ZOO[name]
    trace = captured(make(), **({"text_target": "le chat"} if kind == "encoder–decoder" else {}))
    inputs = {}
    if kind == "encoder–decoder":
        target = TOKENIZER("le chat")["input_ids"]
        inputs["decoder_input_ids"] = torch.tensor([[make().config.decoder_start_token_id, *target[:-1]]])
    _, outputs, _ = watched(lambda **options: make(**options).base_model, [], **inputs)
    for part in trace.attentions:
        theirs = outputs["attentions" if part == "self" else f"{part}_attentions"]
        for layer in range(trace.n_layers(part)):
            hidden = ~trace.allowed(layer, attention=part)
            weights, scores = (trace.measure(one, layer, attention=part) for one in ("weights", "scores"))
            close(weights, theirs[layer][0].masked_fill(hidden, -torch.inf))
            close(scores.softmax(-1), theirs[layer][0])
            assert torch.equal(weights.masked_fill(hidden, 0), trace.weights(layer, attention=part))
            assert torch.equal(scores, trace.scores(layer, attention=part))


def test_norms_of_gpt2():
    names = [f"h.{layer}.attn.c_attn" for layer in range(3)]
    model, outputs, returned = watched(tiny.gpt2, names)
    trace = captured(tiny.gpt2())
    for layer, name in enumerate(names):
        attention = outputs.attentions[layer]
        _, _, v = returned[name].chunk(3, -1)
        expected = length_of_each_part(attention, split(v), model.h[layer].attn.c_proj.weight)
        close(trace.measure("norms", layer), marked(expected, attention))


def test_norms_with_grouped_queries_use_the_groups_values():
    names = [f"layers.{layer}.self_attn.v_proj" for layer in range(3)]
    model, outputs, returned = watched(tiny.llama, names)
    trace = captured(tiny.llama())
    for layer, name in enumerate(names):
        attention = outputs.attentions[layer]
        values = split(returned[name])  # (2, n, d_v)
        assert len(values) == 2
        matrix = model.layers[layer].self_attn.o_proj.weight.T
        expected = length_of_each_part(attention, values.repeat_interleave(2, 0), matrix)
        close(trace.measure("norms", layer), marked(expected, attention))


def test_norms_of_bert():
    names = [f"encoder.layer.{layer}.attention.self.value" for layer in range(3)]
    model, outputs, returned = watched(tiny.bert, names)
    trace = captured(tiny.bert())
    for layer, name in enumerate(names):
        matrix = model.encoder.layer[layer].attention.output.dense.weight.T
        expected = length_of_each_part(outputs.attentions[layer], split(returned[name]), matrix)
        close(trace.measure("norms", layer), expected)
        assert torch.isfinite(expected).all()


def test_norms_across_an_encoder_and_a_decoder():
    make = ZOO["BART"][3]
    names = [f"decoder.layers.{layer}.encoder_attn.v_proj" for layer in range(3)]
    start = make().config.decoder_start_token_id
    target = torch.tensor([[start, *TOKENIZER("le chat")["input_ids"][:-1]]])
    model, outputs, returned = watched(lambda **o: make(**o).base_model, names, decoder_input_ids=target)
    trace = captured(make(), text_target="le chat")
    assert trace.lacks("norms", "cross") == ""
    for layer, name in enumerate(names):
        matrix = model.decoder.layers[layer].encoder_attn.out_proj.weight.T
        expected = length_of_each_part(outputs.cross_attentions[layer], split(returned[name]), matrix)
        found = trace.measure("norms", layer, attention="cross")
        assert found.shape == (HEADS, len(trace.target_tokens), len(trace.source_tokens))
        close(found, expected)
    with pytest.raises(ValueError, match="attention must be one of"):
        trace.measure("norms", 0)
    with pytest.raises(ValueError, match="attention must be one of"):
        trace.lacks("norms")


@pytest.mark.parametrize("name", ["Gemma", "gpt-oss", "DeepSeek-V3", "GPT-BigCode"])
def test_norms_are_those_of_the_breakdown(name):
    """Heads wider than the model, sinks, d_v ≠ d_k, one key head."""
    trace = captured(ZOO[name][3]())
    for head in (0, 3):
        b = trace.breakdown(1, head, 5)
        expected = (b.weighted_values @ b.output_weight).norm(dim=-1)
        close(trace.measure("norms", 1, head, queries=5), expected.masked_fill(~b.allowed, -torch.inf))


# --- parts, marks and memory -------------------------------------------------------------------


@pytest.mark.parametrize("index", [{}, {"head": 1}, {"head": [3, 0], "queries": 4}, {"queries": [5, 2], "keys": -1}])
@pytest.mark.parametrize("name", ["weights", "scores", "norms"])
def test_a_part_is_a_part_of_the_whole(name, index):
    trace = captured(tiny.llama())
    whole = trace.measure(name, 2)
    expected = whole[index.get("head", slice(None))]
    if "queries" in index:
        expected = expected[..., index["queries"], :]
    if "keys" in index:
        expected = expected[..., index["keys"]]
    close(trace.measure(name, 2, **index), expected)
    close(trace.measure(name, -1, **index), expected)
    assert trace.measure(name, 2, **index).shape == trace.weights(2, **index).shape


@pytest.mark.parametrize("name", ["weights", "scores", "norms"])
def test_forbidden_pairs_and_missing_numbers(name):
    q, k, v = torch.randn(3, 1, 2, 4, D, generator=torch.Generator().manual_seed(0)).unbind()
    q[0, 0, 2] = torch.nan  # one query of one head
    trace = by_hand(q, k, v, mask=maths.Mask(after=0, keep=torch.tensor([False, True, True, True])))
    found = trace.measure(name, 0)
    hidden = ~trace.allowed(0)
    assert (found[hidden] == -torch.inf).all()
    assert not found[~hidden].isinf().any()
    missing = found.isnan()
    assert missing.nonzero().tolist() == [[0, 2, 1], [0, 2, 2]]  # the keys that this query may see


def by_hand(q, k, v, *, d_model=16, **options):
    """A trace of layers (heads, n, d) whose W_O is known at once."""
    weight = torch.randn(q.shape[1], v.shape[-1], d_model, generator=torch.Generator().manual_seed(1)).to(q)
    found = [Projection(weight, None, torch.zeros(q.shape[2], d_model), "o") for _ in q]
    layers = [QKVLayer(*one, scale=1.0, **options) for one in zip(q, k, v, strict=True)]
    tokens = AttentionTrace.from_qkv(q, k, v, list(map(str, range(q.shape[2]))))._tokens
    return AttentionTrace({"self": layers}, tokens, project=lambda _layers, _on_layer: {"self": found})


class Sizes(TorchDispatchMode):
    """The largest tensor that is made, views of others left out."""

    largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **kwargs or {})
        given = {one.untyped_storage().data_ptr() for one in args if isinstance(one, torch.Tensor)}
        for one in result if isinstance(result, tuple | list) else [result]:
            if isinstance(one, torch.Tensor) and one.untyped_storage().data_ptr() not in given:
                self.largest = max(self.largest, one.numel())
        return result


def test_norms_never_write_every_projected_value_out(monkeypatch):
    n, d_model = 2048, 512
    q, k, v = torch.randn(3, 1, HEADS, n, D).unbind()
    trace = by_hand(q, k, v, d_model=d_model)
    monkeypatch.setattr(projection, "_BLOCK", 256)
    trace.find_projections()
    with Sizes() as seen:
        row = trace.measure("norms", 0, queries=7)
    # Q, K, V and W_O have 4 × 2,048 × 8 = 65,536 numbers or fewer; written out it would be 4 million
    assert seen.largest <= HEADS * n * D
    with Sizes() as seen:
        cell = trace.measure("norms", 0, 1, queries=7, keys=9)
    assert seen.largest <= HEADS * n  # its log-sum-exp is known by now, and so are the norms
    close(cell, row[1, 9])


@given(st.integers(1, 40), st.integers(1, 9), st.sampled_from([1, 2, 4]), st.integers(1, 24), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_norms_of_values_in_blocks(n, block, groups, d_model, seed):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(groups, n, D, generator=generator, dtype=torch.float64)
    weight = torch.randn(4, D, d_model, generator=generator, dtype=torch.float64)
    expected = (values.repeat_interleave(4 // groups, 0) @ weight).norm(dim=-1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projection, "_BLOCK", block)
        found = Projection(weight, None, torch.zeros(n, d_model), "o").value_norms(values)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_norms_in_other_precisions(dtype):
    trace = by_hand(*torch.randn(3, 1, 2, 5, D, generator=torch.Generator().manual_seed(0)).to(dtype).unbind())
    found = trace.measure("norms", 0)
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    b = trace.breakdown(0, 1, 3)
    torch.testing.assert_close(found[1, 3], (b.weighted_values @ b.output_weight).norm(dim=-1))


def test_the_norms_are_computed_once_and_counted(monkeypatch):
    trace = captured(tiny.gpt2())
    trace.find_projections()
    before, calls = trace.nbytes, []
    compute = Projection.value_norms
    monkeypatch.setattr(Projection, "value_norms", lambda *args: calls.append(1) or compute(*args))
    for head in range(HEADS):
        trace.measure("norms", 1, head)
    assert len(calls) == 1
    assert trace.nbytes == before + HEADS * len(trace.tokens) * 4
    for twin in (copy.deepcopy(trace), pickle.loads(pickle.dumps(trace))):
        assert torch.equal(twin.measure("norms", 1), trace.measure("norms", 1))


# --- what a trace does not have -----------------------------------------------------------------


def of_weights(_tmp_path):
    return AttentionTrace.from_attentions(torch.eye(3).expand(2, 1, 3, 3), list("abc"))


def of_qkv(_tmp_path):
    return AttentionTrace.from_qkv(*torch.ones(3, 1, 1, 3, 4), list("abc"))


def without_values(_tmp_path):
    return captured(tiny.gpt2(), values=False)


def from_a_file(tmp_path):
    captured(tiny.gpt2()).save(tmp_path / "trace.safetensors")
    return AttentionTrace.load(tmp_path / "trace.safetensors")


def released(_tmp_path):
    trace = captured(tiny.gpt2())
    trace.release_model()
    return trace


@pytest.mark.parametrize(
    ("make", "reasons"),
    [
        (of_weights, {"scores": "has no scores: it was made from attention weights", "norms": "has no values: it was"}),
        (of_qkv, {"norms": "W_O is not known: this trace has no model"}),
        (without_values, {"norms": "has no values: they were left out"}),
        (from_a_file, {"norms": "W_O is not known: this trace has no model"}),
        (released, {"norms": "W_O is not known: this trace has no model"}),
    ],
)
def test_what_cannot_be_had_and_why(make, reasons, tmp_path):
    trace = make(tmp_path)
    for name in ("weights", "scores", "norms"):
        reason = reasons.get(name, "")
        assert (reason in trace.lacks(name)) if reason else trace.lacks(name) == ""
        if reason:
            with pytest.raises(ValueError, match=re.escape(reason)):
                trace.measure(name, 0)
        else:
            assert trace.measure(name, 0).shape == trace.weights(0).shape


def test_a_layer_that_was_left_out():
    trace = captured(tiny.gpt2(), layers=[1])
    for name in ("weights", "scores", "norms"):
        assert trace.lacks(name) == trace.lacks(name, layer=1) == trace.lacks(name, layer=-2) == ""
        assert trace.measure(name, 1).shape == trace.weights(1).shape
        assert trace.lacks(name) == ""  # also now that W_O is known
        assert "left out" in trace.lacks(name, layer=0)
        with pytest.raises(ValueError, match=r"left out of the trace \(layers=\)"):
            trace.measure(name, 0)
    nothing = captured(tiny.gpt2(), layers=[])
    assert "left out" in nothing.lacks("weights")


def test_lacking_is_told_without_running_the_model():
    model = tiny.gpt2()
    trace = captured(model)
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    assert trace.lacks("norms") == ""
    assert passes == []
    trace.measure("norms", 0)
    trace.measure("norms", 1)
    assert passes == [1]


def test_why_there_is_no_output_weight():
    model = tiny.gpt2()
    trace = captured(model)
    for block in model.h:
        block.attn.c_proj.register_forward_hook(lambda _m, _a, out: out.tanh())  # no projection any more
    assert trace.lacks("norms") == ""  # nobody has looked yet
    with pytest.raises(ValueError, match="no module could be proven to be W_O"):
        trace.measure("norms", 0)
    assert "no module could be proven to be W_O" in trace.lacks("norms")


def test_norms_of_a_model_that_has_changed():
    model = tiny.gpt2()
    trace = captured(model)
    trace.measure("norms", 0)
    with torch.no_grad():
        model.h[0].attn.c_proj.weight.mul_(2)
    assert "have changed since" in trace.lacks("norms", layer=0)
    assert trace.lacks("norms", layer=1) == trace.lacks("norms") == ""
    with pytest.raises(ValueError, match="have changed since"):
        trace.measure("norms", 0)


def test_wrong_questions():
    trace = captured(tiny.gpt2())
    with pytest.raises(ValueError, match=r"no measure 'weight'; expected one of weights, scores, norms"):
        trace.measure("weight", 0)
    with pytest.raises(ValueError, match="no measure 'weight'"):
        trace.lacks("weight")
    with pytest.raises(IndexError, match="layer 3 does not exist"):
        trace.measure("norms", 3)
    with pytest.raises(IndexError, match="head 4 does not exist"):
        trace.measure("norms", 0, 4)
    with pytest.raises(TypeError, match="layer must be one int"):
        trace.measure("norms", [0])
    assert not trace.knows_projections  # none of it ran the model


# --- one's own -----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def own(monkeypatch):
    """Measures that a test registers are gone after it."""
    registry = measures.register.__self__
    monkeypatch.setattr(registry, "_own", {})
    return registry


class Twice(aw.measures.Measure):
    name = "twice"
    label = "weight × 2"
    sentence = "Twice the weight."
    domain = "positive"

    def tile(self, region):
        return region.weights() * 2


def test_the_documented_example():
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL) if "class " in block]
    scope = {}
    exec(code, scope)
    assert measures.names() == (*BUILT_IN, "distance")
    trace = captured(tiny.gpt2())
    far = trace.measure("distance", 1)
    weights, n = trace.weights(1), len(trace.tokens)
    for query in range(n):
        for key in range(n):
            expected = weights[:, query, key] * (query - key) if key <= query else torch.full((HEADS,), -torch.inf)
            close(far[:, query, key], expected)
    close(trace.measure("distance", 1, 2, queries=[9, 4], keys=slice(2, 5)), far[2][[9, 4], 2:5])


def test_the_documented_names_are_there():
    text = DOCS.read_text()
    table = re.findall(r"^\| `(\w+)` \|.*\|.*\|.*\|$", text, re.MULTILINE)
    assert table[: len(BUILT_IN)] == [*BUILT_IN]


def test_everything_that_a_region_has():
    seen = []

    @measures.register
    class Look(Twice):
        name = "look"
        needs = frozenset({"scores", "values", "output"})

        def tile(self, region):
            seen.append(region)
            return region.scores()

    trace = captured(tiny.llama())
    trace.measure("look", -1, [3, 1], queries=slice(2, 7), keys=[0, 5])
    (region,) = seen
    assert (region.layer, region.attention, region.shape) == (2, "self", (2, 5, 2))
    heads, queries, keys = region.heads.tolist(), region.queries.tolist(), region.keys.tolist()
    assert (heads, queries, keys) == ([3, 1], [2, 3, 4, 5, 6], [0, 5])
    part = {"queries": queries, "keys": keys}
    close(region.weights(), trace.weights(2, heads, **part))
    close(region.scores(), trace.scores(2, heads, **part))
    assert torch.equal(region.allowed(), trace.allowed(2, heads, **part))
    for at, head in enumerate(heads):
        close(region.values()[at], trace.qkv(2, head)[2][keys])
        close(region.output_weight()[at], trace.breakdown(2, head, 0).output_weight)
    close(region.value_norms(), (region.values() @ region.output_weight()).norm(dim=-1))


def test_a_need_that_was_not_declared_is_named():
    trace = AttentionTrace.from_attentions(torch.eye(3).expand(2, 1, 3, 3), list("abc"))
    for method, need in {"scores": "scores", "values": "values", "output_weight": "output"}.items():
        forgetful = type("Forgetful", (Twice,), {"tile": lambda _, region, method=method: getattr(region, method)()})
        measures.register(forgetful)
        with pytest.raises(ValueError, match=f'"{need}" among its `needs`'):
            trace.measure("twice", 0)


def test_a_measure_of_the_wrong_shape():
    trace = captured(tiny.gpt2())
    for result, error, message in [
        (torch.zeros(4, 3), ValueError, r"'twice' must return .*\(4, 25, 25\), got shape \(4, 3\)"),
        ([[1.0]], TypeError, "must return a torch.Tensor, got list"),
    ]:
        measures.register(type("Wrong", (Twice,), {"tile": lambda *_, result=result: result}))
        with pytest.raises(error, match=message):
            trace.measure("twice", 0)


def test_what_a_measure_returns_is_made_numbers_with_marks():
    trace = captured(tiny.gpt2())

    class Counted(Twice):
        def tile(self, region):
            result = torch.ones(region.shape, requires_grad=True)
            return (result > 0).long() if region.layer else result * torch.nan

    measures.register(Counted)
    hidden = ~trace.allowed(0)
    whole = trace.measure("twice", 1)
    assert whole.dtype == torch.float32
    assert torch.equal(whole, torch.ones_like(whole).masked_fill(hidden, -torch.inf))
    missing = trace.measure("twice", 0)
    assert not missing.requires_grad
    assert missing[~hidden].isnan().all()
    assert (missing[hidden] == -torch.inf).all()


def test_register_returns_what_it_was_given_and_replaces():
    assert measures.register(Twice) is Twice
    assert isinstance(measures.get("twice"), Twice)
    again = Twice()
    assert measures.register(again) is again
    assert measures.get("twice") is again
    assert measures.names() == (*BUILT_IN, "twice")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"name": "weights"}, "'weights' is taken by a built-in measure"),
        ({"name": "two words"}, "must be one word, as a variable's, got 'two words'"),
        ({"name": ""}, "must have a name, a string; got ''"),
        ({"name": 3}, "must have a name, a string; got 3"),
        ({"label": None}, "must have a label"),
        ({"sentence": " "}, "must have a sentence"),
        ({"domain": "0-1"}, "domain of measure 'twice' must be one of .*'share', 'positive', 'real'.*got '0-1'"),
        ({"domain": ["share"]}, "domain of measure 'twice' must be one of"),
        ({"needs": {"keys"}}, "needs of measure 'twice' must be a set of some of .*got {'keys'}"),
        ({"needs": "values"}, "needs of measure 'twice' must be a set"),
        ({"over_keys": "mean"}, "over_keys of measure 'twice' must be one of"),
    ],
)
def test_wrong_measures_are_refused(attributes, message):
    with pytest.raises(ValueError, match=message):
        measures.register(type("Wrong", (Twice,), attributes))
    assert measures.names() == BUILT_IN


def test_what_is_no_measure_is_refused():
    class Unfinished(measures.Measure):
        name = "unfinished"

    class Needy(Twice):
        def __init__(self, more):
            self.more = more

    for wrong, message in [
        (Unfinished, "Unfinished cannot be registered: .*abstract method '?tile'?"),
        (Needy, "Needy cannot be registered: .*'more'"),
        (str, "expected a subclass of attnwidget.measures.Measure, or an instance of one, got the class str"),
        ("weights", "or an instance of one, got 'weights'"),
    ]:
        with pytest.raises(TypeError, match=message):
            measures.register(wrong)
    measures.register(Needy(1))
    assert measures.names()[-1] == "twice"


def test_the_room_is_reached_from_the_package():
    assert aw.measures is measures
    assert "measures" in dir(aw)
    with pytest.raises(AttributeError, match="no attribute 'measure'"):
        _ = aw.measure


# --- merged into words ---------------------------------------------------------------------------


WORDS = st.lists(st.integers(1, 3), min_size=1, max_size=4)


@given(WORDS, WORDS, st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_words_of_any_measure(query_pieces, key_pieces, seed):
    rows, columns = ([word for word, count in enumerate(p) for _ in range(count)] for p in (query_pieces, key_pieces))
    generator = torch.Generator().manual_seed(seed)
    tile = torch.randn(2, len(rows), len(columns), generator=generator, dtype=torch.float64) * 50
    allowed = torch.rand(tile.shape, generator=generator) > 0.4
    tile = tile.masked_fill(~allowed, -torch.inf)
    added, pairs = maths.merge_words(tile, allowed, rows, columns)
    together, same_pairs = maths.merge_words(tile, allowed, rows, columns, over_keys="logsumexp")
    assert torch.equal(pairs, same_pairs)
    for head in range(2):
        for query in range(len(query_pieces)):
            pieces = [at for at, word in enumerate(rows) if word == query]
            attending = [at for at in pieces if allowed[head, at].any()]
            for key in range(len(key_pieces)):
                block = [tile[head, at][torch.tensor([word == key for word in columns])] for at in pieces]
                sums = [one[one > -torch.inf].sum() for at, one in zip(pieces, block, strict=True) if at in attending]
                logs = [one.logsumexp(0) for one in block if (one > -torch.inf).any()]
                assert bool(pairs[head, query, key]) == bool(logs)
                nothing = torch.tensor(-torch.inf).double()
                close(added[head, query, key], torch.stack(sums).mean() if logs else nothing)
                close(together[head, query, key], torch.stack(logs).mean() if logs else nothing)


def test_merged_scores_are_the_log_of_merged_weights():
    trace = captured(tiny.gpt2())
    words = [position // 3 for position in range(len(trace.tokens))]
    rows = list(range(len(words)))  # only the keys' pieces
    allowed = trace.allowed(1)
    scores, _ = maths.merge_words(trace.measure("scores", 1), allowed, rows, words, over_keys="logsumexp")
    weights, seen = maths.merge_words(trace.measure("weights", 1), allowed, rows, words)
    close(scores.softmax(-1), weights.masked_fill(~seen, 0))
    assert (scores[~seen] == -torch.inf).all()
    assert (weights[~seen] == -torch.inf).all()


def test_weights_merge_as_before():
    """With 0 or −∞ at forbidden pairs: the same numbers, to the last bit, and the same mark as before."""
    trace = captured(tiny.gpt2())
    words = [position // 3 for position in range(len(trace.tokens))]
    allowed, group = trace.allowed(0), torch.tensor(words)
    by_key = torch.zeros(HEADS, len(words), words[-1] + 1).index_add_(2, group, trace.weights(0))
    by_word = torch.zeros(HEADS, words[-1] + 1, words[-1] + 1).index_add_(1, group, by_key)
    expected = by_word / torch.bincount(group)[:, None]
    zeros, pairs = maths.merge_words(trace.weights(0), allowed, words, words)
    marks, _ = maths.merge_words(trace.measure("weights", 0), allowed, words, words)
    assert torch.equal(zeros, expected)
    assert torch.equal(marks, expected.masked_fill(~pairs, -torch.inf))


@pytest.mark.parametrize("over_keys", ["sum", "logsumexp"])
def test_merging_keeps_what_is_no_number(over_keys):
    tile = torch.tensor([[[1.0, torch.nan, 2.0], [3.0, 4.0, -torch.inf]]])
    allowed = torch.tensor([[[True, True, True], [True, True, False]]])
    merged, _ = maths.merge_words(tile, allowed, [0, 1], [0, 0, 1], over_keys=over_keys)
    assert merged.isnan().tolist() == [[[True, False], [False, False]]]
    assert merged[0, :, 1].tolist() == [2.0, -torch.inf]
    tile = torch.tensor([[[torch.inf, 1.0, -torch.inf, -torch.inf]]])  # scores that overflowed, all permitted
    merged, _ = maths.merge_words(tile, torch.ones(1, 1, 4).bool(), [0], [0, 0, 1, 1], over_keys=over_keys)
    assert merged.tolist() == [[[torch.inf, -torch.inf]]]
    with pytest.raises(ValueError, match='"sum" or "logsumexp", got \'mean\''):
        maths.merge_words(tile, torch.ones(1, 1, 4).bool(), [0], [0, 0, 1, 1], over_keys="mean")
