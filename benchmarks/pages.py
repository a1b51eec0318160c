"""How large a saved page is beside BertViz's, how soon it is drawn from disk, and how quickly another head.

GPT-2's shape with random weights, 12 layers × 12 heads. Our page carries queries, keys and values, or with
`values=False` what is less; BertViz's `head_view` the weights, without its scripts, which it loads from a CDN. The
clock runs from the beginning of the navigation to the moment at which the widget says "ready", and from a choice to the
same.

    python benchmarks/pages.py
    python benchmarks/pages.py --tokens 64 --no-rival
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # where browser is a folder; here it is a file
import attnwidget
from attnwidget.export.page import save_html
from browser.chromium import launch

TOKENS = (16, 64, 128, 300, 1000)
RIVALS_TOKENS = 256  # a longer page of its takes longer than anybody waits
TIMES = 5
GOALS = {64: (400, 30)}  # ms: ready, another head

IN_PAGE = """
const turn = () => new Promise((done) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = done;
  port2.postMessage(0);
});
const root = () => document.querySelector("#attnwidget > div")?.shadowRoot?.querySelector("[data-attnwidget]");
const until = async (is) => {
  while (!is()) await turn();
  return performance.now();
};
window.ready = until(() => root()?.dataset.state === "ready");
window.change = async (head) => {
  const { model } = attnwidget;
  const drawn = new Promise((done) => requestAnimationFrame(() => done()));
  await drawn; // what went before is on screen
  const begin = performance.now();
  model.set("heads", [head]);
  model.set("layer", head[0]);
  model.save_changes();
  await turn();
  return (await until(() => root()?.dataset.state === "ready")) - begin;
};
"""


def captured(tokens: int) -> tuple[Any, Any, Any]:
    """Run GPT-2's shape on so many tokens; return the trace, and for BertViz the weights and the tokens."""
    import transformers as hf
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    torch.manual_seed(0)
    words = [f"w{at}" for at in range(tokens)]
    splitter = Tokenizer(WordLevel({word: at for at, word in enumerate(words)}))
    splitter.pre_tokenizer = WhitespaceSplit()
    tokenizer = hf.PreTrainedTokenizerFast(tokenizer_object=splitter)
    model = hf.GPT2LMHeadModel(hf.GPT2Config()).eval()
    trace = attnwidget.capture(model, " ".join(words), tokenizer=tokenizer)
    return trace, [trace.weights(layer)[None] for layer in range(12)] if tokens <= RIVALS_TOKENS else None, words


def timed(browser: Browser, path: Path, changes: list[Any]) -> tuple[float, list[float]]:
    """Open a file afresh a few times; return the median until it is drawn, and what every change took."""
    ready, changed = [], []
    for _ in range(TIMES):
        page: Page = browser.new_page(viewport={"width": 1000, "height": 800})
        page.set_default_timeout(120_000)
        page.add_init_script(IN_PAGE)
        page.goto(path.as_uri())
        ready.append(page.evaluate("ready"))
        changed += [page.evaluate("to => change(to)", one) for one in changes]
        page.close()
    return statistics.median(ready), changed


def bertviz_page(weights: Any, words: list[str], path: Path) -> bool:
    """Write BertViz's page; whether it could be had."""
    try:
        from bertviz import head_view
    except ImportError:
        return False
    path.write_text(f"<!doctype html><meta charset=utf-8>{head_view(weights, words, html_action='return').data}")
    return True


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, nargs="+", default=TOKENS)
    parser.add_argument("--no-rival", action="store_true", help="leave BertViz out")
    options = parser.parse_args()
    heads = [[layer, head] for layer in (3, 7, 11) for head in (1, 5)]
    print("| tokens | page | size | ready | another head: median · slowest |\n|---:|---|---:|---:|---:|")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launch(playwright)
        for tokens in options.tokens:
            trace, weights, words = captured(tokens)
            sizes = {}
            for name, values in (("attnwidget", True), ("attnwidget, values=False", False)):
                path = Path(folder) / "page.html"
                save_html(trace, path, values=values)
                sizes[name] = path.stat().st_size
                ready, changed = timed(browser, path, heads)
                show(tokens, name, sizes[name], (ready, changed))
            path = Path(folder) / "bertviz.html"
            if options.no_rival or weights is None or not bertviz_page(weights, words, path):
                continue
            size = path.stat().st_size
            print(f"| {tokens:,} | BertViz | {size / 1e6:.2f} MB | – | – |", flush=True)
            for name, own in sizes.items():
                print(f"| | {name} is {size / own:.0f} times as small | | | |", flush=True)
        browser.close()


def show(tokens: int, name: str, size: int, times: tuple[float, list[float]]) -> None:
    """Print a row; ✗ over the aim."""
    ready, changed = times
    median, slowest = statistics.median(changed), max(changed)
    goals = GOALS.get(tokens, (float("inf"),) * 2)
    over = [" ✗" if value > goal else "" for value, goal in zip((ready, median), goals, strict=True)]
    print(
        f"| {tokens:,} | {name} | {size / 1e6:.2f} MB | {ready:.0f} ms{over[0]} | "
        f"{median:.0f}{over[1]} · {slowest:.0f} ms |",
        flush=True,
    )


if __name__ == "__main__":
    main()
