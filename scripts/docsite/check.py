"""What was built: whether every link leads somewhere, nothing comes from elsewhere, and how large it is."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 25_000_000  # bytes of the whole site
LOADED = {"img": "src", "script": "src", "iframe": "src", "link": "href", "source": "srcset"}


class Target(NamedTuple):
    """A place that a page names."""

    tag: str
    url: str


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[Target] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        if about.get("id"):
            self.ids.add(about["id"])
        for name in ("href", "src", "srcset"):
            if about.get(name):
                self.targets.append(Target(tag, about[name]))


def faults(site: Path) -> list[str]:
    """Return what is wrong with a site, in sentences; empty where nothing is."""
    pages = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html")) if path.parent.name != "live"}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        wrong = ((target.url, _fault(path, target, pages)) for target in page.targets)
        found += [f"{name}: {url} {fault}" for url, fault in wrong if fault]
    if (size := _size(site)) > LIMIT:
        found.append(f"the site has {size / 1e6:.1f} MB, more than {LIMIT / 1e6:.0f}")
    return found


def summary(site: Path) -> str:
    """Say how large a site is."""
    return f"{len(list(site.rglob('*.html')))} pages, {_size(site) / 1e6:.1f} MB"


def _fault(path: Path, target: Target, pages: dict[Path, _Page]) -> str:
    parts = urlsplit(target.url)
    if parts.scheme in {"mailto", "data"}:
        return ""
    if parts.scheme or parts.netloc:
        return "is fetched from elsewhere" if target.tag in LOADED else ""
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not there.is_file():
        return "is not there"
    if parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].ids:
        return f"has no place #{parts.fragment}"
    return ""


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _size(site: Path) -> int:
    return sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
