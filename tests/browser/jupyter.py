"""A real Jupyter server, and notebooks opened from it in JupyterLab or Notebook 7.

The pages expose their application object (`jupyterapp`), so that running, saving and changing the
theme go through Jupyter's own commands, which say when they are done.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Locator, Page

TIMEOUT = 60_000  # ms; a busy machine starts a kernel with torch slowly

CONFIG: dict[str, Any] = {
    "ServerApp": {
        "ip": "127.0.0.1",
        "port_retries": 0,
        "open_browser": False,
        "allow_root": True,
        "disable_check_xsrf": True,
        "jpserver_extensions": {"jupyter_lsp": False, "jupyter_server_terminals": False},
    },
    "IdentityProvider": {"token": ""},
    "LabApp": {"expose_app_in_browser": True, "extension_manager": "readonly"},
    "JupyterNotebookApp": {"expose_app_in_browser": True},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
# The panel that is in front, in Lab and in Notebook 7 alike.
PANEL = "jupyterapp.shell.currentWidget"


class Notebook:
    """A notebook that is open in a page."""

    def __init__(self, page: Page, path: Path, host: str) -> None:
        self.page = page
        self.path = path
        self.host = host

    def cell(self, index: int) -> Locator:
        """Return a cell, counted from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def cell_count(self) -> int:
        """Return how many cells there are."""
        return self.page.evaluate(f"() => {PANEL}.content.model.cells.length")

    def set_source(self, index: int, code: str) -> None:
        """Replace the code of a cell."""
        self.page.evaluate(
            f"([at, code]) => {PANEL}.content.model.cells.get(at).sharedModel.setSource(code)",
            [index, code],
        )

    def output(self, index: int) -> Locator:
        """Return the output area of a cell; its `inner_text()` is the text output."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def wait_idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(
            f"() => {PANEL}?.sessionContext?.session?.kernel?.status === 'idle'", timeout=TIMEOUT
        )

    def command(self, name: str, **args: object) -> None:
        """Execute one of Jupyter's commands and wait until it is done."""
        self.page.evaluate(
            "async ([name, args]) => { await jupyterapp.commands.execute(name, args); }",
            [name, args],
        )

    def run_all(self) -> None:
        """Run every cell, and wait until the kernel is done."""
        self.command("notebook:run-all-cells")
        self.wait_idle()

    def select(self, index: int) -> None:
        """Make a cell the active one."""
        self.page.evaluate(f"index => {{ {PANEL}.content.activeCellIndex = index; }}", index)

    def run_cell(self, index: int) -> None:
        """Run one cell, and wait until the kernel is done."""
        self.select(index)
        self.command("notebook:run-cell")
        self.wait_idle()

    def save(self) -> nbformat.NotebookNode:
        """Save, widget state included, and return what the file now holds."""
        self.command("docmanager:save")
        return nbformat.read(self.path, as_version=4)

    def set_theme(self, *, dark: bool) -> None:
        """Change to Jupyter's dark or light theme."""
        self.command("apputils:change-theme", theme=f"JupyterLab {'Dark' if dark else 'Light'}")
        self.page.wait_for_function("light => document.body.dataset.jpThemeLight === light", arg=str(not dark).lower())


class Jupyter:
    """A running server with JupyterLab and Notebook 7."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def write(self, name: str, *cells: str) -> Path:
        """Write a notebook of code cells into the served folder."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        path = self.folder / name
        nbformat.write(notebook, path)
        return path

    def open(self, page: Page, name: str, *, host: str = "lab") -> Notebook:
        """Open a notebook of the served folder in "lab" or "notebook", its kernel started."""
        address = {"lab": f"lab/tree/{name}?reset", "notebook": f"notebooks/{name}"}[host]
        page.goto(f"{self.url}/{address}")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=TIMEOUT)
        notebook = Notebook(page, self.folder / name, host)
        notebook.wait_idle()
        return notebook

    def shut_kernels_down(self) -> None:
        """End every session and its kernel."""
        for session in json.loads(self._request("GET", "sessions")):
            self._request("DELETE", f"sessions/{session['id']}")

    def _request(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.read()


def write_json(path: Path, content: object) -> None:
    """Write a file and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@contextmanager
def serve() -> Iterator[Jupyter]:
    """Run a server that knows nothing of this user's settings and serves an empty folder."""
    home = Path(tempfile.mkdtemp(prefix="jupyter-"))
    folder = home / "notebooks"
    folder.mkdir()
    with socket.socket() as probe:  # the system gives a port that nobody uses
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = CONFIG["ServerApp"] | {"port": port, "root_dir": str(folder)}
    write_json(home / "config/jupyter_server_config.json", CONFIG | {"ServerApp": options})
    for name, content in SETTINGS.items():
        write_json(home / f"settings/{name}.jupyterlab-settings", content)
    environ = {key: value for key, value in os.environ.items() if "JUPYTER" not in key} | {
        "HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab"],
        env=environ,
        cwd=home,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = []
    for line in server.stderr:
        lines.append(line)
        if "is running at" in line:
            break
    else:
        raise RuntimeError("Jupyter did not start:\n" + "".join(lines))
    # Somebody has to go on reading, or the server stops when the pipe is full.
    threading.Thread(target=server.stderr.read, daemon=True).start()
    try:
        yield Jupyter(f"http://127.0.0.1:{port}", folder)
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(home, ignore_errors=True)
