"""What the model wrote, looked at token by token; and what is on screen while it is being written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from attnwidget import AttentionWidget
from attnwidget.export.page import page as save_page
from attnwidget.wire.schema import Status
from browser.fake_comm import Mounted
from browser.pages import Saved

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

TEXT = "The cat sat on"


@pytest.fixture
def written(page: Page) -> Mounted:
    at = Mounted(page, AttentionWidget(TEXT, generate=6, probe=False, words=True, keys=[1]))
    at.wait()
    return at


def sentence(widget: AttentionWidget) -> str:
    """What must be said of the step."""
    step, trace = widget.step, widget.trace
    assert step is not None
    ((layer, head),) = widget.heads
    row = trace.weights(layer, head, queries=step - 1)
    first = int(row.argmax())
    tokens = trace.tokens
    return (
        f"“{tokens[step]}” was written from the row of “{tokens[step - 1]}”: it looks most at “{tokens[first]}” "
        f"{row[first]:.4f}, "
    )


def test_the_slider_pins_the_row_that_a_token_was_written_from(written: Mounted, page: Page) -> None:
    widget = written.widget
    line = page.get_by_label("what was seen when a token was written")
    slider = line.get_by_role("slider", name="Written token")
    expect(slider).to_have_attribute("aria-valuetext", "none of 6")
    slider.focus()
    for step in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        written.wait()
        assert (widget.step, widget.queries, widget.keys, widget.words) == (3 + step, [2 + step], [], False)
        expect(line).to_contain_text(sentence(widget))
        name = widget.trace.tokens[widget.step]
        expect(slider).to_have_attribute("aria-valuetext", f"{name}, {step} of 6")
    expect(page.locator("[data-side=key].forbidden")).to_have_count(10 - 6)  # what was not there yet
    page.keyboard.press("Home")
    written.wait()
    assert (widget.step, widget.queries) == (None, [])
    widget.step = -1  # from Python
    expect(slider).to_have_value("6")
    expect(line).to_contain_text(sentence(widget))
    widget.view = "breakdown"
    expect(line).to_contain_text(f"from the row of “{widget.trace.tokens[-2]}”.")


def test_there_is_none_where_nothing_was_written(page: Page) -> None:
    Mounted(page, AttentionWidget(TEXT, probe=False)).wait()
    expect(page.get_by_role("slider", name="Written token")).to_have_count(0)


def test_it_works_on_a_page_without_a_kernel(page: Page, tmp_path: Path) -> None:
    widget = AttentionWidget(TEXT, generate=6, probe=False)
    saved = Saved(page, tmp_path / "page.html", save_page(widget._session))
    saved.wait()
    page.get_by_role("slider", name="Written token").focus()
    page.keyboard.press("End")
    widget.step = -1
    start = sentence(widget).split("”: ")[0]
    expect(page.get_by_label("what was seen when a token was written")).to_contain_text(f"{start}”: it looks most at")
    expect(page.locator("[data-side=query].pinned")).to_have_count(1)


def test_what_is_being_written_is_in_sight_and_can_be_stopped(written: Mounted, page: Page) -> None:
    session, stopped = written.widget._session, []
    message = "writing token 7 of up to 20: and the old <b>man</b>"
    session._tell(status=Status(state="loading", message=message, done=6, total=20, editable=True))
    expect(page.get_by_text(message)).to_be_visible()
    session._runner.stop = lambda: stopped.append(1)  # type: ignore[method-assign]
    page.get_by_role("button", name="Stop").click()
    written.wait("loading")
    assert stopped
    session._tell(status=Status(state="ready"))
    expect(page.get_by_text(message)).to_have_count(0)


def test_a_first_text_that_is_being_written_can_be_stopped(page: Page) -> None:
    widget = AttentionWidget(TEXT, probe=False)
    widget._outline = {}
    widget._snapshot = {}
    message = "writing token 2 of up to 9: a"
    widget._status = Status(state="loading", message=message, done=1, total=9, editable=True).to_state()
    Mounted(page, widget)
    expect(page.get_by_text(message)).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_enabled()
