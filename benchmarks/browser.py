"""How fast every view draws and answers in a real JupyterLab, at any length, beside BertViz and CircuitsVis.

GPT-2's shape with random weights, 4 layers of it from 4,096 tokens on. The forward pass is excluded, and shown beside:
every widget is given what was captured before (BertViz and CircuitsVis the weights, written out). Clocks run inside the
page, from the event to the moment at which the widget says "ready" with what was asked for: that is when its canvases
are drawn. A hover ends when the exact number stands in the readout. Beside it the floor: an empty widget of the same
kind, and a message of as many bytes to the kernel and back.

    python benchmarks/browser.py
    python benchmarks/browser.py --tokens 32768 --views matrix text --rivals
"""

import argparse
import json
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Playwright, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # where browser is a folder; here it is a file
from first_drawing import BERTVIZ, CDN, COUNT_BYTES, HAS_BERTVIZ, RUN_CELL, chromium

from browser.jupyter import Jupyter, serve

TOKENS = (128, 512, 1024, 4096, 32768)
RIVALS_TOKENS = (64, 128, 256)
VIEWS = ("lines", "matrix", "text", "heads")
GOALS = {  # ms: first drawing, another head, hover
    128: (120, 30, 16),
    512: (200, 50, 16),
    1024: (300, 80, 20),
    4096: (800, 200, 30),
    32768: (3000, 1000, 100),
}
PATIENCE = 120  # seconds
TIMES = 7  # heads and hovers, of which the median counts

SET_UP = """
import json, os, time
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

torch.manual_seed(0)
config = GPT2Config(n_layer={layers}, n_positions=max(1024, {tokens}))
model = GPT2LMHeadModel(config).eval()
names = [f"w{{i % 997}}" for i in range({tokens})]
vocabulary = {{name: i for i, name in enumerate(dict.fromkeys(names))}}
splitter = Tokenizer(WordLevel(vocabulary))
splitter.pre_tokenizer = WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=splitter)
text = " ".join(names)

def resident():
    return int(open("/proc/self/status").read().split("VmRSS:")[1].split()[0]) * 1024

def said(**facts):
    path = "facts.json"
    known = json.load(open(path)) if os.path.exists(path) else {{}}
    json.dump(known | facts, open(path, "w"))
"""
OURS = """
import attnwidget
from attnwidget import AttentionWidget
begin = time.perf_counter()
with torch.inference_mode():
    model.transformer(**tokenizer(text, return_tensors="pt"), use_cache=False)
plain = time.perf_counter() - begin
trace = attnwidget.capture(model, text, tokenizer=tokenizer)
said(plain=plain, trace=trace.nbytes, before=resident(), pid=os.getpid())
AttentionWidget("The cat sat", probe=False)
"""
WEIGHTS = """
with torch.no_grad():
    out = model(**tokenizer(text, return_tensors="pt"), output_attentions=True)
"""
CIRCUITSVIS = """
from circuitsvis.attention import attention_heads
from IPython.display import HTML
model.set_attn_implementation("eager")
"""

# Clocks look at every turn of the event loop, not only at every frame.
IN_PAGE = """
window.roots = () => [...document.querySelectorAll(".jp-OutputArea *")]
  .map((host) => host.shadowRoot?.querySelector("[data-attnwidget]")).filter(Boolean);
window.root = () => roots().at(-1);
window.deep = (selector) => root()?.querySelector(selector);
window.isReady = () => root()?.dataset.state === "ready";
window.readout = () => deep("[role=status]")?.textContent ?? "";
const turn = () => new Promise((done) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = done;
  port2.postMessage(0);
});
window.frame = () => new Promise(requestAnimationFrame);
window.clock = async (act, done, patience) => {
  for (let at = 0; at < 10; at++) await frame();
  const before = received;
  const begin = performance.now();
  await act();
  while (performance.now() - begin < patience * 1000) {
    await turn();
    if (!done()) continue;
    const ms = performance.now() - begin;
    await frame(); // what was asked for may not even have reached the attributes
    if (done()) return { ms, bytes: received - before };
  }
  return null;
};
window.quiet = async (ms) => {
  let [last, since] = [-1, performance.now()];
  while (performance.now() - since < ms) {
    if (received !== last) [last, since] = [received, performance.now()];
    await frame();
  }
};
window.inSight = (element) => {
  const box = element.getBoundingClientRect();
  const around = element.closest(".scroll, .passage, .heads-scroll")?.getBoundingClientRect();
  return box.width > 0 && (!around || (box.top >= around.top && box.bottom <= around.bottom));
};
Element.prototype.setPointerCapture = () => {};  // of events that are made here there is no pointer to capture
window.move = (element, x, y) => {
  for (const type of ["pointerover", "pointerenter", "pointermove"]) {
    element.dispatchEvent(new PointerEvent(type, {
      bubbles: type !== "pointerenter", composed: true, clientX: x, clientY: y, pointerId: 1, pointerType: "mouse",
    }));
  }
};
/** Frames a second while something moves a step a frame. */
window.frames = async (step, count) => {
  for (let at = 0; at < 10; at++) await frame();
  let [begin, last, worst] = [performance.now(), performance.now(), 0];
  for (let at = 0; at < count; at++) {
    step(at);
    const now = await frame();
    worst = Math.max(worst, performance.now() - last);
    last = performance.now();
  }
  return { fps: 1000 * count / (performance.now() - begin), worst };
};
window.put = (file, content) => fetch(file, {
  method: "PUT", body: JSON.stringify({ type: "file", format: "text", content: JSON.stringify(content) }),
});
"""

