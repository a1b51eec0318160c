"""How long until a picture of attention is seen, beside BertViz, in a real JupyterLab.

Both show the same GPT-2 with random weights (12 layers × 12 heads). "First drawing" runs from the start
of the cell, the model's own forward pass included, until the pixels are there; BertViz's CDN scripts
come from this machine. Playwright copies every frame of a websocket, which would cost more than the
drawing: it opens the notebook and lets go of the browser before the clock starts, and the page itself
writes its results into a file. Prints one markdown table, with what one widget and ten leave in a saved
notebook. `--against` measures another checkout, its front end built, beside this one: the rounds take turns.
"""

import argparse
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Playwright, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # where browser is a folder; here it is a file
from browser.chromium import ARGS, find_chromium
from browser.jupyter import Jupyter, serve

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "benchmarks/node_modules"
CDN = {  # where BertViz's addresses end, and the same script here
    "require.js/2.3.6/require.min.js": SCRIPTS / "requirejs/require.js",
    "d3/5.7.0/d3.min.js": SCRIPTS / "d3/dist/d3.min.js",
    "jquery/2.0.0/jquery.min.js": SCRIPTS / "jquery/dist/jquery.min.js",
}
STEPS = ["first drawing", "another layer", "another head"]
SAVED = {"state of one": 1, "state of ten": 10}
PATIENCE = 120  # seconds until a drawing counts as none
SETTLED = 4  # seconds without a change after which a state is complete

SET_UP = """
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

torch.manual_seed(0)
model = GPT2LMHeadModel(GPT2Config()).eval()
words = [f"w{{i}}" for i in range({tokens})]
words_to_ids = Tokenizer(WordLevel({{word: i for i, word in enumerate(words)}}))
words_to_ids.pre_tokenizer = WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words_to_ids)
text = " ".join(words)
"""

# `received` counts what the kernel sends.
COUNT_BYTES = """
window.received = 0;
const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data }) => { received += data.byteLength ?? data.size ?? data.length; });
  }
};
"""
# `measure` times an action until `drawn` holds and stays so for two frames, which is when its pixels are on the screen.
IN_PAGE = """
window.deep = (selector) => {
  for (const host of document.querySelectorAll(".jp-OutputArea *")) {
    const found = host.shadowRoot?.querySelector(selector);
    if (found) return found;
  }
  return null;
};
const frame = () => new Promise(requestAnimationFrame);
const measure = async ([act, drawn], patience) => {
  const begin = performance.now();
  act();
  while (performance.now() - begin < patience * 1000) {
    await frame();
    if (!drawn()) continue;
    await frame();
    await frame();
    if (drawn()) return (performance.now() - begin) / 1000;
  }
  return null;
};
window.measureAll = async (steps, patience, file) => {
  const result = {};
  received = 0;
  for (const [name, step] of Object.entries(steps)) {
    result[name] = await measure(step, patience);
    result.bytes ??= received;
    if (result[name] === null) break;
  }
  const content = JSON.stringify(result);
  await fetch(file, { method: "PUT", body: JSON.stringify({ type: "file", format: "text", content }) });
};
"""


@dataclass
class Subject:
    """A widget to measure: its code, and in JavaScript each step as (action, "its result is drawn")."""

    name: str
    set_up: str
    cell: str
    steps: dict[str, tuple[str, str]]
    script_bytes: int = 0
    is_saved: bool = False  # whether the notebook keeps it as a widget's state


