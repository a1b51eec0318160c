"""Write every lesson as a notebook; with `--check`, say whether those that are there are the same."""

import sys
from pathlib import Path

import nbformat

import attnwidget as aw

OUT = Path(__file__).parents[1] / "notebooks"


def written() -> dict[Path, str]:
    """Return the notebooks by where they belong."""
    return {OUT / f"lesson-{one.name}.ipynb": nbformat.writes(one.notebook(), indent=1) + "\n" for one in aw.lessons()}


if __name__ == "__main__":
    notebooks = written()
    others = set(OUT.glob("lesson-*.ipynb")) - notebooks.keys()
    if "--check" in sys.argv:
        old = [path.name for path, text in notebooks.items() if not path.exists() or path.read_text("utf-8") != text]
        old += [path.name for path in others]
        if old:
            sys.exit(f"{', '.join(sorted(old))}: not what the lessons say: run `make lessons`")
    else:
        for path, text in notebooks.items():
            path.write_text(text, encoding="utf-8")
        for path in others:
            path.unlink()
