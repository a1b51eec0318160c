"""`attnwidget.bertviz` beside the real bertviz, which is the oracle: its checks, its numbers, its tokens."""

import inspect
from pathlib import Path
from textwrap import dedent

import nbformat
import pytest
import torch
import transformers as hf
from IPython.display import HTML
from nbclient import NotebookClient

import attnwidget.bertviz as ours
import tiny
from attnwidget import AttentionTrace, AttentionWidget, capture
from attnwidget.bertviz.given import labelled
from attnwidget.trace import hand_over
from bertviz_oracle import VIEW, agree, embedded

theirs = pytest.importorskip("bertviz", reason="bertviz is the oracle: pip install 'attnwidget[bertviz]'")

WORDS = ["[CLS]", "the", "cat", "##s", "[SEP]", "they", "sleep", "[SEP]"]
SPELLINGS = {
    "wordpiece": WORDS,
    "byte": ["<s>", "The", "Ġcat", "s", "Ġsat", ",", "Ġall", "."],
    "sentencepiece": ["▁the", "▁cat", "s", "▁sat", ",", "▁all", ".", "</s>"],
    "word ends": ["the</w>", "cat", "s</w>", "sat</w>", ",</w>", "al", "l</w>", ".</w>"],
}
N = len(WORDS)


def weights(layers=3, heads=4, n=N, m=N, *, causal=False):
    scores = torch.randn(layers, heads, n, m, generator=torch.Generator().manual_seed(layers * n + m)) * 2
    if causal:
        scores = scores.masked_fill(torch.ones(n, m).triu(1).bool(), -torch.inf)
    return [layer[None] for layer in scores.softmax(-1)]  # each (1, heads, n, m)


def both(name, *args, **options):
    """BertViz's own page, and our widget, of the same call."""
    page = getattr(theirs, name)(*args, **options, html_action="return")
    return embedded(page.data), getattr(ours, name)(*args, **options)


