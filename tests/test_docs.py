"""The code in docs/: every block of these pages runs, in their order, and every row that says so is the same number."""

import re
from pathlib import Path

import pytest
import torch
import transformers as hf

import tiny
from attnwidget import Target, capture, load_model, masks, variants

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
    "circuits": (lambda _: {}, "torch"),
    "effects": (of_demo_causal, "torch"),
    "coming-from-bertviz": (from_bertviz, "bertviz"),
    "coming-from-circuitsvis": (from_circuitsvis, "circuitsvis"),
    "coming-from-transformerlens": (from_transformerlens, "transformer_lens"),
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
