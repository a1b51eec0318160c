"""Notebooks that prove something: every cell runs, and so does what it asserts."""

import json
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.mark.filterwarnings("ignore")  # of texts that are no English
def test_the_proof_of_induction_heads_holds():
    cells = json.loads((NOTEBOOKS / "03-induction-heads.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert sum(block.count("assert ") for block in code) >= 12
    space = {}
    for number, block in enumerate(code):
        exec(compile(block, f"cell {number}", "exec"), space)
    assert not any(cell.get("outputs") for cell in cells)
