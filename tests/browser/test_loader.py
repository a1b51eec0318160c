"""The loader on a bare page: where it finds the code, how often, and what it says when there is none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ipywidgets.widgets.widget import _remove_buffers
from playwright.sync_api import Page, expect

from attnwidget import AttentionWidget
from browser.fake_comm import FakeComm, _packed

if TYPE_CHECKING:
    from playwright.sync_api import Locator

PAGE = Path(__file__).with_name("loader.html")
SILENT = 7000  # ms; longer than the loader's patience


class Host:
    """A page with models, and a kernel that answers when it is told to."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[dict[str, Any]] = []
        self.widgets: list[AttentionWidget] = []
        page.clock.install()
        page.expose_function("toKernel", self.hear)
        page.route("http://localhost/", lambda route: route.fulfill(path=PAGE, content_type="text/html"))
        page.goto("http://localhost/")

    def mount(
        self,
        count: int = 1,
        *,
        manager: bool = True,
        signalled: bool = True,
        code: str | None = None,
        then: str = "",
        **state: object,
    ) -> None:
        """Put widgets on the page, and their shared model beside them unless `code` is empty; `then` do more."""
        self.widgets = [AttentionWidget("a b c") for _ in range(count)]
        shared = self.widgets[0]._front_end
        code = shared._code if code is None else code
        saved = []
        for widget in self.widgets:
            widget.comm = FakeComm()
            own, paths, buffers = _remove_buffers({**widget.get_state(), **state})
            saved.append(_packed({"state": own, "buffer_paths": paths}, buffers))
        models = {shared.model_id: {"_code": code}} if code else {}  # "slow": it never comes
        self.page.evaluate(
            f"saved => mount(saved).then(() => {{ {then} }})",
            {"widgets": saved, "shared": models if manager else None, "signalled": signalled},
        )

    def hear(self, content: dict[str, Any]) -> None:
        """Take a message from the page; it stays unanswered."""
        self.asked.append(content)

    def wait_until_asked(self) -> None:
        self.page.wait_for_function("() => asked > 0")

    def answer(self) -> None:
        """Let the first widget's kernel answer all that was asked."""
        widget = self.widgets[0]
        for content in self.asked:
            widget._handle_custom_msg(content, [])
        for reply in widget.comm.outbox:
            self.page.evaluate("reply => fromKernel(reply)", reply)

    @property
    def drawn(self) -> Locator:
        return self.page.locator("[data-attnwidget][data-state=ready]")

    @property
    def unpacked(self) -> int:
        """How often the front end was unpacked and imported."""
        return self.page.evaluate("unpacked")

    @property
    def asked_for_code(self) -> int:
        return sum(content["ask"] == "code" for content in self.asked)


@pytest.fixture
def host(page: Page) -> Host:
    return Host(page)


def test_two_widgets_and_one_import(host: Host) -> None:
    host.mount(2)
    expect(host.drawn).to_have_count(2)
    assert host.unpacked == 1
    assert host.asked_for_code == 0


def test_the_shared_model_imports_its_code_before_any_widget_is_there(host: Host) -> None:
    """A model may run for long between the two."""
    front_end = AttentionWidget("a b")._front_end
    host.page.evaluate(
        """async ([loader, code]) => {
          const url = URL.createObjectURL(new Blob([loader], { type: "text/javascript" }));
          (await import(url)).default().initialize({ model: { get: (name) => ({ _code: code })[name] } });
        }""",
        [front_end._esm, front_end._code],
    )
    host.page.wait_for_function("() => unpacked === 1")
    host.mount()
    expect(host.drawn).to_have_count(1)
    assert host.unpacked == 1


@pytest.mark.parametrize("signalled", [True, False])
def test_unmounting_ends_all(host: Host, *, signalled: bool) -> None:
    host.mount(2, signalled=signalled)
    expect(host.drawn).to_have_count(2)
    host.page.evaluate("unmount()")
    expect(host.page.locator("[data-attnwidget]")).to_have_count(0)
    assert host.page.evaluate("mounted.map(({ model }) => model.listeners.length)") == [0, 0]


def test_unmounting_before_the_code_is_unpacked(host: Host) -> None:
    host.mount(then="return unmount()")
    assert host.page.evaluate("[unpacked, mounted[0].model.listeners.length]") == [1, 0]


def test_unmounting_before_the_code_is_there(host: Host) -> None:
    host.mount(code="")
    host.wait_until_asked()
    host.page.evaluate("() => { unmount(); }")
    host.answer()
    host.page.evaluate("new Promise((done) => setTimeout(done))")
    assert host.page.evaluate("[unpacked, mounted[0].model.listeners.length]") == [0, 0]


def test_a_host_without_a_manager_has_the_code_in_the_state(host: Host) -> None:
    code = AttentionWidget("a b")._front_end._code
    host.mount(2, manager=False, _front_end=None, _code=code)
    expect(host.drawn).to_have_count(2)
    assert host.unpacked == 1
    assert host.asked_for_code == 0


@pytest.mark.parametrize(
    ("manager", "code"),
    [(False, None), (True, ""), (True, "no code at all"), (True, "AAAA")],
    ids=["no manager", "no model", "no base64", "no gzip"],
)
def test_the_kernel_is_asked_when_nothing_else_helps(host: Host, code: str | None, *, manager: bool) -> None:
    host.mount(manager=manager, code=code)
    expect(host.drawn).to_have_count(0)
    host.wait_until_asked()
    host.answer()
    expect(host.drawn).to_have_count(1)
    assert host.asked_for_code == 1


def test_a_manager_that_never_answers(host: Host) -> None:
    host.mount(code="slow")
    host.page.clock.fast_forward(SILENT)
    host.wait_until_asked()
    host.answer()
    expect(host.drawn).to_have_count(1)


def test_it_says_so_when_the_code_cannot_be_had(host: Host) -> None:
    host.mount(code="")
    expect(host.page.get_by_role("alert")).to_have_count(0)
    host.wait_until_asked()
    host.page.clock.fast_forward(SILENT)
    expect(host.page.get_by_role("alert")).to_have_text(
        "The code that draws this picture has not arrived. Run the cell again."
    )
    host.answer()  # late
    expect(host.drawn).to_have_count(1)
    expect(host.page.get_by_text("Run the cell again")).to_have_count(0)


def test_it_says_why_the_code_cannot_be_loaded(host: Host) -> None:
    host.mount(code="")
    host.wait_until_asked()
    content = {"id": host.asked[0]["id"], "error": {"message": "the file is gone"}}
    host.page.evaluate("reply => fromKernel(reply)", {"content": content, "buffers": []})
    expect(host.page.get_by_role("alert")).to_have_text(
        "The code that draws this picture cannot be loaded: the file is gone. Run the cell again."
    )
