"""How the front end's code travels: packed, once, and in a way that each host can take."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import ipywidgets
from ipywidgets.embed import dependency_state, embed_minimal_html
from ipywidgets.widgets.widget import _instances

from attnwidget import AttentionLab, AttentionWidget
from attnwidget.front_end import LAB, FrontEnd, PackedWidget, packed
from browser.fake_comm import FakeComm

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

BUNDLE = Path(__file__).parents[1] / "src/attnwidget/static/widget.js"
TEXT = "The animal didn't cross the road because it was too tired to go on."  # 16 tokens


def size(states: Mapping[str, Any]) -> int:
    return len(json.dumps(states))


def test_the_packed_code_is_the_front_end() -> None:
    assert gzip.decompress(packed()) == BUNDLE.read_bytes()
    assert packed()[4:10] == bytes([0, 0, 0, 0, 2, 255])  # no time, no operating system: builds are reproducible


def test_the_lab_has_code_of_its_own_which_no_widget_carries() -> None:
    lab, widget = AttentionLab("a b", numbers="small"), AttentionWidget("a b")
    assert gzip.decompress(LAB.packed) == BUNDLE.with_name("lab.js").read_bytes()
    assert base64.b64decode(lab._front_end._code) == LAB.packed
    assert lab._front_end._figures == ""
    assert lab._front_end is not widget._front_end
    assert lab._esm != widget._esm  # each loader knows its own code
    assert AttentionLab("a b", numbers="small")._front_end is lab._front_end
    assert packed() not in {base64.b64decode(one["state"].get("_code", "")) for one in dependency_state(lab).values()}
    assert size(dependency_state(lab)) < 0.1e6


def test_the_state_of_a_widget_is_small_and_ten_share_the_code() -> None:
    widgets = [AttentionWidget(TEXT) for _ in range(10)]
    assert len(widgets[0].tokens) == 16
    assert size(dependency_state(widgets[0])) < 0.31e6  # of these 0.23e6 are the code, once a notebook
    ten = dependency_state(widgets)
    assert size(ten) < 1e6
    (code,) = [one["state"]["_code"] for one in ten.values() if one["state"].get("_code")]
    assert base64.b64decode(code) == packed()


def test_a_page_without_a_kernel_has_the_shared_model(tmp_path: Path) -> None:
    widget = AttentionWidget("a b")
    page = tmp_path / "page.html"
    embed_minimal_html(page, [widget], state=dependency_state([widget]))
    html = page.read_text()
    begin = html.index("{", html.index("application/vnd.jupyter.widget-state+json"))
    states = json.JSONDecoder().raw_decode(html[begin:])[0]["state"]
    reference = states[widget.model_id]["state"]["_front_end"]
    shared = states[reference.removeprefix("IPY_MODEL_")]
    assert shared["model_name"] == "AnyModel"
    assert shared["model_module"] == "anywidget"
    assert base64.b64decode(shared["state"]["_code"]) == packed()


def test_a_closed_shared_model_is_made_again() -> None:
    before = PackedWidget()._front_end
    assert PackedWidget()._front_end is before
    ipywidgets.Widget.close_all()
    _instances.clear()  # where a test has put a comm of its own, an entry is left
    after = PackedWidget()._front_end
    assert after is not before
    assert after.comm is not None
    assert after._code == before._code


def test_marimo_gets_the_code_in_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "marimo", SimpleNamespace(running_in_notebook=lambda: True))
    monkeypatch.setattr(FrontEnd, "shared", None)  # nothing is shared
    state = PackedWidget().get_state()
    assert state["_front_end"] is None
    assert base64.b64decode(state["_code"]) == packed()
    # Imported, but not the host:
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "marimo", SimpleNamespace(running_in_notebook=lambda: False))
    assert PackedWidget().get_state()["_code"] == ""


def test_the_kernel_gives_the_code_when_asked() -> None:
    widget = AttentionWidget("a b")
    widget.comm = comm = FakeComm()
    widget._handle_custom_msg({"id": "1", "ask": "code"}, [])
    (reply,) = comm.outbox
    assert reply["content"] == {"id": "1", "ok": {}}
    assert [base64.b64decode(one) for one in reply["buffers"]] == [packed()]


def test_hot_reloading_follows_the_code_as_it_is() -> None:
    code = "from attnwidget.front_end import PackedWidget; print(PackedWidget().get_state()['_esm'])"
    environ = os.environ | {"ANYWIDGET_HMR": "1", "PYTHONPATH": str(BUNDLE.parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == BUNDLE.read_text(encoding="utf-8") + "\n"
