"""What the user's documents teach: every id of their checklist has a lesson, and a heading under which it is told."""

import re
from pathlib import Path

import pytest

import attnwidget as aw
from attnwidget.course import Exercise, Prose

LIST = Path(__file__).parents[2] / "shared" / "SEEDS.md"
ITEM = re.compile(r"^- (S\d+\.\d+) ", re.MULTILINE)
HEADING = re.compile(r"^(#+) +(.+?)\s*$")
SHORTEST = 120  # characters: what is told under a heading is more than a line


def places():
    """Return id → [(lesson, heading)], from the lessons' front matter."""
    found = {}
    for lesson in aw.lessons():
        for name, heading in lesson.seeds.items():
            found.setdefault(name, []).append((lesson, heading))
    return found


def told_under(lesson, heading):
    """Return the words of a section: from its heading to the next one of its depth, questions among them."""
    words, depth = [], 0
    for part in lesson.parts:
        if isinstance(part, Exercise) and depth:
            words.append(part.text)
        if not isinstance(part, Prose):
            continue
        for line in part.text.splitlines():
            match = HEADING.match(line)
            if match and match[2] == heading:
                depth = len(match[1])
            elif match and depth and len(match[1]) <= depth:
                return " ".join(words)
            elif depth:
                words.append(line)
    return " ".join(words)


@pytest.mark.skipif(not LIST.exists(), reason="the checklist is not here (../shared/SEEDS.md)")
def test_every_item_of_the_checklist_has_a_lesson_and_a_heading():
    ids, found = ITEM.findall(LIST.read_text(encoding="utf-8")), places()
    assert len(ids) == len(set(ids)) == 68
    missing = [name for name in ids if name not in found]
    assert not missing, f"{len(missing)} of {len(ids)} are in no lesson: {', '.join(missing)}"
    assert set(found) <= set(ids), f"the checklist does not have {', '.join(sorted(set(found) - set(ids)))}"


def test_something_is_told_under_every_heading():
    empty = [
        f"{lesson.name}: {heading} ({name})"
        for name, told in places().items()
        for lesson, heading in told
        if len(told_under(lesson, heading)) < SHORTEST
    ]
    assert not empty
