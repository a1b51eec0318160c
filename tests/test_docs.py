"""The code in docs/: every block of these pages runs, in their order, and every row that says so is the same number."""

import re
from pathlib import Path

import pytest
import torch
import transformers as hf

import tiny
from attnwidget import Target, capture, categorize, compare, head_distances, load_model, masks, variants

DOCS = Path(__file__).parents[1] / "docs"
TEMPLATE = "<s>{% for one in messages %}{{ one.role }}: {{ one.content }}</s>{% endfor %}"


def chat_tokenizer():
    made = tiny.tokenizer()
    made.chat_template = TEMPLATE
    return made


def from_bertviz(_folder):
    model = tiny.bert(attn_implementation="eager", output_attentions=True)
    names = ["cat", "sat", "mat", "the", "on"]
    tokenizer = hf.BertTokenizer(
        {word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *names])}
    )
    return {"model": model, "tokenizer": tokenizer}


def from_circuitsvis(_folder):
    tokens = ["<s>", "the", " cat"]
    patterns = torch.randn(8, 3, 3, generator=torch.Generator().manual_seed(0)).softmax(-1).tril()
    return {"tokens": tokens, "patterns": patterns, "model": tiny.gpt2(), "tokenizer": tiny.tokenizer()}


def from_transformerlens(folder):
    bridge = pytest.importorskip("transformer_lens.model_bridge", reason="no transformer_lens (make test-interop)")
    tiny.gpt2(hf.GPT2LMHeadModel).save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    model = bridge.TransformerBridge.boot_transformers(str(folder), tokenizer=tokenizer, device="cpu")
    return {"model": model, "text": "The cat sat"}


def of_your_model(_folder):
    marian, marian_tokenizer = load_model("demo/fr-en")
    return {
        "model": tiny.llama(hf.LlamaForCausalLM),
        "eager": tiny.llama(hf.LlamaForCausalLM, attn_implementation="eager"),
        "tokenizer": chat_tokenizer(),
        "marian": marian,
        "marian_tokenizer": marian_tokenizer,
    }


def of_demo_causal(_folder):
    model, tokenizer = load_model("demo/causal")
    return {"model": model, "tokenizer": tokenizer}


