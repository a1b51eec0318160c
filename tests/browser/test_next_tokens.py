"""What comes next, and why nothing changed: told in the widget, by real clicks and keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Locator, Page, expect

import tiny
from attnwidget import AttentionTrace, AttentionWidget
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from browser.jupyter import Jupyter

TIRED = "The animal didn't cross the road because it was too tired."
WIDE = TIRED.replace("tired", "wide")
IT, TOO, LAST = 8, 10, 11
DRAWN = 60_000  # ms


def mounted(page: Page, *source: Any, width: int = 848, **options: Any) -> Mounted:
    page.set_viewport_size({"width": width, "height": 700})
    at = Mounted(page, AttentionWidget(*source, **options))
    at.wait()
    return at


def token(page: Page | Locator, side: str, index: int) -> Locator:
    return page.locator(f"[data-side={side}][data-index='{index}']")


def told(page: Page | Locator) -> Locator:
    return page.get_by_label("what the model expects")


def as_told(found: list[tuple[str, float]]) -> list[str]:
    return [f"{name}{'< 0.001' if value < 0.001 else f'{value:.3f}'}" for name, value in found]


def test_the_row_in_sight_says_what_the_model_expects_after_it(page: Page) -> None:
    at = mounted(page, TIRED)
    trace = at.widget.trace
    expect(told(page)).to_have_count(0)
    page.get_by_role("button", name="what comes next?").click()
    expect(told(page).locator("li")).to_have_text(as_told(trace.next_tokens(-1)))  # while none is chosen
    token(page, "query", TOO).click()
    expect(told(page)).to_contain_text("after too the model expects")
    expect(told(page).locator("li")).to_have_text(as_told(trace.next_tokens(TOO)))
    share = told(page).locator("li").first.evaluate("one => +getComputedStyle(one).getPropertyValue('--share')")
    assert share == pytest.approx(trace.next_tokens(TOO)[0][1], abs=1e-6)
    token(page, "query", IT).hover()  # goes before the pin
    expect(told(page)).to_contain_text("after it the model expects")
    expect(told(page).locator("li")).to_have_text(as_told(trace.next_tokens(IT)))
    page.mouse.move(0, 0)
    expect(told(page)).to_contain_text("after too the model expects")
    page.get_by_role("tab", name="Breakdown").click()
    at.wait()
    expect(told(page)).to_contain_text("after too the model expects")
    page.get_by_role("button", name="what comes next?").click()
    expect(told(page)).to_have_count(0)


def test_it_is_reached_by_keys_and_follows_the_text(page: Page) -> None:
    at = mounted(page, TIRED, queries=[IT])
    button = page.get_by_role("button", name="what comes next?")
    page.get_by_role("tab", name="Lines").focus()
    for _ in range(4):
        page.keyboard.press("Tab")
        if button.evaluate("one => one.matches(':focus')"):
            break
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(told(page).locator("li")).to_have_count(5)
    at.widget.text = "The dog barked and it"
    last = len(at.widget.tokens) - 1
    at.widget.queries = [last]
    at.wait()
    expect(told(page)).to_contain_text("after it the model expects")
    expect(told(page).locator("li")).to_have_text(as_told(at.widget.trace.next_tokens(last)))


@pytest.mark.parametrize("width", [480, 848])
def test_nothing_moves_with_the_pointer(page: Page, width: int) -> None:
    at = mounted(page, TIRED, width=width)
    at.wait_for_more()
    page.get_by_role("button", name="what comes next?").click()
    expect(told(page).locator("li")).to_have_count(5)
    at.rest()
    stage = page.locator(".stage")
    before = stage.bounding_box()
    for index, name in ((IT, "it"), (7, "because")):
        token(page, "query", index).hover()
        expect(told(page)).to_contain_text(f"after {name} ")
        at.rest()
        assert stage.bounding_box() == before
    assert before is not None
    if width == 848:  # the picture stays in sight
        assert before["y"] + before["height"] < 700


def test_whole_words_ask_for_their_last_token(page: Page) -> None:
    at = mounted(page, TIRED, words=True)
    page.get_by_role("button", name="what comes next?").click()
    token(page, "query", 2).hover()  # didn't
    expect(told(page)).to_contain_text("after 't the model expects")
    expect(told(page).locator("li")).to_have_text(as_told(at.widget.trace.next_tokens(3)))


def test_a_masked_model_says_what_fits(page: Page) -> None:
    at = mounted(page, "The [MASK] sat on the mat.", model="demo/masked")
    page.get_by_role("button", name="what fits here?").click()
    expect(told(page)).to_contain_text("at [MASK] the model would put")
    expect(told(page)).not_to_contain_text("it sees the word")
    expect(told(page).locator("li")).to_have_text(as_told(at.widget.trace.next_tokens(2)))
    token(page, "query", 3).click()
    expect(told(page)).to_contain_text("at sat the model would put (it sees the word)")


def test_a_decoder_writes_and_an_encoder_does_not(page: Page) -> None:
    at = mounted(page, "Le chat noir dort.", model="demo/fr-en", queries=[1])
    page.get_by_role("button", name="what comes next?").click()
    expect(told(page)).to_contain_text("after the the model expects")
    expect(told(page).locator("li").first).to_contain_text("black")
    page.get_by_role("button", name="encoder", exact=True).click()
    at.wait()
    expect(told(page)).to_contain_text("The encoder reads the text and writes nothing")


def test_where_it_cannot_be_had_it_says_why(page: Page) -> None:
    mounted(page, "The cat", model=tiny.gpt2(), tokenizer=tiny.tokenizer())
    page.get_by_role("button", name="what comes next?").click()
    expect(told(page)).to_contain_text("What comes next is not known: GPT2Model has no language-model head.")


def test_a_trace_without_a_model_says_so(page: Page) -> None:
    widget = AttentionWidget(TIRED)
    weights = [widget.trace.weights(layer) for layer in range(2)]
    mounted(page, AttentionTrace.from_attentions(weights, widget.trace.tokens))
    page.get_by_role("button", name="what comes next?").click()
    expect(told(page)).to_contain_text("this trace has no model")


def test_without_a_kernel_it_says_that_it_needs_one(page: Page) -> None:
    at = mounted(page, TIRED, queries=[IT])
    page.get_by_role("button", name="what comes next?").click()
    expect(told(page).locator("li")).to_have_count(5)
    at.alive = False
    token(page, "query", TOO).hover()
    at.wait_while_silent()
    expect(told(page)).to_contain_text("Only the kernel can tell this of too, and it does not answer.")
    page.mouse.move(0, 0)  # what is known is still told
    expect(told(page)).to_contain_text("after it the model expects")
    expect(told(page).locator("li")).to_have_count(5)


# -- why nothing changed --------------------------------------------------------------------------------------------


def why(page: Page) -> Locator:
    return page.get_by_label("why nothing changed")


def test_a_row_that_cannot_see_the_change_says_so_and_offers_the_one_that_can(page: Page) -> None:
    at = mounted(page, TIRED)
    token(page, "query", IT).click()
    page.get_by_label("Text", exact=True).fill(WIDE)
    page.keyboard.press("Enter")
    expect(why(page)).to_have_text(
        re.compile("The row of it is as before: no token sees what follows it, and the change begins at wide.")
    )
    at.wait()
    assert at.widget.text == WIDE
    token(page, "query", LAST).hover()
    expect(why(page)).to_be_visible()  # it is about the pin
    why(page).get_by_role("button", name="pin wide").click()
    expect(why(page)).to_have_count(0)
    at.wait()
    assert at.widget.queries == [LAST]
    page.keyboard.press("Escape")  # the button is gone, and the readout says "Esc clears"
    expect(page.get_by_label("unpin")).to_have_count(0)
    at.wait()
    assert at.widget.queries == []
    before = token(page, "query", TOO).bounding_box()
    token(page, "query", TOO).click()
    expect(why(page)).to_contain_text("The row of too is as before")
    at.rest()
    assert token(page, "query", TOO).bounding_box() == before  # nothing moves away from under the pointer
    page.keyboard.press("Escape")
    expect(why(page)).to_have_count(0)


def test_it_is_not_said_where_it_is_not_so(page: Page) -> None:
    at = mounted(page, TIRED, queries=[IT])
    at.widget.text = TIRED.replace("animal", "dog")  # which it sees
    at.wait()
    expect(why(page)).to_have_count(0)
    at.widget.text = TIRED.replace("animal", "dog").removesuffix(" tired.")
    at.wait()
    expect(why(page)).to_contain_text("no token sees what follows it, and only the end was cut off.")
    expect(why(page).get_by_role("button")).to_have_count(0)


# -- in a real host -------------------------------------------------------------------------------------------------


def test_in_jupyterlab(jupyter: Jupyter, page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    code = f"import attnwidget as aw\nw = aw.AttentionWidget({TIRED!r}, queries=[{TOO}])\nw"
    jupyter.write("next.ipynb", code, f"print([name for name, _ in w.trace.next_tokens({TOO})])")
    opened = jupyter.open(page, "next.ipynb")
    opened.run_cell(0)
    root = page.locator("[data-attnwidget]").first
    expect(root).to_have_attribute("data-state", "ready", timeout=DRAWN)
    root.get_by_role("button", name="what comes next?").click()
    expect(told(root)).to_contain_text("after too the model expects")
    expect(told(root).locator("li")).to_have_count(5)
    names = told(root).locator("li > bdi").all_text_contents()
    opened.run_cell(1)
    expect(opened.output(1)).to_contain_text(str(names))
    token(root, "query", IT).click()
    root.get_by_label("Text", exact=True).click()
    page.keyboard.press("Control+a")
    page.keyboard.type(WIDE)
    page.keyboard.press("Enter")
    expect(why(page)).to_contain_text("the change begins at wide")
    root.get_by_role("button", name="pin wide").click()
    expect(told(root)).to_contain_text("after wide the model expects")
