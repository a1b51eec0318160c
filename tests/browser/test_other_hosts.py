"""marimo and Voilà, as they come from PyPI, with the network closed."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import marimo
import nbformat
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MARIMO_FILE = ROOT / "notebooks/02-first-look.py"
MARIMO_FRONT_END = Path(marimo.__file__).parent / "_static"
STARTED = 60  # seconds; a kernel imports torch and transformers first
IT = 8


def environment(home: Path) -> dict[str, str]:
    """Nothing of this user's, and this source tree."""
    paths = {"HOME": home, "XDG_CONFIG_HOME": home / "config", "JUPYTER_CONFIG_DIR": home / "jupyter"}
    own = {name: str(path) for name, path in paths.items()}
    return {**os.environ, **own, "PYTHONPATH": str(ROOT / "src"), "HF_HUB_OFFLINE": "1"}


@contextmanager
def served(home: Path, *command: str) -> Iterator[str]:
    """Run a host's server; `PORT` stands for its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", *(word.replace("PORT", str(port)) for word in command)]
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(words, env=environment(home), cwd=home, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(url: str, server: subprocess.Popen) -> None:
    end = time.monotonic() + STARTED
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (ConnectionError, urllib.error.URLError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not start")


def use(page: Page) -> Locator:
    """Read a weight, choose a head, run another text."""
    root = page.locator("[data-attnwidget]").first
    expect(root).to_have_attribute("data-state", "ready", timeout=1000 * STARTED)
    root.locator(f"[data-side=query][data-index='{IT}']").hover()
    expect(root.locator("[role=status]")).to_contain_text(re.compile(r"it → \S+ 0\.\d{4}"))
    heads = root.get_by_role("button", name=re.compile("^Heads ·"))
    if heads.is_visible():  # where it is narrow
        heads.click()
    root.locator(".picker [data-head=L1-H3]").click()
    expect(root.locator(".picker [data-head=L1-H3]")).to_have_attribute("aria-pressed", "true")
    return root


def run_text(root: Locator) -> None:
    box = root.get_by_label("Text", exact=True)
    box.fill("The cat sat")
    box.press("Enter")
    expect(root.locator("[data-side=query] .label").nth(1)).to_have_text("cat")
    expect(root).to_have_attribute("data-state", "ready", timeout=30_000)


@pytest.mark.parametrize("mode", ["run", "edit"])
def test_marimo(page: Page, blocked: list[str], tmp_path: Path, mode: str) -> None:
    file = tmp_path / "first_look.py"
    file.write_text(MARIMO_FILE.read_text())
    (tmp_path / "pyproject.toml").write_text("[tool.marimo.runtime]\nauto_instantiate = true\n")
    with served(tmp_path, "marimo", "-y", mode, str(file), "--headless", "--no-token", "-p", "PORT") as url:
        page.goto(url)
        root = use(page)
        expect(page.get_by_text("Shown:").last).to_contain_text("L1-H3")  # a cell that depends on the widget ran again
        root.locator(f"[data-side=query][data-index='{IT}']").click()
        expect(page.get_by_text("Shown:").last).to_contain_text("Pinned on the left: it")
        run_text(root)
        assert blocked == []


def test_an_exported_marimo_file(page: Page, context: BrowserContext, blocked: list[str], tmp_path: Path) -> None:
    """Its HTML loads marimo's own front end from a CDN: that of the installed package answers here."""
    file, out = tmp_path / "first_look.py", tmp_path / "first_look.html"
    file.write_text(MARIMO_FILE.read_text())
    command = [sys.executable, "-m", "marimo", "-y", "export", "html", str(file), "-o", str(out)]
    done = subprocess.run(command, env=environment(tmp_path), check=False, capture_output=True, text=True, timeout=120)
    assert out.exists(), done.stderr

    def answer(route: Route) -> None:
        name = route.request.url.split("/dist/")[-1].partition("?")[0]
        route.fulfill(path=MARIMO_FRONT_END / name, headers={"access-control-allow-origin": "*"})

    context.route(re.compile("https://cdn.jsdelivr.net/npm/@marimo-team/frontend@"), answer)
    page.goto(out.as_uri())
    root = page.locator("[data-attnwidget]").first
    expect(root).to_have_attribute("data-state", re.compile("ready|no-kernel"), timeout=30_000)
    root.locator(f"[data-side=query][data-index='{IT}']").hover()
    expect(root.locator("[role=status]")).to_contain_text(re.compile(r"it → \S+ 0\.\d{4}"))
    assert blocked == []


def test_voila(page: Page, blocked: list[str], tmp_path: Path) -> None:
    text = "The animal did not cross the road because it was too tired"
    code = f"from attnwidget import AttentionWidget\nAttentionWidget({text!r})"
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, tmp_path / "app.ipynb")
    command = ["voila", "app.ipynb", "--no-browser", "--port=PORT", "--Voila.ip=127.0.0.1"]
    with served(tmp_path, *command) as url:
        page.goto(url, timeout=1000 * STARTED)
        run_text(use(page))
        assert all("/fontawesome-free@" in one for one in blocked), "Voilà's own, for icons"