# How a pointer rests on something in each view: what it moves over, the nth time.
REST_ON = (
    "const all = [...root().querySelectorAll('{selector}')].filter(inSight);"
    " const one = all[(nth * 5 + 3) % all.length]; const box = one.getBoundingClientRect();"
    " move(one, box.x + box.width / 2, box.y + box.height / 2);"
)
HOVER = {
    "lines": REST_ON.format(selector="[data-side=query][data-index]"),
    "text": REST_ON.format(selector="[data-side][data-index]"),
    "matrix": "const one = deep('.matrix-ground'); const box = one.getBoundingClientRect();"
    " move(one, box.x + box.width * (0.3 + 0.02 * nth), box.y + box.height * (0.6 + 0.015 * nth));",
    "heads": REST_ON.format(selector=".picture [data-head]"),
}
# How it moves on, from frame to frame; the matrix is zoomed into and dragged.
MOVING = {
    "lines": "deep('.scroll.query').scrollTop += 24;",
    "text": "deep('.passage').scrollTop += 24;",
    "matrix": "const one = deep('.matrix-ground'); const box = one.getBoundingClientRect();"
    " const at = { bubbles: true, composed: true, cancelable: true, pointerId: 1, isPrimary: true, button: 0,"
    " buttons: 1, clientX: box.x + box.width / 2 + (nth % 60) * 2, clientY: box.y + box.height / 2 + (nth % 60) * 2 };"
    " if (nth === 0) for (let step = 0; step < 4; step++)"
    " one.dispatchEvent(new WheelEvent('wheel', { ...at, ctrlKey: true, deltaY: -60 }));"
    " one.dispatchEvent(new PointerEvent(nth % 60 ? 'pointermove' : 'pointerdown', at));"
    " if (nth % 60 === 59) one.dispatchEvent(new PointerEvent('pointerup', at));",
}
HEAD_IN = {"heads": "`.picture [data-head=${name}]`"}  # the others' heads stand at their side

MEASURE_OURS = """
async () => {{
  const result = {{}};
  const there = roots().length;
  result.first = await clock(() => {run}, () => roots().length > there && isReady(), {patience});
  result.exact = await clock(() => {{}}, () => !deep("[data-exact=false]"), {patience});
  await quiet(1500);
  result.heads = [];
  for (let nth = 0; nth < {times}; nth++) {{
    const name = `L${{nth % {layers}}}-H${{(nth * 5 + 2) % 12}}`;
    const selector = {head};
    result.heads.push(await clock(
      () => deep(selector).click(),
      () => deep(selector)?.getAttribute("aria-pressed") === "true" && isReady(), {patience}));
    await quiet(300);
  }}
  result.hovers = [];
  for (let nth = 0; nth < {times}; nth++) {{
    const before = readout();
    result.hovers.push(await clock(() => {{ {hover} }},
      () => readout() !== before && !readout().includes("…") && /\\d/.test(readout()), 20));
  }}
  if ({moves}) result.frames = await frames((nth) => {{ {moving} }}, 120);
  await put("/api/contents/result.json", result);
}}
"""
MEASURE_FLOOR = """
async () => {{
  const result = {{}};
  result.first = await clock(() => {run}, () => document.querySelector("#empty"), {patience});
  result.heads = [];
  for (let nth = 0; nth < {times}; nth++) {{
    const empty = document.querySelector("#empty");
    empty.textContent = "";
    result.heads.push(await clock(() => empty.click(), () => empty.textContent !== "", {patience}));
    await quiet(100);
  }}
  await put("/api/contents/result.json", result);
}}
"""
MEASURE_RIVAL = """
async () => {{
  const result = {{}};
  const shown = async (act, done) => {{  // it says nothing: two frames after its elements are there
    const found = await clock(act, done, {patience});
    const begin = performance.now();
    await frame();
    await frame();
    return found && {{ ...found, ms: found.ms + performance.now() - begin }};
  }};
  result.first = await shown(() => {run}, () => {drawn});
  if (result.first) result.heads = [await shown(() => {{ {head} }}, () => true)];
  await put("/api/contents/result.json", result);
}}
"""
EMPTY = '''
import anywidget, traitlets

class Empty(anywidget.AnyWidget):
    _esm = """export default {{ render({{ model, el }}) {{
        el.id = "empty";
        el.onclick = () => model.send({{}});
        model.on("msg:custom", (_, [bytes]) => {{ el.textContent = String(bytes.byteLength); }});
    }} }}"""
    data = traitlets.Bytes().tag(sync=True)

    def __init__(self, size):
        super().__init__(data=bytes(size))
        self.on_msg(lambda *_: self.send({{}}, [bytes({change})]))
'''


