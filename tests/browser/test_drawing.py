"""The front end against a fake comm: what a reader sees, hovers, clicks and types, and what Python has of it."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

from attnwidget import AttentionTrace, AttentionWidget, models
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext, Locator, Page

TEXT = "The animal didn't cross the road because it was too tired"
IT, ANIMAL = 8, 1

Mount = "Callable[..., Mounted]"


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(source: Any = TEXT, *, alive: bool = True, **options: Any) -> Mounted:
        one = Mounted(page, AttentionWidget(source, **options), alive=alive)
        one.wait()
        return one

    return mounted


def token(at: Mounted, side: str, index: int) -> Locator:
    return at.page.locator(f"[data-side={side}][data-index='{index}']")


def head(at: Mounted, name: str) -> Locator:
    return at.page.locator(f"[data-head={name}]")


def status(at: Mounted) -> str:
    at.rest()
    return " ".join((at.page.locator("[role=status]").text_content() or "").split())


def tokens(at: Mounted, side: str = "query") -> list[str]:
    at.rest()
    return at.page.locator(f"[data-side={side}] .label").all_text_contents()


INK = """(nth) => {
  const canvas = document.querySelector("#here > div").shadowRoot.querySelectorAll(".stage canvas")[nth];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let at = 3; at < data.length; at += 4) sum += data[at];
  return sum;
}"""


def ink(at: Mounted, canvas: int = 0) -> int:
    """How much is painted on the canvas of all lines (0) or of the focused ones (1)."""
    at.rest()
    return at.page.evaluate(INK, canvas)


def weights_trace(rows: list[list[float]], tokens: list[str] | None = None, **options: Any) -> AttentionTrace:
    """A one-head trace with these weights."""
    names = tokens or [f"t{at}" for at in range(len(rows))]
    return AttentionTrace.from_attentions([torch.tensor([rows])], names, **options)


# -- what is drawn --------------------------------------------------------------------------------------------------


def test_it_draws_what_it_was_given(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    expect(at.root).to_have_attribute("data-view", "lines")
    assert tokens(at) == at.widget.tokens
    assert tokens(at, "key") == at.widget.tokens
    assert ink(at) > 0
    expect(head(at, "L2-H6")).to_have_attribute("aria-pressed", "true")
    expect(at.page.locator("[data-head]")).to_have_count(32)
    expect(at.page.locator("[aria-label=Text]")).to_have_value(TEXT)
    expect(at.page.locator(".model")).to_contain_text("4 layers × 8 heads · 12 tokens")
    exactness = at.page.locator(".model > span").first
    expect(exactness).to_have_attribute("title", re.compile("checked against demo/causal: "))
    expect(exactness).to_have_attribute("title", re.compile("attention outputs that the model itself went on with"))


def test_a_stronger_weight_is_thicker_and_darker(mount: Callable[..., Mounted]) -> None:
    """Measured on the pixels where the lines leave their query, level and alone in their rows."""
    rows = [[0.9, 0.1, 0, 0], [0, 0, 0.6, 0.4], [0, 0.7, 0.3, 0], [1.0, 0, 0, 0]]
    trace = weights_trace([[row[at] if at == nth else 0.0 for at in range(4)] for nth, row in enumerate(rows)])
    at = mount(trace, threshold=0)
    found = at.page.evaluate("""() => {
      const root = document.querySelector("#here > div").shadowRoot;
      const canvas = root.querySelector(".stage canvas");
      const context = canvas.getContext("2d");
      const row = root.querySelector(".token").offsetHeight;
      const scale = canvas.height / canvas.clientHeight;
      return [0, 2].map((nth) => {
        const { data } = context.getImageData(canvas.width / 2, nth * row * scale, 1, row * scale);
        const alphas = Array.from(data).filter((_, at) => at % 4 === 3);
        return [alphas.filter((alpha) => alpha > 0).length, Math.max(...alphas)];
      });
    }""")
    (wide, dark), (narrow, light) = found
    assert wide > narrow
    assert dark > light
    assert dark == pytest.approx(255 * (0.1 + 0.9 * 0.9), abs=2)


def test_a_weight_below_the_threshold_is_not_drawn(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"], threshold=0)
    everything = ink(at)
    slider = at.page.get_by_label("Threshold")
    slider.focus()
    for _ in range(60):
        slider.press("ArrowRight")
    at.wait()
    assert 0 < ink(at) < everything
    assert at.widget.threshold == pytest.approx(0.6**3, abs=0.002)
    at.widget.threshold = 1.0
    at.wait()
    expect(slider).to_have_value("1")


def test_html_is_text(mount: Callable[..., Mounted], page: Page) -> None:
    text = "<img src=x onerror=alert(1)> & <b>bold</b>"
    dialogs: list[object] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog), dialog.dismiss()))
    at = mount(text)
    assert tokens(at) == at.widget.tokens
    expect(page.locator("img")).to_have_count(0)
    assert dialogs == []


def test_odd_unicode_is_readable(mount: Callable[..., Mounted]) -> None:
    at = mount("naïve 😀 שלום مرحبا 中文 \u200b end")
    labels = tokens(at)
    assert labels == at.widget.tokens
    assert all(label.strip() for label in labels)
    at.page.get_by_text("whole words").click()
    at.wait()
    words = [label for label in tokens(at) if label != "␣"]
    assert words == ["naïve", "😀", "שלום", "مرحبا", "中", "文", "⟨ZWSP⟩", "end"]


@pytest.mark.parametrize("width", [480, 760, 1040, 1600])
def test_it_fits_its_width(mount: Callable[..., Mounted], page: Page, width: int) -> None:
    page.set_viewport_size({"width": width + 32, "height": 900})
    at = mount(heads=[(layer, head) for layer in range(4) for head in range(8)])
    over = page.evaluate("""() => {
      const root = document.querySelector("#here > div").shadowRoot.querySelector("[data-attnwidget]");
      const box = root.getBoundingClientRect();
      const seen = [...root.querySelectorAll("*")].filter((one) => one.checkVisibility());
      return seen.filter((one) => one.getBoundingClientRect().right > box.right + 0.5).map((one) => one.className);
    }""")
    assert over == []
    boxes = [token(at, side, 1).locator(".label").bounding_box() for side in ("query", "key")]
    assert all(box and box["x"] >= 16 for box in boxes)


def test_dark_is_followed(mount: Callable[..., Mounted], page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.add_init_script("addEventListener('DOMContentLoaded', () => { document.body.style.background = 'none'; });")
    at = mount()
    expect(at.root).to_have_attribute("data-theme", "dark")
    page.evaluate("document.body.setAttribute('data-jp-theme-light', 'true')")
    expect(at.root).to_have_attribute("data-theme", "light")


# -- pointer and keyboard -------------------------------------------------------------------------------------------


def test_hovering_reads_the_exact_weight(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    weight = at.widget.trace.weights(2, 6)[IT, ANIMAL]
    token(at, "query", IT).hover()
    assert status(at).startswith(f"L2-H6 it → animal {weight:.4f}")
    expect(token(at, "key", ANIMAL).locator(".number")).to_have_text(f"{weight:.2f}"[1:])
    assert 0 < ink(at, 1) < ink(at, 0)
    token(at, "key", ANIMAL).hover()
    strongest = at.widget.trace.weights(2, 6)[:, ANIMAL].max()
    assert f"{strongest:.4f}" in status(at)
    at.page.mouse.move(0, 0)
    assert ink(at, 1) == 0


def test_hovering_a_line_names_its_pair(mount: Callable[..., Mounted]) -> None:
    at = mount(weights_trace([[1, 0, 0], [1, 0, 0], [0.75, 0, 0.25]]))
    box = at.page.locator(".stage canvas").first.bounding_box()
    ends = token(at, "query", 2).bounding_box(), token(at, "key", 0).bounding_box()
    assert box
    assert ends[0]
    assert ends[1]
    middle = sum(end["y"] + end["height"] / 2 for end in ends if end) / 2
    at.page.mouse.move(box["x"] + box["width"] / 2, middle)
    assert status(at).startswith("L0-H0 t2 → t0 0.7500")
    at.page.mouse.down()
    at.page.mouse.up()
    at.wait()
    assert (at.widget.queries, at.widget.keys) == ([2], [0])


def test_forbidden_pairs_are_shown_as_such(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    token(at, "query", 3).click()
    expect(token(at, "key", 4)).to_have_class("token forbidden")
    expect(token(at, "key", 4).locator(".number")).to_have_text("–")
    expect(token(at, "key", 3)).not_to_have_class("token forbidden")
    token(at, "key", 4).hover()
    assert "forbidden by the mask" in status(at)


def test_tokens_that_see_nothing_are_named(mount: Callable[..., Mounted]) -> None:
    torch.manual_seed(0)
    allowed = torch.ones(4, 4).tril().bool()
    allowed[2] = False
    allowed[:, 1] = False
    trace = AttentionTrace.from_qkv(*torch.randn(3, 1, 2, 4, 8), ["a", "b", "c", "d"], mask=allowed)
    at = mount(trace)
    token(at, "query", 2).hover()
    assert status(at).startswith("L0-H0 c attends to nothing")
    token(at, "key", 1).hover()
    assert status(at).startswith("L0-H0 b hidden from every query")
    token(at, "query", 3).hover()
    assert "d → " in status(at)


def test_clicks_pin_and_escape_clears(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    token(at, "query", IT).click()
    at.wait()
    assert at.widget.queries == [IT]
    torch.testing.assert_close(at.widget.weights()[0, 0], at.widget.trace.weights(2, 6)[IT])
    token(at, "query", 3).click(modifiers=["Shift"])
    token(at, "key", ANIMAL).click(modifiers=["Shift"])
    at.wait()
    assert (at.widget.queries, at.widget.keys) == ([IT, 3], [ANIMAL])
    expect(token(at, "query", 3)).to_have_attribute("aria-selected", "true")
    at.page.keyboard.press("Escape")
    token(at, "query", 2).press("Escape")
    at.wait()
    assert (at.widget.queries, at.widget.keys) == ([], [])
    token(at, "query", IT).click()
    token(at, "query", IT).click()
    at.wait()
    assert at.widget.queries == []


def focused(at: Mounted) -> str:
    """What has the focus, by its name."""
    at.rest()
    return at.page.evaluate("""() => {
      const one = document.querySelector("#here > div").shadowRoot.activeElement;
      return one?.ariaLabel ?? one?.dataset.index ?? (one?.matches("[data-attnwidget]") ? "the widget" : "nothing");
    }""")


def test_unpinning_leaves_the_focus_in_the_widget(mount: Callable[..., Mounted]) -> None:
    at = mount(queries=[IT])
    at.page.get_by_label("unpin").click()
    expect(at.page.get_by_label("unpin")).to_have_count(0)
    assert focused(at) == "the widget"


def test_a_shift_click_moves_the_focus_where_the_host_would_not(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.evaluate("addEventListener('mousedown', (event) => event.shiftKey && event.preventDefault(), true)")
    at.page.locator("button.layer").nth(2).click()
    at.page.locator("button.layer").nth(3).click(modifiers=["Shift"])
    assert focused(at) == "all heads of layer 3"
    token(at, "query", 2).click()
    token(at, "query", 3).click(modifiers=["Shift"])
    assert focused(at) == "3"


def test_the_keyboard_does_what_the_pointer_does(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    token(at, "query", 0).focus()
    for _ in range(IT):
        at.page.keyboard.press("ArrowDown")
    assert status(at).startswith("L2-H6 it → animal 0.")
    at.page.keyboard.press("Enter")
    at.page.keyboard.press("ArrowRight")
    at.page.keyboard.press("Home")
    at.page.keyboard.press("ArrowDown")
    at.page.keyboard.press("Shift+Enter")
    at.wait()
    assert (at.widget.queries, at.widget.keys) == ([IT], [ANIMAL])
    assert status(at).startswith(f"L2-H6 it → animal {at.widget.trace.weights(2, 6)[IT, ANIMAL]:.4f}")


def test_heads_are_chosen_by_click_shift_click_label_and_arrows(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    before = ink(at)
    head(at, "L1-H2").click()
    at.wait()
    assert (at.widget.heads, at.widget.layer) == ([(1, 2)], 1)
    assert ink(at) != before
    head(at, "L3-H5").click(modifiers=["Shift"])
    at.wait()
    assert at.widget.heads == [(1, 2), (3, 5)]
    expect(at.page.locator(".head-names")).to_contain_text("L3-H5")
    head(at, "L1-H2").click(modifiers=["Shift"])
    head(at, "L3-H5").click(modifiers=["Shift"])  # the last one stays
    at.wait()
    assert at.widget.heads == [(3, 5)]
    head(at, "L3-H5").press("ArrowLeft")
    head(at, "L3-H4").press("ArrowUp")
    at.wait()
    assert at.widget.heads == [(2, 4)]
    at.page.locator("button.layer").nth(1).click()
    at.wait()
    assert at.widget.heads == [(1, number) for number in range(8)]


def test_every_head_has_its_picture(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.wait_for_function("""() => {
      const canvas = document.querySelector("#here > div").shadowRoot.querySelector(".picker canvas");
      const context = canvas.getContext("2d");
      const side = canvas.width / 8;
      return canvas.width > 300 || [...Array(8).keys()].every((head) =>
        context.getImageData(head * side, 0, side / 2, side / 2).data.some((value) => value > 0));
    }""")
    assert at.widget._pictures["shape"] == [4, 8, 12, 12]


def test_words_merge(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    at.page.get_by_text("whole words").click()
    at.wait()
    assert at.widget.words is True
    assert tokens(at) == at.widget.tokens
    assert "didn't" in tokens(at)
    token(at, "query", 2).click()  # "didn't"
    at.wait()
    assert at.widget.queries == [2, 3]
    token(at, "key", 1).hover()
    assert status(at).startswith(f"L2-H6 didn't → animal {at.widget.weights()[0, 0, 1]:.4f}")


# -- both directions ------------------------------------------------------------------------------------------------


def test_python_moves_the_view(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    before = ink(at)
    at.widget.heads = [(1, 3)]
    at.widget.queries = [IT]
    at.wait()
    expect(head(at, "L1-H3")).to_have_attribute("aria-pressed", "true")
    expect(token(at, "query", IT)).to_have_attribute("aria-selected", "true")
    assert ink(at) != before
    at.widget.text = "A new text"
    at.wait()
    assert tokens(at) == at.widget.tokens
    expect(at.page.locator("[aria-label=Text]")).to_have_value("A new text")


def test_typing_and_enter_runs_the_model(mount: Callable[..., Mounted]) -> None:
    at = mount()
    box = at.page.locator("[aria-label=Text]")
    box.press("Control+A")
    box.press_sequentially("The dog barked")
    box.press("Enter")
    at.page.wait_for_function("() => model.get('text') === 'The dog barked'")
    at.wait()
    assert at.widget.text == "The dog barked"
    assert tokens(at) == at.widget.tokens


def test_an_old_answer_never_covers_a_newer_text(mount: Callable[..., Mounted]) -> None:
    at = mount()
    box = at.page.locator("[aria-label=Text]")
    at.held = True  # the kernel is busy while the reader types on
    for text in ("one", "one two", "one two three"):
        box.fill(text)
        box.press("Enter")
    at.held = False
    at.page.wait_for_function("() => model.get('text') === 'one two three'")
    at.wait()
    assert tokens(at) == at.widget.tokens == ["one", "two", "three"]
    expect(box).to_have_value("one two three")


def test_what_is_being_typed_is_not_overwritten(mount: Callable[..., Mounted]) -> None:
    at = mount()
    box = at.page.locator("[aria-label=Text]")
    at.held = True
    box.fill("one two")
    box.press("Enter")
    box.press_sequentially(" and more")
    at.held = False
    at.page.wait_for_function("() => model.get('text').startsWith('one two')")
    expect(box).to_have_value("one two and more")


# -- when things go wrong -------------------------------------------------------------------------------------------


def test_a_failure_is_an_alert_and_the_picture_stays(mount: Callable[..., Mounted]) -> None:
    at = mount()
    before = tokens(at), ink(at)
    box = at.page.locator("[aria-label=Text]")
    box.fill("")
    box.press("Enter")
    at.wait("error")
    expect(at.page.get_by_role("alert")).to_contain_text("no tokens")
    assert (tokens(at), ink(at)) == before
    assert at.widget.text == TEXT
    box.fill("Well again")
    box.press("Enter")
    at.wait()
    expect(at.page.get_by_role("alert")).to_have_count(0)
    assert tokens(at) == at.widget.tokens


def test_a_failure_in_python_is_shown_too(mount: Callable[..., Mounted]) -> None:
    at = mount()
    with pytest.raises(Exception, match="0 to 3"):
        at.widget.layer = 7
    with pytest.raises(Exception, match="no tokens"):
        at.widget.text = ""
    at.wait("error")
    at.page.get_by_label("dismiss").click()
    at.wait()


def test_a_silent_kernel_is_noticed_and_may_come_back(mount: Callable[..., Mounted]) -> None:
    at = mount("word " * 300, heads=["L2-H6"])  # too long for the whole layer to come along
    at.held = True
    drawn = ink(at)
    head(at, "L0-H0").click()
    at.wait_while_silent()
    assert ink(at) == drawn
    expect(at.page.locator(".silent")).to_contain_text("kernel")
    at.held = False
    at.wait()
    assert at.widget.heads == [(0, 0)]
    assert ink(at) != drawn


def test_a_busy_kernel_is_not_told_of_while_nobody_waits_for_it(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    at.page.wait_for_function("() => Object.keys(model.get('_ahead') ?? {}).length > 0")
    at.wait()
    note_what_is_asked(at)
    at.held = True
    head(at, "L0-H1").click()
    # Out of patience it asks for a sign of life, and again as long after.
    at.page.wait_for_function("hurry(), window.asked.filter((one) => one === 'hello').length > 1")
    expect(at.root).to_have_attribute("data-state", "ready")
    expect(at.page.locator(".silent")).to_have_count(0)
    at.page.get_by_label("Measure").select_option("norms")  # what only the kernel has
    expect(at.root).to_have_attribute("data-state", "no-kernel")
    expect(at.page.locator(".silent")).to_have_count(1)
    at.held = False
    at.wait()
    assert (at.widget.heads, at.widget.measure) == ([(0, 1)], "norms")


def note_what_is_asked(at: Mounted) -> None:
    """List in the page what it asks the kernel from now on."""
    at.page.evaluate("""() => {
      window.asked = [];
      const send = model.send;
      model.send = (message) => { asked.push(message.ask); send.call(model, message); };
    }""")


def pressed(at: Mounted) -> list[str]:
    at.rest()
    return at.page.locator("[data-head][aria-pressed=true]").evaluate_all("all => all.map((one) => one.dataset.head)")


def test_a_click_while_the_connection_is_cut_is_not_lost(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    note_what_is_asked(at)
    at.cut = True
    head(at, "L2-H1").click()  # it is drawn from what is here
    at.page.wait_for_function("hurry(), window.asked.includes('hello')")
    assert at.widget.heads == [(2, 6)]
    at.cut = False
    at.page.wait_for_function("hurry(), window.asked.includes('select')")
    at.wait()
    assert pressed(at) == ["L2-H1"]
    assert at.widget.heads == [(2, 1)]


def test_what_python_set_while_the_connection_was_cut_arrives(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    at.cut = True
    at.widget.text = "Another text"
    at.widget.heads = [(3, 4)]
    at.page.evaluate("settled()")
    at.cut = False
    at.page.evaluate("dispatchEvent(new Event('online'))")
    expect(head(at, "L3-H4")).to_have_attribute("aria-pressed", "true")
    at.wait()
    assert tokens(at) == at.widget.tokens


def test_two_browsers_on_one_widget_agree(mount: Callable[..., Mounted], context: BrowserContext) -> None:
    at = mount(heads=["L2-H6"])
    other = Mounted(context.new_page(), at.widget, beside=at)
    other.wait()
    for one, name in ((other, "L0-H1"), (at, "L3-H5")):
        head(one, name).click()
        one.wait()
        for each in (at, other):
            expect(head(each, name)).to_have_attribute("aria-pressed", "true")
            each.wait()
    token(other, "query", IT).click()
    expect(token(at, "query", IT)).to_have_attribute("aria-selected", "true")
    assert at.widget.queries == [IT]


def test_what_was_lost_comes_with_the_next_confirmation(mount: Callable[..., Mounted], context: BrowserContext) -> None:
    """A line that is down for a moment: nobody has waited long enough to ask, and the next click is heard."""
    at = mount(heads=["L2-H6"])
    other = Mounted(context.new_page(), at.widget, beside=at)
    other.wait()
    at.cut = True
    other.page.get_by_label("Threshold").fill("0.5")
    other.page.wait_for_function("() => model.get('threshold') > 0.1")
    other.wait()
    at.widget.text = "Another text"
    at.page.evaluate("settled()")
    at.cut = False
    head(at, "L3-H5").click()
    expect(at.page.get_by_label("Threshold")).to_have_value("0.5")
    at.wait()
    assert tokens(at) == at.widget.tokens
    assert pressed(at) == pressed(other) == ["L3-H5"]


def test_a_click_on_what_is_shown_sets_nothing_else(mount: Callable[..., Mounted], context: BrowserContext) -> None:
    """Hosts send what changes: what this browser took over before, and Python has changed since, went in its place."""
    at = mount(heads=["L2-H6"])
    other = Mounted(context.new_page(), at.widget, beside=at)
    other.wait()
    head(at, "L0-H1").click()
    expect(head(other, "L0-H1")).to_have_attribute("aria-pressed", "true")
    at.widget.heads = ["L2-H6"]
    expect(head(other, "L2-H6")).to_have_attribute("aria-pressed", "true")
    head(other, "L2-H6").click()
    for each in (at, other):
        each.wait()
    assert pressed(at) == pressed(other) == ["L2-H6"] == list(map(str, at.widget.heads))


def test_what_one_browser_took_over_from_another_is_not_set_again(
    mount: Callable[..., Mounted], context: BrowserContext
) -> None:
    at = mount(heads=["L2-H6"])
    other = Mounted(context.new_page(), at.widget, beside=at)
    other.wait()
    head(at, "L0-H1").click()
    expect(head(other, "L0-H1")).to_have_attribute("aria-pressed", "true")
    other.wait()
    at.widget.heads = ["L3-H4"]
    expect(head(other, "L3-H4")).to_have_attribute("aria-pressed", "true")
    other.wait()
    # Its host sends along whatever was set there since its last message: the head of the first browser too.
    other.page.get_by_label("Threshold").fill("0.5")
    other.page.wait_for_function("() => model.get('threshold') > 0.1")
    other.wait()
    at.wait()
    assert at.widget.threshold == pytest.approx(0.125)
    assert at.widget.heads == [(3, 4)]
    assert pressed(at) == pressed(other) == ["L3-H4"]


def test_a_browser_never_sets_what_is_the_kernels(mount: Callable[..., Mounted]) -> None:
    at = mount("word " * 100, heads=["L2-H6"])
    while not at.widget._ahead:  # it comes last
        at.page.evaluate("settled()")
    at.wait()
    sent = at.widget._ahead
    assert len(sent["data"]) > 1 << 16  # the page puts so much away, for a notebook does not save it
    at.page.wait_for_function("() => Object.keys(model.get('_ahead')).length === 0")
    head(at, "L0-H1").click()
    at.wait()
    assert at.widget._ahead is sent  # for a page that is opened next


def test_a_kernel_that_dies_while_a_text_runs_is_noticed(
    mount: Callable[..., Mounted], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = mount()
    go = threading.Event()

    def slow(*_: object, on_layer: Callable[[int, int], None], **__: object) -> None:
        while not go.wait(0.01):
            on_layer(1, 2)

    monkeypatch.setattr("attnwidget.session.runner.capture", slow)
    at.page.locator("[aria-label=Text]").press("Enter")
    expect(at.root).to_have_attribute("data-state", "loading")
    at.alive = False
    at.wait_while_silent()
    go.set()


def test_another_head_needs_no_kernel_once_all_were_sent_ahead(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    at.page.wait_for_function("() => Object.keys(model.get('_ahead') ?? {}).length > 0")
    at.alive = False
    head(at, "L0-H3").click()  # of another layer
    at.wait()
    token(at, "query", IT).hover()
    weight = at.widget.trace.weights(0, 3)[IT].max()
    assert f"{weight:.4f}" in status(at)


def test_only_the_last_of_some_heads_is_asked_for_in_full(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    at.page.wait_for_function("() => Object.keys(model.get('_ahead') ?? {}).length > 0")
    at.wait()
    note_what_is_asked(at)
    at.held = True
    for name in ("L0-H1", "L0-H2", "L0-H3"):
        head(at, name).click()
        expect(at.root).to_have_attribute("data-state", "ready")
    asked = at.page.evaluate("window.asked")
    assert (asked.count("tile"), asked.count("cancel")) == (3, 2)
    at.held = False
    at.wait()
    assert at.widget.heads == [(0, 3)]


def test_a_saved_page_draws_without_a_kernel(mount: Callable[..., Mounted]) -> None:
    at = mount(alive=False, heads=["L2-H6"], queries=[IT])
    assert ink(at) > 0
    head(at, "L2-H1").click()  # the whole layer of a short text was saved
    at.wait()
    token(at, "query", IT).hover()
    weight = at.widget.trace.weights(2, 1)[IT].max()
    assert f"{weight:.4f}" in status(at)


def test_a_long_run_shows_progress_and_can_be_stopped(
    mount: Callable[..., Mounted], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = mount()
    before = tokens(at), ink(at)

    def slow(*_: object, on_layer: Callable[[int, int], None], **__: object) -> None:
        for done in range(10_000):  # far longer than the test waits
            on_layer(done, 10_000)
            threading.Event().wait(0.01)

    monkeypatch.setattr("attnwidget.session.runner.capture", slow)
    at.page.locator("[aria-label=Text]").press("Enter")
    stop = at.page.get_by_role("button", name="Stop")
    expect(stop).to_have_attribute("title", "running the model")
    expect(at.root).to_have_attribute("data-state", "loading")
    stop.click()
    at.wait()
    expect(at.page.get_by_role("button", name="Run")).to_be_visible()
    assert (tokens(at), ink(at)) == before


def test_a_question_during_a_run_is_answered_at_once(
    mount: Callable[..., Mounted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were it to wait for the run, the kernel would stand still and Stop could not arrive."""
    at = mount("word " * 300, heads=["L2-H6"])  # too long for the whole layer to come along
    go = threading.Event()

    def slow(*_: object, **__: object) -> None:
        go.wait(30)
        raise ValueError("too late")

    monkeypatch.setattr("attnwidget.session.runner.capture", slow)
    drawn = ink(at)
    at.page.locator("[aria-label=Text]").press("Enter")
    head(at, "L0-H0").click()
    at.wait()
    assert ink(at) != drawn
    go.set()
    at.wait("error")


