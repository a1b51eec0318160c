"""Writes what Sphinx reads: every page as Markdown, with its links set right and its widgets saved."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from docsite import lessons
from docsite.live import Cells, Live
from docsite.pages import README_PAGES, links_set_right, sections
from docsite.reference import written_out

HERE = Path(__file__).parent
# A comment in a page, with a caption and a cell; a picture right after it is what is seen elsewhere in its place.
LIVE = re.compile(
    r"^<!-- live: (?P<caption>[^\n]*)\n(?P<code>.*?)-->$(\n<picture>.*?</picture>)?", re.DOTALL | re.MULTILINE
)
NOTEBOOKS = {"01-first-look.ipynb": "first-look.md", "03-induction-heads.ipynb": "induction-heads.md"}


def table_of(root: Path) -> dict[str, str]:
    """Return the site's pages by their files in the repository."""
    table = {f"docs/{path.name}": path.name for path in sorted((root / "docs").glob("*.md"))}
    table |= {f"notebooks/{name}": page for name, page in NOTEBOOKS.items()}
    for path in sorted((root / "src/attnwidget/bundled").glob("*/README.md")):
        table[f"src/attnwidget/bundled/{path.parent.name}/README.md"] = f"demo-models/{path.parent.name}.md"
    for path in sorted((root / "src/attnwidget/lessons").glob("[0-9][0-9]-*.md")):
        table[f"src/attnwidget/lessons/{path.name}"] = f"lessons/{path.name}"
    return table | {"training/README.md": "training.md", "CHANGELOG.md": "changelog.md", "README.md": "tour.md"}


class Stage:
    """A folder that becomes the source of the site."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self.table = table_of(root)
        self.live = Live(folder / "extra")

    def put(self, page: str, text: str, source: str = "") -> None:
        """Write a page, and run what is live in it; a text that stood in `source` has links from there."""
        cells = Cells(self.live, page)
        cells.run("import attnwidget\nfrom attnwidget import AttentionWidget")
        text = LIVE.sub(lambda found: cells.run(found["code"], caption=found["caption"].strip()), text)
        self.write(page, self.linked(text, source, page) if source else text)

    def linked(self, text: str, source: str, page: str) -> str:
        """Return a text whose links lead where their targets are on the site."""
        return links_set_right(text, source, page, self.table, exists=self._exists, carry=self._carry)

    def write(self, page: str, text: str) -> None:
        """Write a page as it is."""
        path = self.folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _exists(self, path: str) -> bool:
        return (self.root / path).exists()

    def _carry(self, path: str) -> str | None:
        """Bring along a file that is no page; a folder stays where it is."""
        source = self.root / path
        if source.is_dir():
            return None
        to = self.folder / "files" / source.name
        to.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, to)
        return f"files/{source.name}"


def notebook(stage: Stage, name: str, page: str) -> None:
    """Run a notebook, and write it as a page."""
    cells, parts = Cells(stage.live, page), []
    for cell in json.loads((stage.root / "notebooks" / name).read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        else:
            parts.append(f"```python\n{source}\n```\n{cells.run(source)}")
    told = f"Made from a notebook that comes along: `attnwidget demo` opens it, as `{name}`."
    text = "\n\n".join([parts[0].replace("\n", f"\n\n{{.about}}\n{told}\n", 1), *parts[1:]])
    stage.write(page, stage.linked(text, f"notebooks/{name}", page))


def write(root: Path, folder: Path) -> None:
    """Write all that Sphinx reads."""
    folder.mkdir(parents=True)
    shutil.copyfile(HERE / "conf.py", folder / "conf.py")
    shutil.copytree(HERE / "static", folder / "static", ignore=shutil.ignore_patterns("framed.js"))
    stage = Stage(root, folder)
    readme = (root / "README.md").read_text(encoding="utf-8")
    for page, titles in README_PAGES.items():
        stage.put(page, sections(readme, *titles), "README.md")
    for source, page in stage.table.items():
        if source != "README.md" and source.endswith(".md") and not page.startswith("lessons/"):
            stage.put(page, (root / source).read_text(encoding="utf-8"), source)
    for name, page in NOTEBOOKS.items():
        notebook(stage, name, page)
    lessons.write_all(stage)
    stage.write("lessons/index.md", lessons.index())
    own = {
        path.relative_to(HERE / "pages").as_posix(): path.read_text("utf-8") for path in (HERE / "pages").rglob("*.md")
    }
    own["index.md"] = own["index.md"].replace("OTHERS", "\n".join(unnamed(own["index.md"], stage.table)))
    for page, text in sorted(own.items()):
        stage.put(page, written_out(text))


def unnamed(index: str, table: dict[str, str]) -> list[str]:
    """Return those pages of docs/ that the first page's menu does not name, so that none is lost."""
    names = [page.removesuffix(".md") for source, page in table.items() if source.startswith("docs/")]
    return [name for name in names if f"<{name}>" not in index]