@dataclass
class Trial:
    """One notebook: what is made ready, the cell that counts, and what the page measures."""

    set_up: str
    cell: str
    script: str


def run(playwright: Playwright, jupyter: Jupyter, trial: Trial, tokens: int) -> dict[str, Any]:
    """Measure in a fresh browser and a fresh kernel; empty if it never came to an end."""
    layers = 12 if tokens < 4096 else 4
    jupyter.write("trial.ipynb", SET_UP.format(tokens=tokens, layers=layers) + trial.set_up, trial.cell)
    for name in ("result.json", "facts.json"):
        (jupyter.folder / name).unlink(missing_ok=True)
    result = jupyter.folder / "result.json"
    with chromium(playwright) as address:
        browser = playwright.chromium.connect_over_cdp(address)
        page = browser.contexts[0].pages[0]
        page.add_init_script(COUNT_BYTES + IN_PAGE)
        notebook = jupyter.open(page, "trial.ipynb")
        notebook.run_cell(0)
        notebook.select(1)
        before = renderer_bytes()
        page.evaluate(f"() => {{ setTimeout({trial.script.strip()}, 1500); }}")
        browser.close()  # Playwright would copy every frame of the websocket
        deadline = time.monotonic() + 3 * PATIENCE
        while not result.exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        found = json.loads(result.read_text()) if result.exists() else {}
        if found:
            found["page"] = renderer_bytes() - before
            facts = jupyter.folder / "facts.json"
            found |= json.loads(facts.read_text()) if facts.exists() else {}
            if "pid" in found:
                found["kernel"] = resident(found["pid"]) - found["before"]
    jupyter.shut_kernels_down()
    return found


def resident(pid: int) -> int:
    """Return the bytes that a process has in memory."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        return 0  # it has ended meanwhile


def renderer_bytes() -> int:
    """Return what the largest renderer of any Chromium here has in memory: the page's."""
    sizes = [0]
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"--type=renderer" in command.read_bytes():
                sizes.append(resident(int(command.parent.name)))
        except OSError:
            continue
    return max(sizes)


def ours(view: str, tokens: int) -> Trial:
    """Return the trial of one view."""
    script = MEASURE_OURS.format(
        run=RUN_CELL,
        patience=PATIENCE,
        times=TIMES,
        layers=12 if tokens < 4096 else 4,
        head=HEAD_IN.get(view, "`[data-head=${name}]`"),
        hover=HOVER[view],
        moves=str(tokens >= 4096 and view in MOVING).lower(),
        moving=MOVING.get(view, ""),
    )
    return Trial(OURS, f'AttentionWidget(trace, view="{view}", probe=False)', script)


def floor(first_bytes: int, head_bytes: int) -> Trial:
    """Return the trial of an empty widget that is sent as many bytes."""
    script = MEASURE_FLOOR.format(run=RUN_CELL, patience=PATIENCE, times=TIMES)
    return Trial(EMPTY.format(change=head_bytes) + "\nEmpty(1)", f"Empty({first_bytes})", script)


