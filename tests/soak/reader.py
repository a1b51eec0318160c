"""A browser on the notebook, and what can be read off it: the widget's state, its picture, what the page holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Error, Locator, Page, WebSocketRoute
from playwright.sync_api import TimeoutError as LateError

from browser.jupyter import PANEL, Jupyter, Notebook

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SIZE = {"width": 1280, "height": 900}
SOON = 5_000  # ms for a click
SETTLED = 60_000  # ms for a run of the model on a busy machine

FIND = """const root = [...document.querySelectorAll("[data-lm-suppress-shortcuts]")]
  .map((host) => host.shadowRoot?.querySelector("[data-attnwidget]")).filter(Boolean).at(-1);"""
# What a reader sees, in Python's words.
PICTURE = f"""() => {{
  {FIND}
  const all = (selector) => [...root.querySelectorAll(selector)];
  const chosen = (side) => all(`.lines-view [data-side=${{side}}][aria-selected=true]`)
    .map((one) => +one.dataset.index);
  const labels = (side) => Object.fromEntries(all(`.lines-view [data-side=${{side}}]`)
    .map((one) => [one.dataset.index, one.querySelector(".label").textContent]));
  const lines = root.dataset.view === "lines";
  const words = root.querySelector(".controls input[type=checkbox]")?.checked ?? null;
  const hidden = all(".leave-out[aria-pressed=true]").map((one) => one.textContent);
  const attention = all(".options .choice").find((one) => one.querySelector("legend").textContent === "attention");
  return {{
    state: root.dataset.state, view: root.dataset.view, words,
    text: root.querySelector("textarea[aria-label=Text]")?.value,
    layer: +root.querySelector("button.layer[tabindex='0']")?.textContent,
    heads: all(".picker [data-head][aria-pressed=true]").map((one) => one.dataset.head).sort(),
    measure: root.querySelector("select[aria-label=Measure]")?.value ?? null,
    threshold: root.querySelector("input[aria-label=Threshold]")?.value ?? null,
    category: root.querySelector("[data-category][aria-expanded=true]")?.dataset.category ?? null,
    attention: attention?.querySelector("[aria-pressed=true]").textContent ?? "self",
    queries: lines && !words ? chosen("query") : null, keys: lines && !words ? chosen("key") : null,
    query_labels: lines ? labels("query") : null, key_labels: lines ? labels("key") : null,
    strongest: all(".strongest .value")[0]?.textContent ?? null,
    left_out: ["self", "first"].map((name) => hidden.some((one) => one.includes(name)) ? "True" : "False").join(" "),
    top: all(".ranked .value")[0]?.textContent ?? null,
    notices: all(".notice").map((one) => one.textContent),
    weights: lines ? null : Object.fromEntries(all("[data-row]:has([data-value=weight])")
      .map((one) => [one.querySelector("[data-side=key]").dataset.index,
        one.querySelector("[data-value=weight]").dataset.exact])),
  }};
}}"""


@dataclass
class Counts:
    """What the page holds after a collection of garbage."""

    with_keys: int
    """Nodes, with those that JupyterLab holds by the keys pressed since its last shortcut."""
    nodes: int
    attached: int
    listeners: int
    heap: int


class Reader:
    """One browser with a profile of its own, whose line to the kernel can be cut."""

    def __init__(self, browser: Browser, jupyter: Jupyter, name: str, notebook: str) -> None:
        self.name = name
        self.jupyter = jupyter
        self.file = notebook
        self.errors: list[str] = []
        self.hosts_own: list[str] = []  # what JupyterLab says while its kernel or its line is gone
        self.disturbed = True  # until the notebook is open
        self.blocked = False
        self.sockets: list[WebSocketRoute] = []
        self.context = browser.new_context(viewport=SIZE)
        self.page: Page = self.context.new_page()
        self.page.route_web_socket("**/channels*", self._connect)
        self.page.on("pageerror", lambda error: self._hear(str(error.stack or error)))
        self.page.on("console", lambda said: said.type == "error" and self._hear(f"{said.text} {said.location}"))
        self.page.on("crash", lambda _: self.errors.append("the page has crashed"))
        self.cdp = self.context.new_cdp_session(self.page)
        self.open()

    def open(self) -> None:
        """Open the notebook, or open it again."""
        self.disturbed = True
        self.sockets.clear()
        self.notebook: Notebook = self.jupyter.open(self.page, self.file)
        self.disturbed = False

    def _connect(self, socket: WebSocketRoute) -> None:
        if self.blocked:
            socket.close(code=4000)
            return
        socket.connect_to_server()
        self.sockets.append(socket)

    def _hear(self, said: str) -> None:
        ours = "attnwidget" in said or "blob:" in said
        (self.hosts_own if self.disturbed and not ours else self.errors).append(said)

    # -- the line ---------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Cut the line to the kernel, and every new one."""
        self.blocked = self.disturbed = True
        for socket in self.sockets:
            socket.close(code=4000)
        self.sockets.clear()
        self.page.wait_for_function(f"() => {PANEL}.sessionContext.session.kernel.connectionStatus !== 'connected'")

    def mend(self) -> None:
        """Let new lines through; JupyterLab tries again by itself, later and later: here it does so now."""
        self.blocked = False
        kernel = f"{PANEL}.sessionContext.session.kernel"
        self.page.evaluate(f"() => {kernel}.reconnect()")
        self.page.wait_for_function(f"() => {kernel}.connectionStatus === 'connected'", timeout=SETTLED)
        self.disturbed = False

    # -- the widget -------------------------------------------------------------------------------------------------

    @property
    def root(self) -> Locator:
        """The widget that was drawn last."""
        return self.page.locator("[data-attnwidget]").last

    def wait(self, states: str = "ready", timeout: int = SETTLED) -> None:
        """Wait until the widget is in one of the states."""
        check = f"states => {{ {FIND} return states.split(' ').includes(root?.dataset.state); }}"
        self.page.wait_for_function(check, arg=states, timeout=timeout)

    def picture(self) -> dict[str, Any]:
        """Return what is on screen."""
        return self.page.evaluate(PICTURE)

    def alert(self) -> str:
        """Return what the widget complains about."""
        return " ".join(self.root.locator("[role=alert]").all_text_contents())

    def candidates(self, selector: str) -> list[int]:
        """Return which of the elements can be used now."""
        return self.page.evaluate(
            f"""(selector) => {{ {FIND} return [...root.querySelectorAll(selector)].flatMap((one, at) =>
              one.checkVisibility() && one.getClientRects().length && !one.disabled ? [at] : []); }}""",
            selector,
        )

    def nth(self, selector: str, at: int) -> Locator:
        """Return one of the elements."""
        return self.root.locator(selector).nth(at)

    def run(self, code: str, *, wait: bool = True) -> str:
        """Run code in the kernel, beside all cells, and return what it printed."""
        said = self.page.evaluate(
            f"""async ([code, wait]) => {{
              const kernel = {PANEL}.sessionContext.session.kernel;
              const future = kernel.requestExecute({{ code, store_history: false }});
              let said = "";
              future.onIOPub = ({{ header, content }}) => {{
                if (header.msg_type === "stream" && content.name === "stdout") said += content.text;
                if (header.msg_type === "error") said += `${{content.ename}}: ${{content.evalue}}`;
              }};
              if (wait) await future.done;
              return said;
            }}""",
            [code, wait],
        )
        return str(said)

    def ask(self, code: str) -> Any:
        """Run code that prints one line of JSON."""
        said = self.run(code)
        try:
            return json.loads(said)
        except ValueError:
            raise RuntimeError(f"the kernel said: {said}") from None

    # -- what the page holds ----------------------------------------------------------------------------------------

    def count(self) -> Counts:
        """Collect the garbage and count what is left.

        JupyterLab (4.6) keeps every `keydown` event until it next runs a shortcut, and the event all that stood around
        the key's target: `CommandRegistry._holdKeyBindingPromises`, counted apart and then emptied as a shortcut does.
        """
        with_keys = self._counters()["nodes"]
        self.page.evaluate("() => jupyterapp.commands._holdKeyBindingPromises.clear()")
        counters = self._counters()
        attached = self.page.evaluate("""() => {
          const count = (node) => 1 + (node.shadowRoot ? count(node.shadowRoot) : 0)
            + [...node.childNodes].reduce((sum, one) => sum + count(one), 0);
          return count(document);
        }""")
        heap = self.cdp.send("Runtime.getHeapUsage")["usedSize"]
        return Counts(with_keys, counters["nodes"], attached, counters["jsEventListeners"], heap)

    def _counters(self) -> dict[str, int]:
        for _ in range(3):
            self.cdp.send("HeapProfiler.collectGarbage")
            self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        return self.cdp.send("Memory.getDOMCounters")

    def click(self, selector: str, at: int, **options: Any) -> bool:
        """Click; False if something else was in the way or it was gone by then."""
        try:
            self.nth(selector, at).click(timeout=SOON, **options)
        except LateError:
            return False
        except Error as error:
            if "not attached" in str(error) or "intercepts" in str(error):
                return False
            raise
        return True
