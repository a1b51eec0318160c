"""What is in the sdist and the wheel, and that installing them needs no Node."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = {
    "attnwidget/export/fonts/AttnwidgetSans-Regular.ttf",
    "attnwidget/export/fonts/LICENSE",
    "attnwidget/static/figure.js",
    "attnwidget/static/figures.js.gz",
    "attnwidget/static/lab-loader.js",
    "attnwidget/static/lab.js.gz",
    "attnwidget/static/loader.js",
    "attnwidget/static/notebook.js",
    "attnwidget/static/widget.js.gz",
    "attnwidget/static/boot.js",
    "attnwidget/static/page.js.gz",
    "attnwidget/export/page.html",
    "attnwidget/py.typed",
    "attnwidget/lessons/template.md",
    "attnwidget/lessons/02-from-scores-to-weights.md",
    "attnwidget/cli/__init__.py",
    *(str(path.relative_to(ROOT / "src")) for path in ROOT.glob("src/attnwidget/bundled/*/*")),
}
JUNK = ("node_modules", "__pycache__", ".ipynb_checkpoints", ".venv", ".pytest_cache", ".git/")


def build(kind: str, source: Path, out: Path, **env: str) -> Path:
    """Build the "sdist" or "wheel" of a source folder with the tools of this environment."""
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "-o", out, source]
    environ = {key: value for key, value in os.environ.items() if key != "ATTNWIDGET_SKIP_JS"}
    done = subprocess.run(command, env=environ | env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.tar.gz" if kind == "sdist" else "*.whl"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def test_sdist(sdist: Path):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in NEEDED} <= names
    assert {"js/src/index.ts", "package-lock.json", "scripts/hatch_build.py", "LICENSE"} <= names
    assert not [name for name in names if any(junk in name for junk in JUNK)]


def test_wheel(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert set(names) >= NEEDED | {f"attnwidget/notebooks/{one.name}" for one in ROOT.glob("notebooks/*.ipynb")}
    assert "attnwidget-0.1.0.dist-info/entry_points.txt" in names
    assert wheel.stat().st_size < 24e6  # three models and the front end
    assert {name.split("/")[0] for name in names} == {"attnwidget", "attnwidget-0.1.0.dist-info"}
    assert not [name for name in names if any(junk in name for junk in JUNK)]


def test_wheel_imports(wheel: Path, tmp_path: Path):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path]
    subprocess.run([*pip, wheel], check=True)
    code = "import attnwidget, pathlib; print(pathlib.Path(attnwidget.__file__).parents[1])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path)


def test_the_sdist_builds_the_same_wheel_without_node(sdist: Path, wheel: Path, tmp_path: Path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    source = next(path for path in tmp_path.iterdir() if path.is_dir())
    rebuilt = build("wheel", source, tmp_path, PATH="/nowhere")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(rebuilt) as other:
        assert {info.filename: info.CRC for info in one.infolist()} == {
            info.filename: info.CRC for info in other.infolist()
        }


def test_without_node_the_error_says_what_to_do(tmp_path: Path):
    hook = ROOT / "scripts/hatch_build.py"
    code = (
        "import runpy, sys; hook = runpy.run_path(sys.argv[1])['FrontEndBuildHook'];"
        "hook(sys.argv[2], {}, None, None, '', 'wheel').initialize('standard', {})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, hook, tmp_path],
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "needs Node 20 with npm" in done.stderr
