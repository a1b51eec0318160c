"""The command line, as a person and a script in CI use it."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

import attnwidget
from attnwidget.cli import demo, main

TEXT = "The animal didn't cross the road because it was too tired"
JUPYTER = ["IPython", "ipywidgets", "anywidget", "ipykernel", "jupyterlab", "notebook"]


def test_without_a_command_it_explains_itself(capsys):
    assert main([]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ("demo", "export", "page", "examples:"))


@pytest.mark.parametrize("command", ["demo", "export", "page"])
def test_every_command_has_examples(command, capsys):
    assert main([command, "--help"]) == 0
    assert f"attnwidget {command}" in capsys.readouterr().out.partition("example")[2]


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"attnwidget {attnwidget.__version__}\n"


def test_numbers_of_what_is_chosen(tmp_path, capsys):
    path = tmp_path / "numbers.csv"
    assert main(["export", TEXT, "--head", "L3-H0", "--query", "it", "--key", "1", "-o", str(path)]) == 0
    (row,) = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
    assert (row["query token"], row["key token"], row["head"]) == ("it", "animal", "L3-H0")
    out, err = capsys.readouterr()
    assert not out
    assert f"wrote {path}" in err


def test_one_run_gives_every_kind_of_file(tmp_path):
    pytest.importorskip("vl_convert")
    begins = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "html": b"<!doctype html", "csv": b"\xef\xbb\xbf"}
    outputs = [part for ending in begins for part in ("-o", str(tmp_path / f"it.{ending}"))]
    looks = ["--width", "3.3", "--theme", "dark", "--transparent", "--view", "matrix"]
    assert main(["export", TEXT, "--query", "it", *looks, *outputs]) == 0
    for ending, begin in begins.items():
        data = (tmp_path / f"it.{ending}").read_bytes()[:60]
        assert begin in data.replace(b"\0", b""), ending  # a page is in UTF-16
    assert 'width="3.3in"' in (tmp_path / "it.svg").read_text(encoding="utf-8")


def test_what_it_knows_beforehand_is_so():
    from attnwidget.cli.export import FORMATS, WIDEST
    from attnwidget.export import figure, save

    assert set(FORMATS) == set(save.FORMATS)
    assert figure._INCHES == WIDEST


def test_from_a_script_without_jupyter_reading_from_standard_input(tmp_path):
    block = "; ".join(f"sys.modules[{name!r}] = None" for name in JUPYTER)
    code = f"import sys; {block}; from attnwidget.cli import main; sys.exit(main(sys.argv[1:]))"
    path = tmp_path / "numbers.csv"
    arguments = ["export", "-", "--view", "matrix", "--quiet", "-o", path]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], input=TEXT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert path.read_text(encoding="utf-8-sig").count("\n") == 1 + 12 * 12


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["export", TEXT, "-o", "x.docx"], 2, ".svg, .png, .pdf, .csv, .html"),
        (["export", " ", "-o", "x.csv"], 2, "the text is empty"),
        (["export", TEXT, "-o", "x.svg", "--width", "0"], 2, "1 to 60 inches"),
        (["export", TEXT], 2, "-o"),
        (["nonsense"], 2, "nonsense"),
        (["export", TEXT, "-o", "nowhere/x.csv"], 1, "no folder nowhere"),
        (["export", TEXT, "-o", "x.csv", "--head", "L9-H0"], 1, "out of range: 0 to 3"),
        (["export", TEXT, "-o", "x.csv", "--query", "dog"], 1, "no token or word reads 'dog'"),
        (["export", TEXT, "-o", "x.csv", "--model", "./not/here"], 1, "not/here"),
        (["page", "nothing.ipynb"], 1, "no notebook nothing.ipynb"),
    ],
)
def test_an_error_is_a_sentence_and_writes_nothing(arguments, code, says, here, capsys):
    assert main(arguments) == code
    told = capsys.readouterr().err
    assert says in told
    assert "Traceback" not in told
    assert code == 2 or len([line for line in told.splitlines() if "error" in line]) == 1
    assert not list(here.iterdir())


def test_debug_shows_where_it_came_from(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        main(["export", TEXT, "-o", str(tmp_path / "nowhere" / "x.csv"), "--debug"])


def test_the_demo_writes_its_notebooks_and_keeps_those_that_are_there(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(demo.subprocess, "run", lambda command, **_: called.append(command) or Done())
    first = tmp_path / "here" / "00-start.ipynb"
    assert main(["demo", str(first.parent), "--port", "9999", "--no-browser"]) == 0
    assert first.read_bytes() == (Path(__file__).parents[1] / "notebooks/00-start.ipynb").read_bytes()
    assert "--LabApp.default_url=/lab/tree/00-start.ipynb" in called[0]
    assert {"--port=9999", "--no-browser", f"--ServerApp.root_dir={first.parent}"} <= set(called[0])
    first.write_text("mine")
    monkeypatch.setenv("PORT", "7777")
    assert main(["demo", str(first.parent)]) == 0
    assert first.read_text() == "mine"
    assert "--port=7777" in called[1]
    assert "--no-browser" not in called[1]


class Done:
    returncode = 0


def test_without_jupyterlab_the_demo_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "find_spec", lambda _: None)
    assert main(["demo", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "pip install 'attnwidget[demo]'" in told
    assert str(tmp_path / "00-start.ipynb") in told
