"""A headless Chromium, and a fence around it."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Playwright, Route

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# The shell has no windows of its own to draw: a fresh profile takes a third of the time.
NAMES = "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"
LOCAL = {"localhost", "127.0.0.1", ""}  # data: and blob: addresses have no host


def find_chromium(playwright: Playwright) -> str | None:
    """Return the path of `$CHROMIUM`, of one on the PATH, or of the one Playwright fetched."""
    for name in (os.environ.get("CHROMIUM"), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    fetched = playwright.chromium.executable_path
    return fetched if Path(fetched).exists() else None


def launch(playwright: Playwright) -> Browser:
    """Start Chromium; `find_chromium` must have found one."""
    return playwright.chromium.launch(executable_path=find_chromium(playwright), args=ARGS)


def block_network(context: BrowserContext) -> list[str]:
    """Let the pages of a context reach this machine only; return the list that refusals go to."""
    blocked: list[str] = []

    def refuse(route: Route) -> None:
        blocked.append(route.request.url)
        route.abort()

    context.route(lambda url: urlsplit(url).hostname not in LOCAL | {None}, refuse)
    return blocked