def test_a_new_text_brings_its_weights_along(mount: Callable[..., Mounted]) -> None:
    at = mount()
    asked: list[str] = []
    at.widget.on_msg(lambda _widget, content, _buffers: asked.append(content["ask"]))
    at.widget.text = "Something else entirely"
    at.wait()
    assert tokens(at) == at.widget.tokens
    assert "tile" not in asked


@pytest.fixture
def download(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Exception | None], None]]:
    """A model on the Hub: half of it is here, and the rest comes, or fails to, when the test says so."""
    go = threading.Event()
    outcome: list[Exception | None] = []
    load = models.load_model

    def slow_load(_name: str, *, progress: Callable[[models.Progress], None], **_: object) -> Any:
        progress(models.Progress("downloading some/model", 60_000_000, 120_000_000))
        go.wait(30)
        if outcome[0] is not None:
            raise outcome[0]
        return load("demo/causal")

    def finish(error: Exception | None = None) -> None:
        outcome.append(error)
        go.set()

    monkeypatch.setattr(models, "needs_download", lambda _: True)
    monkeypatch.setattr(models, "resolve", lambda _: {})
    monkeypatch.setattr(models, "load_shared", slow_load)
    yield finish
    finish()


def test_a_download_shows_how_far_it_is(page: Page, download: Callable[..., None]) -> None:
    at = Mounted(page, AttentionWidget(TEXT, model="some/model", heads=["L1-H1"]))
    expect(page.locator(".skeleton")).to_contain_text("downloading some/model")
    expect(page.locator(".skeleton")).to_contain_text("60.0 MB of 120.0 MB")
    expect(at.root).to_have_attribute("data-state", "loading")
    download()
    at.wait()
    assert tokens(at) == at.widget.tokens
    assert at.widget.heads == [(1, 1)]


