"""Imports go one way, and `import attnwidget` costs nothing."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src/attnwidget"

# A room may import from the lines above its own only.
ORDER = (
    {"head_id", "hosts", "tokens", "models", "replacing", "version"},
    {"tables"},
    {"maths"},
    {"breakdown", "measures", "variants"},
    {"effects"},
    {"trace"},
    {"capture"},
    {"adapters", "comparison"},
    {"heads", "circuits"},
    {"asking", "wire", "examples"},
    {"session"},
    {"export"},
    {"front_end", "traits"},
    {"synced"},
    {"session_widget"},
    {"widget", "lab"},
    {"bertviz", "circuitsvis", "cli", "comparing", "course"},
    {"__main__"},
)
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
# The widget is traits and dispatch: it leaves the mathematics to the rooms between.
NOT = {
    "widget": {"maths", "measures", "capture", "models"},
    "session_widget": {"maths", "measures", "capture", "models"},
    "wire": {"capture", "models"},
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[str]:
    """Name the room of every import of this package, however late or relative it is."""
    folder = ["attnwidget", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) + 1 - node.level] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            modules = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            package, _, rest = module.partition(".")
            if package == "attnwidget":
                yield rest.partition(".")[0]


def test_every_room_has_its_place():
    rooms = {room_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__"}
    assert rooms <= set(RANK)


def test_imports_go_one_way():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        room = room_of(path)
        if room == "__init__":  # the public names, loaded lazily
            continue
        left = {other for other, rank in RANK.items() if rank < RANK.get(room, 0)}
        allowed = left - NOT.get(room, set()) | {room}
        wrong += [
            f"{path.relative_to(PACKAGE)} imports {other}" for other in imported_rooms(path) if other not in allowed
        ]
    assert not wrong


def test_import_costs_nothing():
    heavy = {"torch", "transformers", "numpy", "ipywidgets", "anywidget"}
    code = "import sys, attnwidget; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())
