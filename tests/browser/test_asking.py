"""Questions in a browser: judged there, in words that are true of what is selected; on a page without a kernel too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

import attnwidget as aw
from attnwidget import AttentionWidget
from attnwidget.course import WidgetCell
from browser.fake_comm import Mounted
from browser.pages import Saved
from browser.test_access import AXE, LOOK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

TEXT = "The animal didn't cross the road because it was too tired"
RULE = {"heads": "L3-H0", "queries": "it", "keys": "strongest(L3-H0, it)"}


def asking(**options: Any) -> AttentionWidget:
    widget = AttentionWidget(TEXT, probe=False, heads="L3-H0", **options)
    widget.ask("Pin what *it* looks at most in L3-H0.", RULE, hint="Click *it* first.", because="*road* is nearer.")
    widget.ask("Switch off L3-H0.", {"off": "L3-H0"})
    return widget


@pytest.fixture
def mount(page: Page) -> Callable[[AttentionWidget], Mounted]:
    def mounted(widget: AttentionWidget) -> Mounted:
        one = Mounted(page, widget)
        one.wait()
        return one

    return mounted


def bar(page: Page) -> Locator:
    return page.get_by_role("region", name="question")


def press(page: Page, name: str) -> None:
    bar(page).get_by_role("button", name=name).click()


def test_an_answer_is_judged_in_words_and_noted(page: Page, mount: Callable[..., Mounted]) -> None:
    widget = asking()
    at = mount(widget)
    expect(bar(page).locator("em").first).to_have_text("it")
    expect(bar(page)).to_contain_text("1 of 2")
    press(page, "Check")
    expect(bar(page)).to_contain_text("No query is pinned yet")
    widget.queries, widget.keys = "it", "road"
    at.wait()
    expect(bar(page)).not_to_contain_text("No query")  # it is no more true
    press(page, "Check")
    expect(bar(page)).to_contain_text("You pinned road as key: try another one.")
    press(page, "Hint")
    expect(bar(page)).to_contain_text("Click it first.")
    page.get_by_role("button", name="Hint").focus()
    page.keyboard.press("Enter")
    expect(bar(page)).not_to_contain_text("Click it first.")
    widget.keys = "animal"
    at.wait()
    press(page, "Check")
    expect(bar(page)).to_contain_text("Right: L3-H0, it as query, animal as key. road is nearer.")
    at.wait()
    asked = widget.questions[0]
    assert asked.row == ("heads: L3-H0; queries: it; keys: animal", "right", 3, True, False)
    press(page, "next question")
    expect(bar(page)).to_contain_text("Switch off L3-H0.")
    press(page, "Show me")
    at.wait()
    assert widget.off == [(3, 0)]
    expect(bar(page)).to_contain_text("This is an answer: without L3-H0.")
    assert widget.questions[1].row[-1]
    widget.ask(None)
    at.wait()
    expect(bar(page)).to_have_count(0)


def test_another_text_is_named_and_the_first_put_back(page: Page, mount: Callable[..., Mounted]) -> None:
    widget = asking()
    at = mount(widget)
    widget.text = "The cat sat"
    at.wait()
    expect(bar(page)).to_contain_text(f"This is about “{TEXT}”.")
    expect(bar(page).get_by_role("button", name="Check")).to_have_count(0)
    press(page, "Put it back")
    at.wait()
    assert widget.text == TEXT
    expect(bar(page).get_by_role("button", name="Check")).to_be_visible()


def test_the_browser_judges_while_the_kernel_is_gone(page: Page, mount: Callable[..., Mounted]) -> None:
    widget = asking(queries="it", keys="animal")
    at = mount(widget)
    at.alive = False
    press(page, "Check")
    expect(bar(page)).to_contain_text("Right: L3-H0")
    expect(bar(page)).to_have_attribute("data-right", "true")


def test_the_other_side_of_a_comparison_is_shown(page: Page, mount: Callable[..., Mounted]) -> None:
    widget = aw.compare("The cat sat", "The cat sat on the mat", heads="L2-H1", queries="sat", probe=False)
    widget.ask("Pin where it sat", {"side": "b", "keys": "mat"})
    at = mount(widget)
    press(page, "Show me")
    expect(bar(page)).to_contain_text("This is an answer, as it is drawn.")
    at.wait()
    assert (widget.side, widget.keys) == ("b", [5])
    press(page, "Check")
    expect(bar(page)).to_contain_text("Right: ")
    expect(bar(page)).to_contain_text("mat as key")


def test_a_question_is_text_and_no_markup(page: Page, mount: Callable[..., Mounted]) -> None:
    widget = AttentionWidget(TEXT, probe=False)
    evil = "<img src=x onerror=alert(1)> *<b>bold</b>*"
    widget.ask(evil, {"keys": "animal"}, hint=evil, because=evil)
    mount(widget)
    press(page, "Hint")
    press(page, "Show me")
    expect(bar(page).locator("em", has_text="<b>bold</b>")).to_have_count(3)
    expect(bar(page).locator("img, b")).to_have_count(0)


def test_a_saved_page_asks_and_judges_alone(page: Page, tmp_path: Path) -> None:
    widget = asking()
    widget.save_html(tmp_path / "x.html")
    widget.close()
    at = Saved(page, tmp_path / "y.html", (tmp_path / "x.html").read_bytes())
    at.wait()
    press(page, "Check")
    expect(bar(page)).to_contain_text("No query is pinned yet")
    press(page, "Show me")
    expect(bar(page)).to_contain_text("This is an answer: L3-H0, it as query, animal as key.")
    press(page, "Check")
    expect(bar(page)).to_contain_text("Right: L3-H0")
    press(page, "next question")
    expect(bar(page)).to_contain_text("takes a model that runs")
    expect(bar(page).get_by_role("button", name="Check")).to_be_disabled()
    press(page, "previous question")
    expect(bar(page)).to_have_attribute("data-right", "true")
    assert at.violations == []


def kinds(rule: Any, field: str = "") -> set[str]:
    """How each field of a rule is told: "heads any top_heads", "queries"."""
    if isinstance(rule, dict):
        return set().union(*(kinds(one, f"{field} {name}") for name, one in rule.items()))
    return {f"{field} {str(rule).partition('(')[0]}" if "(" in str(rule) else field}


def test_every_kind_of_question_of_the_lessons_is_answered_on_a_saved_page(browser: Browser, tmp_path: Path) -> None:
    """Each rule by itself is tried in Python (`test_lessons`), which judges as the browser does (`judge.json`)."""
    known: set[Any] = set()
    for lesson in aw.lessons():
        cells = [(part, widget) for part, widget in lesson.run() if isinstance(part, WidgetCell) and part.questions]
        for part, widget in cells:
            rules = [one.answer if isinstance(one.answer, list) else [one.answer] for one in part.questions]
            asked = set().union(*(kinds(one) for rule in rules for one in rule))
            if asked <= known:
                widget.close()
                continue
            known |= asked
            widget.save_html(tmp_path / "x.html")
            needs_model = [bool({"off", "mask", "target", "side"} & set().union(*one)) for one in rules]
            widget.close()
            page = browser.new_page(viewport={"width": 848, "height": 700})
            at = Saved(page, tmp_path / "y.html", (tmp_path / "x.html").read_bytes())
            at.wait()
            for nth, needs in enumerate(needs_model):
                if nth > 0:
                    press(page, "next question")
                if needs:
                    continue
                press(page, "Check")
                expect(bar(page).locator(".said")).not_to_have_text(re.compile("^Right|^$"))
                press(page, "Show me")
                at.wait()  # it is drawn
                press(page, "Check")
                expect(bar(page).locator(".said")).to_have_text(re.compile("^Right"))
            page.close()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core comes with npm ci")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_bar(browser: Browser, scheme: Any) -> None:
    page = browser.new_page(viewport={"width": 848, "height": 700}, color_scheme=scheme)
    page.add_init_script(
        f"addEventListener('DOMContentLoaded', () => {{ document.body.style.background = "
        f"'{'#111' if scheme == 'dark' else '#fff'}'; }});"
    )
    widget = asking()
    at = Mounted(page, widget)
    at.wait()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    press(page, "Check")
    press(page, "Hint")
    at.wait()
    assert page.evaluate(LOOK) == []
    press(page, "Show me")
    at.wait()
    assert page.evaluate(LOOK) == []
    widget.text = "The cat sat"
    at.wait()
    assert page.evaluate(LOOK) == []
    page.close()