RIVALS = {
    "BertViz head_view, all layers": Trial(
        BERTVIZ.set_up + WEIGHTS,
        "head_view(out.attentions, names)",
        MEASURE_RIVAL.format(
            run=RUN_CELL,
            patience=PATIENCE,
            drawn="document.querySelectorAll('#vis > svg > g:last-of-type > rect').length === 12",
            head="const list = document.querySelector('#layer'); list.value = 3;"
            " list.dispatchEvent(new Event('change'))",
        ),
    ),
    "CircuitsVis attention_heads, one layer": Trial(
        CIRCUITSVIS + WEIGHTS,
        "HTML(attention_heads(attention=out.attentions[0][0], tokens=names).local_src)",
        MEASURE_RIVAL.format(
            run=RUN_CELL,
            patience=PATIENCE,
            drawn="document.querySelectorAll('.jp-OutputArea canvas, .jp-OutputArea img').length >= 12",
            head="const all = document.querySelectorAll('.jp-OutputArea button, .jp-OutputArea canvas');"
            " all[5].dispatchEvent(new MouseEvent('click', { bubbles: true }))",
        ),
    ),
}


def middle(clocks: list[dict[str, float] | None] | None, what: str = "ms") -> float | None:
    """Return the median of several clocks; None if one never stopped."""
    if not clocks or None in clocks:
        return None
    return statistics.median(one[what] for one in clocks if one is not None)


def said(ms: float | None, goal: float | None = None, floor: float | None = None) -> str:
    """Write a time with its ratio to the floor, and mark one that is over its aim."""
    if ms is None:
        return "never"
    mark = " ✗" if goal is not None and ms > goal else ""
    ratio = f" ({ms / floor:.1f}×)" if floor else ""
    return f"{ms:,.0f} ms{ratio}{mark}"


def main() -> None:
    """Measure every view at every length, then the rivals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, nargs="*", default=TOKENS)
    parser.add_argument("--views", choices=VIEWS, nargs="+", default=VIEWS)
    parser.add_argument("--rivals", type=int, nargs="*", default=RIVALS_TOKENS, metavar="TOKENS")
    options = parser.parse_args()
    print("(×: times the floor; ✗: over the aim)\n")
    heads = [
        "tokens",
        "view",
        "forward",
        "first drawing",
        "other head",
        "hover",
        "frames/s",
        "wire first · head",
        "page",
        "kernel − trace",
    ]
    print("| " + " | ".join(heads) + " |")
    print("|---:|---|" + "---:|" * (len(heads) - 2))
    with sync_playwright() as playwright, serve() as jupyter:
        for tokens in options.tokens:
            goals = GOALS.get(tokens, (None, None, None))
            for view in options.views:
                found = run(playwright, jupyter, ours(view, tokens), tokens)
                if not found.get("first"):
                    print(f"| {tokens:,} | {view} | – | never |", flush=True)
                    continue
                wire = [found["first"]["bytes"], middle(found["heads"], "bytes") or 0]
                empty = run(playwright, jupyter, floor(*map(int, wire)), tokens)
                frames = found.get("frames")
                row = [
                    f"{tokens:,}",
                    view,
                    f"{1e3 * found['plain']:,.0f} ms",
                    said(found["first"]["ms"], goals[0], middle([empty.get("first")])),
                    said(middle(found["heads"]), goals[1], middle(empty.get("heads"))),
                    said(middle(found["hovers"]), goals[2]),
                    f"{frames['fps']:.0f}" if frames else "–",
                    f"{wire[0] / 1e6:.2f} · {wire[1] / 1e6:.3f} MB",
                    f"{found['page'] / 1e6:.0f} MB",
                    f"{(found['kernel']) / 1e6:.0f} MB",
                ]
                print("| " + " | ".join(row) + " |", flush=True)
        if options.rivals and not HAS_BERTVIZ:
            print("Without the rivals: `make bench` installs them and their scripts.", file=sys.stderr)
            return
        for name, script in CDN.items() if options.rivals else ():
            (jupyter.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(script, jupyter.folder / name)
        for tokens in options.rivals:
            for name, trial in RIVALS.items():
                found = run(playwright, jupyter, trial, tokens)
                first, other = found.get("first"), middle(found.get("heads"))
                row = [f"{tokens:,}", name, "–", said(first and first["ms"]), said(other) if first else "–"]
                size = f"{first['bytes'] / 1e6:.1f} MB" if first else "–"
                page = f"{found['page'] / 1e6:.0f} MB" if found else "–"
                print("| " + " | ".join([*row, "–", "–", size, page, "–"]) + " |", flush=True)


if __name__ == "__main__":
    main()
