"""Notebooks that prove something: every cell runs, and so does what it asserts."""

import json
import re
from pathlib import Path

import pytest

import attnwidget

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
LINK = re.compile(r"\]\(([^)]+)\)")


@pytest.mark.filterwarnings("ignore")  # of texts that are no English
def test_the_proof_of_induction_heads_holds():
    cells = json.loads((NOTEBOOKS / "03-induction-heads.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert sum(block.count("assert ") for block in code) >= 12
    space = {}
    for number, block in enumerate(code):
        exec(compile(block, f"cell {number}", "exec"), space)
    assert not any(cell.get("outputs") for cell in cells)


@pytest.mark.filterwarnings("ignore")
def test_the_start_page_runs_and_leads_to_what_is_there():
    cells = json.loads((NOTEBOOKS / "00-start.ipynb").read_text(encoding="utf-8"))["cells"]
    space, shown = {}, []
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            *before, last = source.strip().split("\n\n")
            exec("\n".join(before), space)
            shown.append(eval(last, space))
            assert not cell["outputs"]
        else:
            shown.append(source)
    listed = shown[3].data
    links = [link for one in (*filter(lambda one: isinstance(one, str), shown), listed) for link in LINK.findall(one)]
    assert "01-first-look.ipynb" in links
    assert [link for link in links if not (NOTEBOOKS / link).exists()] == []
    assert listed.count("](lesson-") == len(attnwidget.lessons())
    assert [one.text for one in shown if isinstance(one, attnwidget.AttentionWidget)] == [
        "The animal didn't cross the road because it was too tired",
        "The cat [MASK] on the mat",
    ]
