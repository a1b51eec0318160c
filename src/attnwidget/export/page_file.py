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
from typing import TYPE_CHECKING, Any

from attnwidget.export.dense import dense
from attnwidget.tokens.labels import encodable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STATIC = Path(__file__).parents[1] / "static"
_TEMPLATE = Path(__file__).with_name("page.html")
_TITLE = 60  # characters


def html_of(data: Mapping[str, Any], blocks: Sequence[bytes], text: str) -> bytes:
    """Write the file.

    In UTF-16, as packed bytes are then a sixteenth larger, where base64 makes them a third larger; the mark at the
    beginning tells every browser, whatever a server says.

    Parameters
    ----------
    data : mapping
        As `page/data.ts` describes it; bytes become base64.
    blocks : sequence of bytes
        Gzip.
    text : str
        Of which the title has the beginning.
    """
    outline = next(iter(data["attentions"].values()))["outline"]
    model, words = encodable(outline["model"]), encodable(" ".join(text.split()))
    short = words if len(words) <= _TITLE else f"{words[:_TITLE].rstrip()}…"
    states = json.dumps(data, default=lambda one: b64encode(one).decode()).encode()
    packed = {"code": _code(), "states": gzip.compress(states, 9, mtime=0)}
    packed |= {str(number): block for number, block in enumerate(blocks)}
    boot = (_STATIC / "boot.js").read_text(encoding="utf-8")
    filled = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        hashes=" ".join(map(_hash, (boot, gzip.decompress(_code()).decode()))),
        title=html.escape(f"{short} · attention in {model}" if model else f"{short} · attention"),
        bound=html.escape(outline["page"]),
        blocks="\n".join(
            f'<script type="text/plain" id="attnwidget-{name}">{dense(one)}</script>' for name, one in packed.items()
        ),
        boot=boot,
    )
    return b"\xff\xfe" + filled.encode("utf-16-le")


@cache
def _code() -> bytes:
    """Return the page's code, gzip: the widget and what answers it."""
    return (_STATIC / "page.js.gz").read_bytes()


def _hash(script: str) -> str:
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
