"""Which file of the repository becomes which page, and what that does to the links in it."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath

LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()(?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?(\))")
PICTURE = re.compile(
    r"<picture>.*?srcset=\"(?P<dark>[^\"]+)\".*?alt=\"(?P<alt>[^\"]*)\" src=\"(?P<light>[^\"]+)\".*?</picture>",
    re.DOTALL,
)
FENCE = re.compile(r"^(```+).*?^\1[ \t]*$", re.DOTALL | re.MULTILINE)
README_PAGES = {
    "tour.md": ["Use"],
    "hosts.md": ["Where it runs", "Sending a notebook", "Safety"],
    "measured.md": ["Measured"],
}
"""Pages that are parts of README.md."""


class LinkError(ValueError):
    """A link in a page leads nowhere."""


def links_set_right(text: str, source: str, page: str, table: dict[str, str], *, exists, carry) -> str:
    """Return a page's text with its links leading where their targets are on the site.

    Parameters
    ----------
    text : str
        Markdown.
    source, page : str
        Where the text is in the repository, and where on the site.
    table : dict of str to str
        Pages on the site by their files in the repository.
    exists : function
        Says whether there is a file of this path in the repository.
    carry : function
        Called with a file that is no page; returns where on the site it goes, or nothing if it stays at home.
    """

    def to(target: str) -> str | None:
        path = os.path.normpath(PurePosixPath(source).parent / target)
        if path not in table and not exists(path):
            raise LinkError(f"{source}: there is no {target}")
        there = table.get(path) or carry(path)
        return os.path.relpath(there, PurePosixPath(page).parent) if there else None

    def link(found: re.Match[str]) -> str:
        there = to(found[2])
        return (
            f"{found[1]}{there}{found[3] or ''}{found[4]}" if there else found[1].removesuffix("](").removeprefix("[")
        )

    def picture(found: re.Match[str]) -> str:
        alt = found["alt"].replace("[", "(").replace("]", ")")
        return "\n\n".join(f"![{alt}]({found[theme]}){{.only-{theme}}}" for theme in ("light", "dark"))

    return outside_code(text, lambda prose: LINK.sub(link, PICTURE.sub(picture, prose)))


def outside_code(text: str, change) -> str:
    """Return a text with all but its fenced blocks changed."""
    parts, at = [], 0
    for block in FENCE.finditer(text):
        parts += [change(text[at : block.start()]), block[0]]
        at = block.end()
    return "".join([*parts, change(text[at:])])


def sections(text: str, *titles: str) -> str:
    """Return the sections of these titles, the first as the page's own title."""
    found = []
    for title in titles:
        section = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
        if not section:
            raise LinkError(f"README.md has no section {title!r} any more")
        found.append(section[0] if found else section[0].removeprefix("#"))
    return "\n".join(found)