RUN_CELL = 'jupyterapp.commands.execute("notebook:run-cell")'
BERTVIZ = Subject(
    name="BertViz head_view",
    set_up="""
import sys
import IPython.display
from bertviz import head_view

def display_local(shown):  # the CDN's scripts, from Jupyter's own files
    IPython.display.display(type(shown)(shown.data.replace("https://cdnjs.cloudflare.com/ajax/libs", "/files")))

sys.modules["bertviz.head_view"].display = display_local
model.set_attn_implementation("eager")
""",
    cell="""
with torch.no_grad():
    out = model(**tokenizer(text, return_tensors="pt"), output_attentions=True)
head_view(out.attentions, words)
""",
    # Its drawing is one task: when the boxes of the heads are there, so are the lines before them.
    steps={
        "first drawing": (
            RUN_CELL,
            "document.querySelectorAll('#vis > svg > g:last-of-type > rect').length === 12",
        ),
        "another layer": (
            "const list = document.querySelector('#layer'); list.value = 3; list.dispatchEvent(new Event('change'))",
            "true",
        ),
        "another head": (
            "document.querySelectorAll('#vis > svg > g:last-of-type > rect')[5].dispatchEvent(new MouseEvent('click'))",
            "true",
        ),
    },
    script_bytes=sum(path.stat().st_size for path in CDN.values() if path.exists()),
)
READY = "deep('[data-attnwidget][data-state=ready]')"


def attnwidget_of(root: Path, name: str) -> Subject:
    """Return the widget of a checkout."""
    return Subject(
        name=name,
        set_up=f"import sys\nsys.path.insert(0, {str(root / 'src')!r})\nfrom attnwidget import AttentionWidget",
        cell="AttentionWidget(text, model=model, tokenizer=tokenizer)",
        steps={
            "first drawing": (RUN_CELL, READY),
            "another layer": (
                "deep('[data-head=L3-H5]').click()",
                f"deep('[data-head=L3-H5][aria-pressed=true]') && {READY}",
            ),
            "another head": (
                "deep('[data-head=L3-H6]').click()",
                f"deep('[data-head=L3-H6][aria-pressed=true]') && {READY}",
            ),
        },
        is_saved=True,
    )


# What no widget can undercut: the same forward pass, then Jupyter's own way from a cell to an empty picture.
FLOOR = Subject(
    name="floor: forward pass, empty widget",
    set_up="""
import anywidget

class Empty(anywidget.AnyWidget):
    _esm = "export default { render({ el }) { el.id = 'empty'; el.textContent = 'empty'; } }"
""",
    cell="""
with torch.no_grad():
    model.transformer(**tokenizer(text, return_tensors="pt"), use_cache=False)
Empty()
""",
    steps={"first drawing": (RUN_CELL, "document.querySelector('#empty')")},
)
SUBJECTS = {"floor": FLOOR, "bertviz": BERTVIZ, "attnwidget": attnwidget_of(ROOT, "attnwidget")}
HAS_BERTVIZ = importlib.util.find_spec("bertviz") is not None and all(path.exists() for path in CDN.values())


@contextmanager
def chromium(playwright: Playwright) -> Iterator[str]:
    """Run a fresh Chromium that outlives Playwright's connection; yield the address to connect to."""
    profile = tempfile.mkdtemp(prefix="chromium-")
    flags = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}", "--window-size=1280,900"]
    command = [find_chromium(playwright), *ARGS, *flags, "about:blank"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield next(line.split()[-1] for line in process.stderr if line.startswith("DevTools listening on"))
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)


def measure(playwright: Playwright, jupyter: Jupyter, subject: Subject, tokens: int) -> dict[str, Any]:
    """Measure in a fresh browser and kernel; return bytes and seconds, nothing where it took too long."""
    jupyter.write("trial.ipynb", SET_UP.format(tokens=tokens) + subject.set_up, subject.cell)
    result = jupyter.folder / "result.json"
    result.unlink(missing_ok=True)
    steps = ",".join(f"'{name}': [() => {{ {act} }}, () => {drawn}]" for name, (act, drawn) in subject.steps.items())
    with chromium(playwright) as address:
        browser = playwright.chromium.connect_over_cdp(address)
        page = browser.contexts[0].pages[0]
        page.add_init_script(COUNT_BYTES + IN_PAGE)
        notebook = jupyter.open(page, "trial.ipynb")
        notebook.run_cell(0)
        notebook.select(1)
        start = f"setTimeout(() => measureAll({{ {steps} }}, {PATIENCE}, '/api/contents/result.json'), 1000)"
        page.evaluate(f"() => {{ {start}; }}")
        browser.close()
        deadline = time.monotonic() + 2 * PATIENCE
        while not result.exists() and time.monotonic() < deadline:
            time.sleep(0.2)
    jupyter.shut_kernels_down()
    if not result.exists():
        return {}
    found = json.loads(result.read_text())
    found["bytes"] += subject.script_bytes
    return found


