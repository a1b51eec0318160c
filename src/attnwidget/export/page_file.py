"""The file that a page is: its scripts by their hashes alone, all else as text that nothing reads as markup."""

from __future__ import annotations

import gzip
import html
import json
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple

from attnwidget.export.dense import dense
from attnwidget.tokens.labels import encodable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_STATIC = Path(__file__).parents[1] / "static"
_TEMPLATE = Path(__file__).with_name("page.html")
_TITLE = 60  # characters
# As high as what is around it, whether that is a window of its own or a cell's output.
_FRAME = "width:100%;height:90vh;min-height:700px;max-height:1000px;border:0"


class Contents(NamedTuple):
    """What a page carries."""

    data: Mapping[str, Any]
    """As `page/data.ts` describes it; bytes become base64."""
    blocks: Sequence[bytes]
    """Gzip."""
    text: str
    """Of which the title has the beginning."""


def html_of(contents: Contents, beside: str = "") -> bytes:
    """Write the file.

    In UTF-16, as packed bytes are then a sixteenth larger, where base64 makes them a third larger; the mark at the
    beginning tells every browser, whatever a server says. Several pages of one site may share the code: `beside` is
    the address, from the page, of a script that holds `code`.
    """
    return b"\xff\xfe" + _filled(contents, dense, beside).encode("utf-16-le")


def frame_of(contents: Contents) -> str:
    """Write the page as a frame with all of it inside, in ASCII: for an output cell, and for a file of any encoding.

    Two frames on one page know nothing of each other.
    """
    whole = html.escape(_filled(contents, lambda data: b64encode(data).decode()))
    frame = f'<iframe title="{html.escape(_title(contents))}" style="{_FRAME}" srcdoc="{whole}"></iframe>'
    return frame.encode("ascii", "xmlcharrefreplace").decode()


def _filled(contents: Contents, written: Callable[[bytes], str], beside: str = "") -> str:
    states = json.dumps(contents.data, default=lambda one: b64encode(one).decode()).encode()
    packed = {} if beside else {"code": _packed()}
    packed |= {"states": gzip.compress(states, 9, mtime=0)}
    packed |= {str(number): block for number, block in enumerate(contents.blocks)}
    boot = (_STATIC / "boot.js").read_text(encoding="utf-8")
    # Where pages share a script, it lies on the same host, or on the same disk.
    scripts = f"{_hash(boot)} 'self' file:" if beside else f"{_hash(boot)} {_hash(code())}"
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        scripts=scripts,
        beside=f'<script src="{html.escape(beside)}"></script>\n' if beside else "",
        title=html.escape(_title(contents)),
        bound=html.escape(_outline(contents)["page"]),
        blocks="\n".join(
            f'<script type="text/plain" id="attnwidget-{name}">{written(one)}</script>' for name, one in packed.items()
        ),
        boot=boot,
    )


def _outline(contents: Contents) -> Mapping[str, Any]:
    outline: Mapping[str, Any] = next(iter(contents.data["attentions"].values()))["outline"]
    return outline


def _title(contents: Contents) -> str:
    model, words = encodable(_outline(contents)["model"]), encodable(" ".join(contents.text.split()))
    short = words if len(words) <= _TITLE else f"{words[:_TITLE].rstrip()}…"
    return f"{short} · attention in {model}" if model else f"{short} · attention"


def code() -> str:
    """Return the page's code: the widget and what answers it."""
    return gzip.decompress(_packed()).decode()


@cache
def _packed() -> bytes:
    return (_STATIC / "page.js.gz").read_bytes()


def _hash(script: str) -> str:
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
