"""What the theme leaves out for who does not see a page: names of its landmarks, levels of its headings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MENDED = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    '<aside class="toc-drawer">': '<aside class="toc-drawer" aria-label="On this page">',
    '<aside class="toc-drawer no-toc">': '<aside class="toc-drawer no-toc" aria-label="On this page">',
    '<th class="head"><p></p></th>': '<td class="head"></td>',  # the corner of a table is no header
    '<th scope="col"></th>': "<td></td>",
}
SEARCH = ('<div id="search-results">', '<h1>Search</h1><div id="search-results">')


def mend(site: Path) -> None:
    """Mend every page of a site."""
    for path in site.rglob("*.html"):
        if path.parent.name == "live":
            continue
        text = path.read_text(encoding="utf-8")
        for old, new in [*MENDED.items(), *([SEARCH] if path.name == "search.html" else [])]:
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
