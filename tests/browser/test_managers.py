"""The widget managers of VS Code and of Colab: their own code on a page like theirs, the network closed.

VS Code and Colab themselves cannot be run here. What stands in: VS Code's manager in a page with the policy that its
notebook view can be given; of Colab, whose manager is not published, the one of ipywidgets 7.7 that it is built on, in
a frame of 400 px that knows no model but its own output's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Page, Route, expect

from attnwidget import AttentionWidget
from browser.manager_page import ANYWIDGET, PAGE, Kernel, manager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = "The animal didn't cross the road because it was too tired"
IT = 8

# As src/vs/workbench/contrib/notebook/browser/view/renderers/backLayerWebView.ts has it, where the setting
# notebook.experimental.enableCsp is on; with blob: besides, without which no anywidget could be imported.
VSCODE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' https: http: data:; font-src 'self' https:; connect-src https:; child-src https: data:"
)
VSCODE = """
<body class="vscode-dark" style="background: #1e1e1e"><div id="here"></div>
<script type="module">
  import { activate } from "/vscode.js";
  activate();
  window.vscIPyWidgets8.load();
  let open;
  const signal = { connect() {}, disconnect() {} };
  const kernel = {
    statusChanged: signal, connectionStatusChanged: signal, iopubMessage: signal, unhandledMessage: signal,
    anyMessage: signal, disposed: signal, status: "idle", connectionStatus: "connected",
    registerCommTarget: (_name, callback) => void (open = callback),
    removeCommTarget() {},
    requestCommInfo: async () => ({ content: { status: "ok", comms: {} } }),
    hasComm: () => false,
    info: Promise.resolve({}),
  };
  const scripts = {
    widgetsRegisteredInRequireJs: new Set(),
    async loadWidgetScript(name) { requirejs.config({ paths: { [name]: `/${name}` } }); },
    successHandler() {},
    errorHandler(_class, name, _version, error) { console.error(name, error); },
  };
  const manager = new window.vscIPyWidgets.WidgetManager(
    kernel, document.querySelector("#here"), scripts, () => {}, undefined);
  window.shown = async () => {
    for (const one of await window.opened()) {
      await open(new Comm(one.comm), opening(one));
      await manager.get_model(one.comm);
    }
    pull();
    const el = document.querySelector("#here");
    const view = await manager.create_view(await manager.get_model("widget"), { el });
    await manager.display_view({}, view, { node: el });
  };
  window.shown();
</script>
"""
COLAB = """
<body style="margin: 0"><div id="here"></div>
<script src="/libembed-amd.js"></script>
<script>
  requirejs.config({ paths: { anywidget: "/anywidget" } });
  const show = async ({ HTMLManager }) => {
    const manager = new HTMLManager({
      loader: (name) => new Promise((resolve, reject) => requirejs([name], resolve, reject)),
    });
    for (const one of await window.opened()) {
      if (one.comm.startsWith("code")) continue; // of another output: its frame is not this one
      await manager.handle_comm_open(classic(new Comm(one.comm)), opening(one));
    }
    pull();
    const view = await manager.create_view(await manager.get_model("widget"), {});
    await manager.display_view({}, view, { el: document.querySelector("#here") });
  };
  requirejs(["@jupyter-widgets/html-manager"], (module) => void show(module)); // it calls no async function
</script>
"""


@pytest.fixture
def kernel(context: BrowserContext) -> Iterator[Kernel]:
    kernel = Kernel(context, AttentionWidget(TEXT, probe=False, heads=["L2-H6"]))
    yield kernel
    kernel.end()


def serve(context: BrowserContext, files: dict[str, Path | str], policy: str = "") -> None:
    def answer(route: Route) -> None:
        one = files[route.request.url.removeprefix("http://localhost/")]
        if isinstance(one, str):
            headers = {"content-security-policy": policy} if policy else {}
            route.fulfill(body=one, content_type="text/html", headers=headers)
        else:
            route.fulfill(path=one, content_type="text/javascript")

    context.route("http://localhost/**", answer)


def python_has(page: Page, name: str, value: Any) -> None:
    """Wait until a trait of the widget has a value."""
    page.wait_for_function(
        f"async (value) => JSON.stringify(await trait('{name}')) === JSON.stringify(value)", arg=value
    )


def use(root: FrameLocator | Page, page: Page, kernel: Kernel) -> None:
    """Do what a reader does first, and see that Python follows and is followed."""
    widget = root.locator("[data-attnwidget]")
    status = widget.locator("[role=status]")
    expect(widget).to_have_attribute("data-state", "ready", timeout=30_000)
    widget.locator(f"[data-side=query][data-index='{IT}']").hover()
    expect(status).to_contain_text(re.compile(r"L2-H6 it → \S+ 0\.\d{4}"))
    heads = widget.get_by_role("button", name=re.compile("^Heads ·"))
    if heads.is_visible():  # where it is narrow
        heads.click()
    widget.locator("[data-head=L1-H3]").click()
    expect(widget).to_have_attribute("data-state", "ready")
    widget.locator(f"[data-side=query][data-index='{IT}']").click()
    expect(widget.locator(".ranking li").first).to_be_attached()
    python_has(page, "heads", [[1, 3]])
    python_has(page, "queries", [IT])
    kernel.widget.heads = ["L0-H2"]
    expect(widget.locator(".picker [data-head=L0-H2]")).to_have_attribute("aria-pressed", "true")
    box = widget.get_by_label("Text", exact=True)
    box.fill("The cat sat")
    box.press("Enter")
    expect(widget.locator("[data-side=query] .label").nth(1)).to_have_text("cat")
    expect(widget).to_have_attribute("data-state", "ready")
    python_has(page, "text", "The cat sat")


def test_the_manager_of_vs_code(page: Page, context: BrowserContext, blocked: list[str], kernel: Kernel) -> None:
    files = {
        "": PAGE.read_text() + VSCODE,
        "require.js": manager("requirejs@2.3.7"),
        "vscode.js": manager("@vscode/jupyter-ipywidgets8@1.0.9"),
        "anywidget.js": ANYWIDGET,
    }
    serve(context, files, VSCODE_POLICY)
    page.goto("http://localhost/")
    use(page, page, kernel)
    expect(page.locator("[data-attnwidget]")).to_have_attribute("data-theme", "dark")
    assert "code" not in kernel.asked, "the shared model has it"
    assert blocked == []


def test_the_manager_of_colab(page: Page, context: BrowserContext, blocked: list[str], kernel: Kernel) -> None:
    files = {
        "": "<!doctype html><p>In [1]:</p><iframe src='/output' style='width: 400px; height: 700px'></iframe>",
        "output": PAGE.read_text() + COLAB,
        "require.js": manager("requirejs@2.3.7"),
        "libembed-amd.js": manager("@jupyter-widgets/html-manager@0.20.6"),
        "anywidget.js": ANYWIDGET,
    }
    serve(context, files)
    page.goto("http://localhost/")
    frame = page.frame_locator("iframe")
    use(frame, page, kernel)
    assert "code" in kernel.asked, "no other frame can lend it"
    box = frame.locator("[data-attnwidget]").bounding_box()
    assert box["width"] <= 400
    assert blocked == []