def test_python_waits_for_a_download(page: Page, download: Callable[..., None]) -> None:  # noqa: ARG001
    widget = AttentionWidget(TEXT, model="some/model")
    threading.Timer(0.2, download).start()
    assert widget.trace.tokens[1] == "animal"
    widget.text = "And on"
    assert widget.tokens == ["And", "on"]


def test_a_failed_download_is_told(page: Page, download: Callable[..., None]) -> None:
    at = Mounted(page, AttentionWidget(TEXT, model="some/model"))
    download(models.ModelUnavailable("some/model cannot be fetched: no network. Offline: demo/causal."))
    expect(page.get_by_role("alert")).to_contain_text("Offline: demo/causal")
    expect(at.root).to_have_attribute("data-state", "error")
    with pytest.raises(models.ModelUnavailable, match="no network"):
        at.widget.trace  # noqa: B018


def test_nan_is_not_hidden(mount: Callable[..., Mounted]) -> None:
    at = mount(weights_trace([[1.0, 0, 0], [float("nan")] * 3, [0.5, 0.25, 0.25]]))
    token(at, "query", 1).click()
    token(at, "key", 0).hover()
    assert "not a number" in status(at)


def test_a_view_that_is_closed_leaves_nothing(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    page.evaluate("unmount()")
    expect(at.root).to_have_count(0)
    assert page.evaluate("[...model.listeners.values()].flat().length") == 0


def test_a_model_that_cannot_be_had_is_an_error_of_the_cell(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Also where the download itself would run in the background."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(models.ModelUnavailable, match="demo/causal"):
        AttentionWidget(TEXT, model="nobody/nothing-here")


# -- long texts -----------------------------------------------------------------------------------------------------


def test_a_long_text_scrolls_and_still_tells_exact_weights(mount: Callable[..., Mounted]) -> None:
    at = mount("The old man went to the sea again and again . " * 130, heads=["L0-H0"])
    n = len(at.widget.tokens)
    assert n > 1000
    assert len(tokens(at)) < 200  # what is out of sight is not in the page
    at.page.locator(".scroll.query").evaluate("(box) => { box.scrollTop = box.scrollHeight / 2; }")
    far = token(at, "query", n // 2 + 3)
    expect(far).to_be_attached()
    at.wait()
    far.hover()
    weight = at.widget.trace.weights(0, 0, queries=n // 2 + 3).max()
    expect(at.page.locator("[role=status]")).to_contain_text(f"{weight:.4f}")


def test_what_python_pins_comes_into_sight(mount: Callable[..., Mounted]) -> None:
    at = mount("The old man went to the sea . " * 30, heads=["L0-H0"])
    expect(token(at, "query", 200)).not_to_be_in_viewport()
    at.widget.queries = [200]
    at.wait()
    expect(token(at, "query", 200)).to_be_in_viewport()
