"""A readable label for any text: never empty, and nothing in it invisible."""

from __future__ import annotations

import re
import unicodedata

# Without a shape of their own, but with work to do between visible neighbours: joiners,
# variation selectors, fillers, tags.
_JOINERS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Shown wherever they are: controls, soft hyphen, zero-width space, bidi controls, BOM, and
# halves of surrogate pairs.
_HIDDEN = re.compile(
    r"([\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    r"\ufeff\ufff0-\ufffb])\1*"
)
_BLANK = re.compile(rf"([\s{_JOINERS}])\1*")
_MARKS = {
    " ": "␣",
    "\n": "↵",
    "\t": "⇥",
    "\N{NO-BREAK SPACE}": "⟨NBSP⟩",
    "\N{SOFT HYPHEN}": "⟨SHY⟩",
    "\N{ZERO WIDTH SPACE}": "⟨ZWSP⟩",
    "\N{ZERO WIDTH NON-JOINER}": "⟨ZWNJ⟩",
    "\N{ZERO WIDTH JOINER}": "⟨ZWJ⟩",
    "\N{LEFT-TO-RIGHT MARK}": "⟨LRM⟩",
    "\N{RIGHT-TO-LEFT MARK}": "⟨RLM⟩",
    "\N{ZERO WIDTH NO-BREAK SPACE}": "⟨BOM⟩",
    "\x7f": "␡",
}
_HALVES = re.compile(r"[\ud800-\udfff]+")
_MOST_REPEATED = 3  # ␣␣␣, then ␣×4


def visible(text: str) -> str:
    """Return the text without leading spaces, and with a mark for all that has no shape."""
    if not text:
        return "∅"
    if text.strip():
        text = _HIDDEN.sub(_mark, text.lstrip(" "))
    if not _BLANK.sub("", text):
        return _BLANK.sub(_mark, text)
    # A combining mark without its letter is drawn on a dotted circle, as in code charts.
    return f"◌{text}" if unicodedata.category(text[0]).startswith("M") else text


def encodable(text: str) -> str:
    """Return the text with halves of characters (surrogates) joined, or replaced by U+FFFD: they have no UTF-8."""
    return _HALVES.sub(lambda run: run[0].encode("utf-16", "surrogatepass").decode("utf-16", "replace"), text)


def _mark(run: re.Match[str]) -> str:
    char, count = run[1], len(run[0])
    control = chr(0x2400 + ord(char)) if char < " " else f"⟨U+{ord(char):04X}⟩"
    mark = _MARKS.get(char, control)
    return mark * count if count <= _MOST_REPEATED else f"{mark}×{count}"