@pytest.mark.parametrize("name", ["head_view", "model_view"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_self_attention(name, spelling):
    causal = spelling != "wordpiece"
    params, widget = both(name, weights(causal=causal), SPELLINGS[spelling])
    assert isinstance(widget, AttentionWidget)
    trace = agree(params, widget)
    assert trace.causal == causal
    assert widget.view == {"head_view": "lines", "model_view": "heads"}[name]


@pytest.mark.parametrize("name", ["head_view", "model_view"])
def test_sentence_pairs(name):
    """BertViz cuts the matrix into A → A, B → B, A → B and B → A; the widget knows which text a token is of."""
    params, widget = both(name, weights(), WORDS, sentence_b_start=5)
    trace = agree(params, widget)
    assert trace.segments == [0] * 5 + [1] * 3
    of = [[at for at in range(N) if trace.segments[at] == text] for text in (0, 1)]
    cuts = {"A -> Sentence A": (0, 0), "B -> Sentence B": (1, 1), "A -> Sentence B": (0, 1), "B -> Sentence A": (1, 0)}
    for one in params["attention"][1:]:
        x, y = cuts[one["name"].removeprefix("Sentence ")]
        for layer, given in enumerate(one["attn"]):
            torch.testing.assert_close(trace.weights(layer, queries=of[x], keys=of[y]), torch.tensor(given))


SOURCE, TARGET = ["▁le", "▁chat", "</s>"], ["<pad>", "▁the", "▁cat", "▁sleeps"]
PARTS = {
    "encoder_attention": weights(3, n=3, m=3),
    "decoder_attention": weights(3, n=4, m=4, causal=True),
    "cross_attention": weights(3, n=4, m=3),
    "encoder_tokens": SOURCE,
    "decoder_tokens": TARGET,
}


@pytest.mark.parametrize("name", ["head_view", "model_view"])
def test_encoder_decoder(name):
    params, widget = both(name, **PARTS)
    agree(params, widget, ("encoder", "decoder", "cross"))
    assert widget.attention == "encoder"  # BertViz opens on its first, too
    alone = {key: value for key, value in PARTS.items() if key not in {"encoder_attention", "decoder_attention"}}
    params, widget = both(name, **alone)
    agree(params, widget, ("cross",))


def test_what_is_included():
    params, widget = both("model_view", weights(4, 6), WORDS, include_layers=[1, 3], include_heads=[0, 5])
    agree(params, widget)
    assert widget.heads == [(1, 0), (1, 5)]
    torch.testing.assert_close(widget.weights(), torch.tensor(params["attention"][0]["attn"][0]))
    params, widget = both("head_view", weights(4), WORDS, include_layers=[2, 3], layer=3, heads=[1, 2])
    agree(params, widget)
    assert (widget.layer, widget.heads) == (3, [(3, 1), (3, 2)])
    with pytest.raises(ValueError, match="left out"):
        widget.trace.weights(0)
    params, widget = both("model_view", **PARTS, include_layers=[0, 2], include_heads=[1])
    agree(params, widget, ("encoder", "decoder", "cross"))
    _, widget = both("head_view", weights(), WORDS, include_layers=[])  # both take it for all
    assert widget.trace.kept() == [0, 1, 2]
    assert widget.heads == [(0, head) for head in range(4)]  # BertViz opens all heads of the first layer


def test_tokens_as_the_vocabulary_writes_them():
    params, widget = both("head_view", weights(), WORDS, prettify_tokens=False)
    assert widget.tokens == params["attention"][0]["left_text"] == WORDS
    assert labelled(["Ã©t", "Ġ"], pretty=False).text == ["Ã©t", "Ġ"]


@pytest.mark.parametrize("name", ["head_view", "model_view"])
def test_signatures(name):
    def arguments(function):
        return [(one.name, one.default) for one in inspect.signature(function).parameters.values()]

    assert arguments(getattr(ours, name)) == arguments(getattr(theirs, name))
    import bertviz.neuron_view

    assert arguments(ours.neuron_view.show) == arguments(bertviz.neuron_view.show)


WRONG = {
    "nothing": {},
    "no tokens": {"attention": weights()},
    "both kinds": {"attention": weights(), "tokens": WORDS, "encoder_tokens": SOURCE},
    "too few tokens": {"attention": weights(), "tokens": WORDS[1:]},
    "no batch": {"attention": [one[0] for one in weights()], "tokens": WORDS},
    "no encoder tokens": {"encoder_attention": PARTS["encoder_attention"]},
    "no decoder tokens": {"decoder_attention": PARTS["decoder_attention"]},
    "no source": {"cross_attention": PARTS["cross_attention"], "decoder_tokens": TARGET},
    "no target": {"cross_attention": PARTS["cross_attention"], "encoder_tokens": SOURCE},
    "a layer that is not": {"attention": weights(), "tokens": WORDS, "include_layers": [7]},
    "another action": {"attention": weights(), "tokens": WORDS, "html_action": "save"},
}


@pytest.mark.parametrize("name", ["head_view", "model_view"])
@pytest.mark.parametrize("case", WRONG)
def test_what_bertviz_refuses_is_refused(name, case):
    with pytest.raises((ValueError, IndexError)) as refused:
        getattr(theirs, name)(**{"html_action": "return"} | WRONG[case])
    with pytest.raises(type(refused.value)):
        getattr(ours, name)(**WRONG[case])


def test_what_is_refused_says_what_to_do():
    with pytest.raises(ValueError, match=r"pass `outputs\.attentions`"):
        ours.model_view((), WORDS)  # BertViz's own example, with transformers 5
    with pytest.raises(TypeError, match="a model's whole output"):
        ours.model_view({"last_hidden_state": weights()[0], "attentions": weights()}, WORDS)
    with pytest.raises(ValueError, match=r"attentions is None in layer 0.*eager"):
        ours.head_view([None, None], WORDS)
    with pytest.raises(ValueError, match="Layer 2 is not in include_layers"):
        ours.head_view(weights(), WORDS, layer=2, include_layers=[0])
    with pytest.raises(IndexError, match="heads: there is no head 9, but 0 to 3"):
        ours.head_view(weights(), WORDS, heads=[9])
    with pytest.raises(ValueError, match="1 to 7, got 8"):
        ours.head_view(weights(), WORDS, sentence_b_start=8)
    with pytest.raises(ValueError, match="a weight lies between 0 and 1"):
        ours.head_view([one * 3 for one in weights()], WORDS)


# -- where it is shown ------------------------------------------------------------------------------------------------

POSITIONS = {
    "last": ("head_view(a, t)", 1),
    "in the middle": ("head_view(a, t)\n'something else'", 1),
    "kept": ("w = head_view(a, t)", 1),
    "kept and last": ("w = head_view(a, t)\nw", 1),
    "in a loop": ("for layer in (0, 1):\n    model_view(a, t)", 2),
    "in a function": ("def f():\n    return head_view(a, t)\nf()", 1),
    "in another cell": ("w", 1),
    "returned": ("head_view(a, t, html_action='return')", 1),
    "returned and kept": ("h = head_view(a, t, html_action='return')", 0),
}


def pictures(outputs):
    return sum(bool({"text/html", VIEW} & {*one}) for one in outputs)


def test_one_picture_wherever_it_is_called():
    setup = """
        import torch
        from attnwidget.bertviz import head_view, model_view
        from attnwidget import AttentionWidget
        AttentionWidget.picture = False
        a, t = list(torch.full((2, 1, 2, 3, 3), 1 / 3)), ["a", "b", "c"]
    """
    cells = [dedent(setup), *(cell for cell, _ in POSITIONS.values())]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120).execute()
    found = [pictures(out.get("data", {}) for out in cell.outputs) for cell in notebook.cells[1:]]
    assert found == [expected for _, expected in POSITIONS.values()]


def test_without_a_notebook_nothing_is_printed(capsys):
    assert isinstance(ours.head_view(weights(), WORDS), AttentionWidget)
    assert not capsys.readouterr().out


def test_html_stands_alone_in_any_encoding():
    made = ours.model_view(weights(), [*WORDS[:-1], '"><script>é</script>'], include_heads=[1], html_action="return")
    assert isinstance(made, HTML)
    assert made.data.isascii()
    assert made.data.count("<") == made.data.count(">") == 4  # a division and a frame: nothing else is markup


# -- the neuron view --------------------------------------------------------------------------------------------------


def test_neuron_view_opens_the_breakdown():
    tokenizer = tiny.tokenizer(marks=True)
    for make, kind in ((tiny.gpt2, "gpt2"), (tiny.bert, "bert"), (tiny.llama, "llama")):
        model = make()
        widget = ours.neuron_view.show(model, kind, tokenizer, tiny.TEXT, layer=2, head=1)
        assert (widget.view, widget.heads) == ("breakdown", [(2, 1)])
        step = widget.breakdown()
        expected = capture(model, tiny.TEXT, tokenizer=tokenizer).scores(2, 1, queries=step.queries)[0]
        torch.testing.assert_close(step.scores, expected)
        widget.close()
    pair = ours.neuron_view.show(tiny.bert(), "bert", tokenizer, "one", "two")
    assert {*pair.trace.segments} == {0, 1}
    made = ours.neuron_view.show(tiny.gpt2(), "gpt2", tokenizer, "one", html_action="return")
    assert made.data.isascii()


def test_neuron_view_refuses_what_bertviz_refuses():
    from bertviz.transformers_neuron_view import BertModel
    from bertviz.transformers_neuron_view.modeling_bert import BertConfig

    tokenizer = tiny.tokenizer()
    with pytest.raises(ValueError, match="Sentence A is required"):
        ours.neuron_view.show(tiny.bert(), "bert", tokenizer, "")
    with pytest.raises(ValueError, match="gpt2 does not support sentence pairs"):
        ours.neuron_view.show(tiny.gpt2(), "gpt2", tokenizer, "a", "b")
    old = BertModel(BertConfig(8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8))
    with pytest.raises(TypeError, match="from transformers import BertModel"):
        ours.neuron_view.show(old, "bert", tokenizer, "a")


def test_todays_classes_stand_where_bertviz_has_its_own():
    from attnwidget.bertviz.transformers_neuron_view import GPT2Model

    assert GPT2Model is hf.GPT2Model


# -- from a trace to BertViz ------------------------------------------------------------------------------------------


def traces():
    tokenizer = tiny.tokenizer(marks=True)
    yield "self", capture(tiny.gpt2(), tiny.TEXT, tokenizer=tokenizer)
    yield "pair", capture(tiny.bert(), "one", "and two", tokenizer=tokenizer)
    parts = {name: PARTS[f"{name}_attention"] for name in ("encoder", "decoder", "cross")}
    yield "several", AttentionTrace.from_attentions(**parts, source_tokens=SOURCE, target_tokens=TARGET)


@pytest.mark.parametrize("view", ["head", "model"])
def test_a_trace_in_bertviz(view):
    for kind, trace in traces():
        params = embedded(trace.to_bertviz(view, html_action="return").data)
        assert len(params["attention"]) == {"self": 1, "pair": 5, "several": 3}[kind]
        for name, one in zip(trace.attentions, params["attention"], strict=False):
            queries, keys = trace.sides(name)
            assert (one["left_text"], one["right_text"]) == (queries.text, keys.text)
            for layer, given in enumerate(one["attn"]):
                assert torch.tensor(given).equal(trace.weights(layer, attention=name))
    params = embedded(trace.to_bertviz(view, attention="cross", include_layers=[1], html_action="return").data)
    assert [one["name"] for one in params["attention"]] == ["Cross"]
    assert torch.tensor(params["attention"][0]["attn"][0]).equal(trace.weights(1, attention="cross"))


def test_queries_and_keys_in_bertviz_neuron_view():
    for kind, trace in list(traces())[:2]:
        page = trace.to_bertviz("neuron", layer=1, head=2, html_action="return")
        params = embedded(page.data)
        assert (params["layer"], params["head"], params["bidirectional"]) == (1, 2, kind == "pair")
        whole = params["attention"]["all"]
        q, k, _ = trace.qkv(1, 2)
        assert torch.tensor(whole["queries"][1][2]).equal(q)
        assert torch.tensor(whole["keys"][1][2]).equal(k)
        assert torch.tensor(whole["attn"][1]).equal(trace.weights(1))
        assert whole["left_text"] == trace.tokens
        if kind == "pair":
            start = trace.segments.index(1)
            assert torch.tensor(params["attention"]["ab"]["attn"][1]).equal(trace.weights(1)[:, :start, start:])
    with pytest.raises(ValueError, match="its scores would be wrong"):
        capture(tiny.gemma2(), tiny.TEXT, tokenizer=tiny.tokenizer()).to_bertviz("neuron")
    with pytest.raises(ValueError, match="needs queries and keys"):
        AttentionTrace.from_attentions(weights(), WORDS).to_bertviz("neuron")


def test_what_bertviz_could_not_draw_is_refused_before_anything_is_computed(monkeypatch):
    q = torch.zeros(12, 12, 512, 1)
    trace = AttentionTrace.from_qkv(q, q, q, [str(at) for at in range(512)], mask="causal")
    monkeypatch.setattr(AttentionTrace, "weights", None)
    with pytest.raises(ValueError, match=r"about 1,058 MB.*include_layers=\[0\]"):
        trace.to_bertviz()


@pytest.mark.parametrize("view", ["head", "model", "neuron"])
def test_the_size_that_is_told_is_that_of_the_page(view, monkeypatch):
    told = []
    monkeypatch.setattr(hand_over, "_check_size", lambda _package, _limit, size, _advice: told.append(size))
    code = Path(theirs.__file__).with_name(f"{view}_view.js").stat().st_size
    for _, trace in list(traces())[:2]:
        page = trace.to_bertviz(view, html_action="return").data
        assert told[-1] == pytest.approx(len(page) - code, rel=0.1)


def test_no_token_of_a_trace_becomes_markup_in_bertviz():
    bad = "</script><b>!"
    trace = AttentionTrace.from_attentions(weights(1, n=2, m=2), ["a", bad])
    page = trace.to_bertviz(html_action="return")
    assert bad not in page.data
    assert embedded(page.data)["attention"][0]["left_text"] == ["a", bad]


def test_without_bertviz_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bertviz", None)
    with pytest.raises(ImportError, match=r"attnwidget\[bertviz\]"):
        AttentionTrace.from_attentions(weights(), WORDS).to_bertviz()