def measure_state(playwright: Playwright, jupyter: Jupyter, subject: Subject, tokens: int, count: int) -> int:
    """Return the bytes of the widget state in a saved notebook with so many widgets, all that comes late included."""
    cell = f"display(*[{subject.cell} for _ in range({count})])"
    path = jupyter.write("saved.ipynb", SET_UP.format(tokens=tokens) + subject.set_up, cell)
    with chromium(playwright) as address:
        browser = playwright.chromium.connect_over_cdp(address)
        page = browser.contexts[0].pages[0]
        notebook = jupyter.open(page, path.name)
        notebook.run_all()
        page.wait_for_function(
            f"() => [...document.querySelectorAll('.jp-OutputArea *')].filter((host) => "
            f"host.shadowRoot?.querySelector('[data-attnwidget][data-state=ready]')).length === {count}",
            timeout=PATIENCE * 1000,
        )
        sizes = [0]
        while sizes[-1] == 0 or len(set(sizes[-SETTLED:])) > 1:
            page.wait_for_timeout(1000)
            saved = notebook.save().metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
            sizes.append(len(json.dumps(saved)) if saved else 0)
        browser.close()
    jupyter.shut_kernels_down()
    return sizes[-1]


def median(results: list[dict[str, Any]], key: str) -> str:
    """Write the median of the rounds, or that there is none."""
    values = [result.get(key) for result in results]
    if None in values:
        return f"nothing in {PATIENCE} s" if key == "first drawing" and "bytes" in results[0] else "–"
    middle = statistics.median(values)
    return f"{middle:.2f} s" if key in STEPS else f"{middle / 1e6:.2f} MB"


def main() -> None:
    """Measure every subject at every length."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, nargs="+", default=[16, 64, 128, 256])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=SUBJECTS, nargs="+")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    options = parser.parse_args()
    subjects = [SUBJECTS[name] for name in options.only or SUBJECTS]
    if options.against:
        subjects.append(attnwidget_of(options.against.resolve(), "attnwidget before"))
    if BERTVIZ in subjects and not HAS_BERTVIZ:
        subjects.remove(BERTVIZ)
        print("Without BertViz: `make bench` installs it and its scripts.", file=sys.stderr)
    columns = ["bytes", *STEPS, *SAVED]
    print("| tokens |", *(f"{column} |" for column in ["", *columns]))
    print("|---:|---|" + "---:|" * len(columns))
    with sync_playwright() as playwright, serve() as jupyter:
        for name, script in CDN.items() if BERTVIZ in subjects else ():
            (jupyter.folder / name).parent.mkdir(parents=True)
            shutil.copy(script, jupyter.folder / name)
        for tokens in options.tokens:
            results: dict[str, list[dict[str, Any]]] = {subject.name: [] for subject in subjects}
            for _ in range(options.rounds):
                for subject in subjects:
                    results[subject.name].append(measure(playwright, jupyter, subject, tokens))
            for subject in subjects:
                found = results[subject.name]
                if subject.is_saved:
                    for name, count in SAVED.items():
                        size = measure_state(playwright, jupyter, subject, tokens, count)
                        found[:] = [{**one, name: size} for one in found]
                row = [subject.name, *(median(found, column) for column in columns)]
                print(f"| {tokens} |", *(f"{cell} |" for cell in row), flush=True)


if __name__ == "__main__":
    main()