PAGES = {
    "attention": (of_demo_causal, "sklearn"),
    "circuits": (lambda _: {}, "torch"),
    "compare": (lambda _: {}, "torch"),
    "effects": (of_demo_causal, "torch"),
    "how-to": (lambda _: {}, "pandas"),
    "coming-from-bertviz": (from_bertviz, "bertviz"),
    "coming-from-circuitsvis": (from_circuitsvis, "circuitsvis"),
    "coming-from-transformerlens": (from_transformerlens, "transformer_lens"),
    "lessons": (lambda _: {}, "nbformat"),
    "masks": (of_demo_causal, "torch"),
    "variants": (of_demo_causal, "torch"),
    "your-model": (of_your_model, "peft"),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.filterwarnings("ignore")  # what a page tells of notices is tested elsewhere
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    names, package = PAGES[page]
    pytest.importorskip(package, reason=f"{package} is not installed")
    monkeypatch.chdir(tmp_path)
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    space = names(tmp_path / "model")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        exec(compile(block, f"{page}.md", "exec"), space)
    same = re.findall(r"^\| `(cache\[.*?)` \| `(trace\..*?)` \|$", text, re.MULTILINE)
    assert len(same) == (8 if page == "coming-from-transformerlens" else 0)
    for theirs, ours in same:
        torch.testing.assert_close(eval(ours, space), eval(theirs, space), rtol=1e-5, atol=1e-5, msg=ours)


def test_what_the_page_on_masks_says_comes_out_so():
    space, told = of_demo_causal(None), 0
    text = (DOCS / "masks.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for statement in block.splitlines():
            said = re.fullmatch(r"(.+?)  # (tensor\(.+\)|\[.+\])", statement)
            if said is None:
                exec(statement, space)
            else:
                assert repr(eval(said[1], space)) == said[2], statement
                told += 1
    assert told == 6


def test_the_page_of_variants_lists_what_there_is():
    text = (DOCS / "variants.md").read_text(encoding="utf-8")
    for table, rows in (
        ("| name | formula |", [(one.name, one.formula.text) for one in variants.ALL]),
        ("| name | what may attend |", [(one.example, masks.explain(one.example, 8)) for one in masks.PRESETS]),
    ):
        lines = text[text.index(table) :].partition("\n\n")[0].splitlines()[2:]
        assert [tuple(line[2:].split(" | ")[:2]) for line in lines] == [(f"`{name}`", said) for name, said in rows]


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_links_between_pages_lead_somewhere(page):
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_the_numbers_that_the_page_on_comparing_names():
    page = (DOCS / "compare.md").read_text(encoding="utf-8")
    a, b = re.findall(r'^[AB] = "(.*)"$', page, re.MULTILINE)
    found = compare(a, b, model="demo/masked").comparison
    bank = found.rank("bank").to_dict()
    assert [*bank][:3] == ["L0-H6", "L0-H4", "L0-H1"]
    assert [*bank][-1] == "L0-H7"
    assert sum(value < 0.03 for value in bank.values()) > len(bank) / 2
    assert found.rank().heads[0] == "L0-H4"
    first, second = (one.weights(0, 6)[one.tokens.index("bank")] for one in (found.a, found.b))
    said = {
        "0.3011": bank["L0-H6"],
        "0.2850": bank["L0-H4"],
        "0.2339": bank["L0-H1"],
        "0.0002": bank["L0-H7"],
        "0.2368": found.rank()["L0-H4"],
        "0.3607": float(first[found.a.tokens.index("boat")]),
        "0.0745": float(first[found.a.tokens.index("river")]),
        "0.2754": float(second[found.b.tokens.index("money")]),
        "0.1583": float(second[found.b.tokens.index("city")]),
    }
    for number, value in said.items():
        assert number in page
        assert f"{value:.4f}" == number
    assert found.alignment().alone == ([2, 9], [2, 9])
    steps = found.steps("L0-H1", "bank")
    differs, fewer = steps.difference("scores"), steps.difference("weights")
    assert not differs[differs.isfinite()].any()
    assert (fewer[fewer.isfinite()] < 0).all()
    assert [f"{float(one):.4f}" for one in fewer][found.a.tokens.index("lay")] == "-0.0059"
    assert "that of *lay* by 0.0059" in page
    assert [f"{float(one.scores[2]):.3f}" for one in (steps.here, steps.there)] == ["1.208", "1.093"]
    assert "score of 1.208 is above the 1.093" in page


@pytest.mark.filterwarnings("ignore")
def test_the_numbers_that_the_page_on_attention_names():
    page = (DOCS / "attention.md").read_text(encoding="utf-8")
    text = "The animal didn't cross the road because it was too tired"
    traces = {}
    for name in ("demo/causal", "demo/masked"):
        model, tokenizer = load_model(name)
        pair = (text, text.replace("tired", "wide"))
        traces[name] = [capture(model, one, tokenizer=tokenizer) for one in pair]
    (causal, wide), (masked, masked_wide) = traces.values()

    assert "66 of the 144 pairs" in page
    assert (int((~causal.allowed(0, 0)).sum()), len(causal.tokens) ** 2) == (66, 144)
    assert bool(masked.allowed(0, 0).all())
    for trace, head, said in (
        (causal, "L3-H0", "0.50 in L3-H0"),
        (masked, "L1-H0", "0.99 in L1-H0"),
    ):
        found = trace.rank("it", "animal")
        assert found.heads[0] == head
        assert f"{float(found.values[0]):.2f}" in said
        assert said in page
    for trace, noun in ((masked, "animal"), (masked_wide, "road")):
        row = trace.weights(1, 7)[trace.tokens.index("it")]
        assert f"{float(row[trace.tokens.index(noun)]):.2f}" == "0.98"
        assert f"*{noun}* (0.98)" in page
    assert causal.tokens[:-1] == wide.tokens[:-1]
    for layer in range(4):  # nothing before the last word can differ
        assert torch.equal(causal.weights(layer)[:, :-1], wide.weights(layer)[:, :-1])
    assert causal.qkv(0, 0)[0].shape[1] == causal.qkv(0, 0)[2].shape[1] == 32
    assert causal.formula() == "weight = softmax(q·k ÷ √32 + mask)"
    table = categorize(causal)
    assert len(table) == 32
    assert len(table.heads("Other")) == 13

    far = head_distances(causal)
    assert far.to_numbers()[0][:2] == ("L0-H3", "L0-H4")
    assert f"{far['L0-H3', 'L0-H4']:.4f}" == "0.0074"
    assert f"{far.agreement(table).chance:.1f}" == "4.4"
    assert far.agreement(table)[:2] == (16, 19)
    agreed = head_distances(masked).agreement(categorize(masked))
    assert (*agreed[:2], f"{agreed.chance:.1f}") == (24, 29, "10.3")
    assert "16 of the\n19 heads" in page
    assert "24 of 29, by chance 10.3" in page
    first = repr(causal.pipeline(2)).splitlines()[0]
    assert f"# {first}\n" in page


def test_the_stress_that_the_page_on_attention_names():
    pytest.importorskip("sklearn")
    model, tokenizer = load_model("demo/causal")
    trace = capture(model, "The animal didn't cross the road because it was too tired", tokenizer=tokenizer)
    assert f"({head_distances(trace).map().stress:.2f} here;" in (DOCS / "attention.md").read_text(encoding="utf-8")


def test_the_numbers_that_the_page_on_effects_names():
    model, tokenizer = load_model("demo/causal")
    trace = capture(model, "The animal didn't cross the road because it was too tired", tokenizer=tokenizer)
    tired = Target.logprob(" tired", at=10)
    off, parts, quick = trace.effects(" to"), trace.decompose(" to"), trace.effects(" to", "attribution")
    assert off.target.ids == trace.effects().target.ids  # " to" is the likeliest
    cut = [trace.effects(tired, "edge", pair=("too", "animal"), how=how) for how in ("before", "after", "renormalised")]

    def order(grid):
        return grid.flatten().argsort().argsort().float()

    def rho(one, other):
        return float(torch.corrcoef(torch.stack([order(one), order(other)]))[0, 1])

    said = {
        "−8.018": cut[0].base,
        "+0.99": float(parts.heads[3, 7]),
        "−0.64": off["L3-H7"],
        "−0.10": cut[0]["L2-H6"],
        "−0.29": cut[1]["L2-H6"],
        "0.98": rho(quick.grid(), off.grid()),
        "−0.12": rho(parts.heads, off.grid()),
    }
    page = (DOCS / "effects.md").read_text(encoding="utf-8")
    for number, found in said.items():
        assert number in page
        digits = len(number.partition(".")[2])
        assert f"{found:+.{digits}f}".replace("-", "−").removeprefix("" if number[0] == "+" else "+") == number
    assert cut[2]["L2-H6"] == pytest.approx(cut[0]["L2-H6"], abs=1e-5)
    assert parts.difference < 1e-4
