"""The text as text: shaded by what is pinned, of any length; Find, goto, spans, and where a token looks."""

from __future__ import annotations

import lzma
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

from attnwidget import AttentionTrace, AttentionWidget, capture, load_model
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "books.txt.xz"
TEXT = "The animal didn't cross the road because it was too tired"
ANIMAL, IT, TIRED = 1, 8, 11
MIXED = (  # right to left, joined, ideographs
    "The <b>bold</b> &amp; <img src=x onerror=alert(1)> cat.\n\nשלום עולם, 12.\n"  # noqa: RUF001
    "I 😀 you 👩\u200d🚀  much\n    code();\n他的书在桌子上。「真的」吗？"  # noqa: RUF001
)
NODES = 1500  # that the view may have in the page, whatever the text


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(source: Any = TEXT, **options: Any) -> Mounted:
        page.set_viewport_size({"width": 848, "height": 700})
        one = Mounted(page, AttentionWidget(source, **{"view": "text", "probe": False} | options))
        one.wait()
        return one

    return mounted


def long_trace(n: int) -> AttentionTrace:
    """Random Q and K of a text of n words, in one layer of two heads."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 1, 2, n, 8, generator=generator)
    words = [f"w{at}" if at % 7 else f"word{at}." for at in range(n)]
    return AttentionTrace.from_qkv(3 * q, k, v, words, mask="causal")


def piece(page: Page, index: int, side: str = "query") -> Locator:
    return page.locator(f"[data-side={side}][data-index='{index}']")


def click(at: Mounted, index: int, side: str = "query", **options: Any) -> None:
    piece(at.page, index, side).click(**options)
    at.wait()


def values(page: Page) -> dict[int, tuple[float, float]]:
    """Of the pieces in the page: number and shade."""
    page.evaluate("rested()")
    found = page.locator(".piece[data-value]").evaluate_all(
        "all => all.map((one) => [+one.dataset.index, one.dataset.value, one.style.getPropertyValue('--weight')])"
    )
    return {at: (float(value.replace("Infinity", "inf")), float(shade)) for at, value, shade in found}


def assert_shaded(at: Mounted, row: torch.Tensor, largest: float) -> None:
    """Every number in the page is the model's, and every shade is its root beside the largest."""
    at.rest()
    found = values(at.page)
    assert found
    for index, (value, shade) in found.items():
        expected = float(row[index])
        if expected == -torch.inf:
            assert value == -torch.inf
            assert shade == 0
            continue
        assert value == pytest.approx(expected, rel=1e-4, abs=1e-9)
        assert shade == pytest.approx((expected / largest) ** 0.5, abs=1e-3)


def in_sight(page: Page, index: int) -> bool:
    """Whether a piece is within the box that scrolls, once nothing scrolls any more."""
    page.evaluate("rested()")
    box = page.locator(".passage").first.bounding_box()
    if piece(page, index).count() + piece(page, index, "key").count() == 0:
        return False
    there = page.locator(f".piece[data-index='{index}']").first.bounding_box()
    assert box
    assert there
    return box["y"] <= there["y"] and there["y"] + there["height"] <= box["y"] + box["height"]


# --- the text -----------------------------------------------------------------------------


def test_the_text_reads_as_it_was_typed_and_markup_stays_text(mount: Callable[..., Mounted]) -> None:
    errors: list[str] = []
    at = mount(MIXED, queries=[3])
    at.page.on("dialog", lambda dialog: errors.append(dialog.message))
    passage = at.page.locator(".passage")
    assert passage.evaluate("one => one.textContent") == MIXED
    expect(passage.locator("b, img")).to_have_count(0)
    expect(at.page.locator(".where b, .where span").first).to_be_attached()
    expect(at.page.locator(".where img")).to_have_count(0)
    lines = passage.locator(".passage-line")
    directions = lines.evaluate_all("all => all.map((one) => one.dir)")
    assert directions.count("rtl") == 1
    assert errors == []


@pytest.mark.parametrize("n", [16, 512, 4096])
def test_the_shade_is_the_models_number(mount: Callable[..., Mounted], n: int) -> None:
    trace = long_trace(n)
    at = mount(trace, heads=[(0, 1)], queries=[n - 2])
    row = trace.measure("weights", 0, 1, queries=n - 2)
    assert_shaded(at, row, float(row.max()))
    expect(at.page.locator(".text-legend")).to_contain_text(f"darkest = {row.max():.4f}")
    expect(piece(at.page, n - 1)).to_have_class(re.compile("forbidden"))
    at.widget.heads = [(0, 0)]
    at.wait()
    row = trace.measure("weights", 0, 0, queries=n - 2)
    assert_shaded(at, row, float(row.max()))
    at.widget.queries, at.widget.keys = [], [n - 9]
    at.wait()
    column = trace.measure("weights", 0, 0, keys=n - 9)
    assert_shaded(at, column, float(column.max()))
    expect(at.page.locator(".where h2")).to_contain_text(f"What looks at {trace.tokens[n - 9]}")


def test_several_queries_are_a_mean_or_a_sum(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    click(at, IT)
    piece(at.page, TIRED).press("Shift+Enter")
    at.wait()
    assert at.widget.queries == [IT, TIRED]
    rows = at.widget.trace.weights(2, 6, queries=[IT, TIRED])
    assert_shaded(at, rows.mean(0), float(rows.mean(0).max()))
    at.page.get_by_role("button", name="sum", exact=True).click()
    at.wait()
    assert at.widget.combine == "sum"
    assert_shaded(at, rows.sum(0), float(rows.sum(0).max()))
    at.page.get_by_role("button", name="log", exact=True).click()
    shades = values(at.page)
    largest = float(rows.sum(0).max())
    index = int(rows.sum(0).argsort()[-2])
    assert shades[index][1] == pytest.approx(max(0, 1 + float((rows.sum(0)[index] / largest).log10()) / 3), abs=1e-3)


@pytest.mark.parametrize("n", [4096, 32_768])
def test_of_any_length_only_what_is_in_sight_is_in_the_page(mount: Callable[..., Mounted], n: int) -> None:
    at = mount(long_trace(n), queries=[n - 1])
    page = at.page
    count = "document.querySelector('#here > div').shadowRoot.querySelectorAll('.text-view *').length"
    box = page.locator(".passage")
    high = box.evaluate("one => one.scrollHeight")
    seen = set()
    for part in (0, 0.31, 0.32, 0.77, 1):
        box.evaluate("(one, part) => { one.scrollTop = part * one.scrollHeight; }", part)
        at.wait()
        assert page.evaluate(count) < NODES
        # Nothing jumps: the text is as high as before, and stands where it was scrolled to.
        assert box.evaluate("one => one.scrollHeight") == high
        middle = page.wait_for_function(
            """one => {
            const { top, height } = one.getBoundingClientRect();
            const line = [...one.querySelectorAll('.passage-line')].find((line) => {
                const box = line.getBoundingClientRect();
                return box.top <= top + height / 2 && box.bottom > top + height / 2;
            });
            return line && { at: +line.querySelector('[data-index]').dataset.index };
        }""",
            arg=box.element_handle(),
        )
        seen.add(middle.json_value()["at"])
    assert min(seen) < n * 0.02
    assert max(seen) > n * 0.98
    parts = page.locator(".passage-line").evaluate_all("all => all.map((one) => one.textContent).join('')")
    assert parts == " ".join(at.widget.tokens)[-len(parts) :]


def test_the_keyboard_walks_pins_and_lets_go(mount: Callable[..., Mounted]) -> None:
    at = mount(long_trace(600))
    page = at.page
    click(at, 3)
    piece(page, 3).press("Escape")
    at.wait()
    assert at.widget.queries == []
    piece(page, 3).focus()
    page.keyboard.press("ArrowRight")
    expect(piece(page, 4)).to_be_focused()
    page.keyboard.press("ArrowDown")
    at.rest()
    below = page.evaluate("+document.querySelector('#here > div').shadowRoot.activeElement.dataset.index")
    assert below > 8
    page.keyboard.press("ArrowUp")
    expect(piece(page, 4)).to_be_focused()
    page.keyboard.press("End")
    expect(piece(page, 599)).to_be_focused()
    assert in_sight(page, 599)
    page.keyboard.press("Enter")
    at.wait()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+Enter")
    at.wait()
    assert at.widget.queries == [599, 598]
    page.keyboard.press("Home")
    expect(piece(page, 0)).to_be_focused()
    expect(page.locator(".piece[tabindex='0']")).to_have_count(1)


def test_hovering_reads_the_pair_and_shades_by_what_is_pinned(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    row = at.widget.trace.weights(2, 6)
    status = at.page.locator("[role=status]")
    piece(at.page, IT).hover()
    at.wait()
    assert_shaded(at, at.widget.trace.measure("weights", 2, 6, queries=IT), float(row[IT].max()))
    click(at, TIRED)
    piece(at.page, ANIMAL).hover()
    at.wait()
    expect(status).to_contain_text(f"tired → animal {row[TIRED, ANIMAL]:.4f}")
    assert_shaded(at, at.widget.trace.measure("weights", 2, 6, queries=TIRED), float(row[TIRED].max()))
    at.page.get_by_role("button", name="key", exact=True).click()
    click(at, ANIMAL, "key")
    assert (at.widget.queries, at.widget.keys) == ([TIRED], [ANIMAL])
    expect(status).to_contain_text(f"tired → animal {row[TIRED, ANIMAL]:.4f}")


def test_one_selection_in_all_views(mount: Callable[..., Mounted]) -> None:
    at = mount(queries=[IT], keys=[ANIMAL])
    expect(piece(at.page, IT)).to_have_class(re.compile("as-query"))
    expect(piece(at.page, ANIMAL)).to_have_class(re.compile("as-key"))
    at.page.get_by_role("tab", name="Lines").click()
    at.wait()
    expect(at.page.locator(f"[data-side=query][data-index='{IT}']")).to_have_class(re.compile("pinned"))
    at.page.locator("[data-side=query][data-index='3']").click()
    at.wait()
    at.page.get_by_role("tab", name="Text").click()
    at.wait()
    expect(piece(at.page, 3)).to_have_class(re.compile("as-query"))
    assert (at.widget.queries, at.widget.keys) == ([3], [ANIMAL])
    expect(at.page.locator(".text-view select, .where select, .find select")).to_have_count(0)
    expect(at.page.get_by_label("Threshold")).to_have_count(0)  # nothing is left out here


def test_two_texts_stand_one_above_the_other(mount: Callable[..., Mounted]) -> None:
    at = mount("Le chat noir dort", model="demo/fr-en", attention="cross", heads=["L2-H3"])
    trace = at.widget.trace
    expect(at.page.locator(".passage")).to_have_count(2)
    query, key = at.page.locator(".passage").all()
    expect(query.locator("[data-side=key]")).to_have_count(0)
    expect(key.locator("[data-side=query]")).to_have_count(0)
    expect(key).to_contain_text("chat")
    expect(at.page.get_by_role("button", name="query", exact=True)).to_have_count(0)
    click(at, 2)
    assert at.widget.queries == [2]
    row = trace.measure("weights", 2, 3, attention="cross", queries=2)
    assert_shaded(at, row, float(row.max()))
    expect(query.locator("[data-value]")).to_have_count(0)
    click(at, 1, "key")
    assert at.widget.keys == [1]


# --- the strip ----------------------------------------------------------------------------


def test_the_strip_is_the_whole_text(mount: Callable[..., Mounted]) -> None:
    n = 4096
    at = mount(long_trace(n), queries=[n - 1])
    page = at.page
    strip = page.locator(".strip-body")
    expect(page.locator(".strip-end").first).to_have_text("0")
    expect(page.locator(".strip-end").last).to_have_text("4,095")
    box = strip.bounding_box()
    assert box
    page.mouse.click(box["x"] + 20, box["y"] + 1)
    at.wait()
    assert in_sight(page, 0)
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] - 1, steps=4)
    page.mouse.up()
    at.wait()
    assert in_sight(page, n - 1)
    strip.press("Home")
    assert in_sight(page, 0)
    expect(strip).to_have_attribute("aria-valuenow", "0")
    strip.press("PageDown")
    expect(strip).not_to_have_attribute("aria-valuenow", "0")
    at.rest()
    # The strongest key far up has a bar: the row's largest number is never lost.
    row = at.widget.trace.weights(0, at.widget.heads[0][1], queries=n - 1)
    widest = page.evaluate("""() => {
        const canvas = document.querySelector('#here > div').shadowRoot.querySelector('.strip canvas');
        const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const long = (y) => { let x = 0; while (x < width && data[4 * (y * width + x) + 3] > 0) x += 1; return x; };
        const rows = [...Array(height - 4).keys()].map(long);
        return rows.indexOf(Math.max(...rows)) / height;
    }""")
    strongest = int(row[: n - 20].argmax())
    at.widget.goto(strongest)
    at.wait()
    top = piece(page, strongest).evaluate("one => parseFloat(one.parentElement.style.top)")
    high = page.locator(".passage").evaluate("one => one.scrollHeight")
    assert widest == pytest.approx(top / high, abs=0.01)


# --- where it looks -----------------------------------------------------------------------


def test_the_list_is_of_the_models_strongest_places(mount: Callable[..., Mounted]) -> None:
    n = 2000
    at = mount(long_trace(n), heads=[(0, 1)], queries=[n - 1])
    row = at.widget.trace.weights(0, 1, queries=n - 1)
    left = row.clone()
    expect(at.page.locator(".where-row")).to_have_count(6)
    for line in at.page.locator(".where-row").all():
        unit = int(left.argmax())
        expect(line).to_have_attribute("data-where", str(unit))
        expect(line.locator(".value")).to_have_text(f"{row[unit]:.4f}")
        expect(line.locator(".position")).to_have_text(f"{unit:,}")
        expect(line.locator("b")).to_have_text(at.widget.tokens[unit])
        expect(line.locator(".around")).to_contain_text(at.widget.tokens[unit + 1])
        left[max(0, unit - 3) : unit + 4] = 0
    first = at.page.locator(".where-row").nth(2)
    unit = int(first.get_attribute("data-where") or 0)
    first.click()
    at.wait()
    assert at.widget.keys == []
    assert in_sight(at.page, unit)
    expect(piece(at.page, unit)).to_have_class(re.compile("marked"))
    first.click(modifiers=["Shift"])
    at.wait()
    assert at.widget.keys == [unit]
    expect(first).to_have_attribute("aria-pressed", "true")


def test_all_heads_by_their_largest_number_and_only_far_ones(mount: Callable[..., Mounted]) -> None:
    n = 2000
    at = mount(long_trace(n), heads=[(0, 0)], queries=[n - 1])
    rows = at.widget.trace.weights(0, queries=n - 1)[:, : n - 1 - 64]
    at.page.get_by_role("button", name="all heads", exact=True).click()
    at.page.get_by_label("far only").click()
    first = at.page.locator(".where-row").first
    head, unit = divmod(int(rows.argmax()), rows.shape[1])
    expect(first).to_have_attribute("data-where", str(unit))
    expect(first.locator(".whose")).to_have_text(f"L0-H{head}")
    expect(first.locator(".value")).to_have_text(f"{rows.max():.4f}")
    first.click()
    at.wait()
    assert at.widget.heads == [(0, head)]
    assert in_sight(at.page, unit)


def test_a_row_of_the_ranking_goes_to_its_place(mount: Callable[..., Mounted]) -> None:
    n = 2000
    at = mount(long_trace(n), queries=[n - 1], heads=[(0, 0)])
    row = at.page.locator(".ranked[data-listed-head=L0-H1]")
    unit = int(at.widget.trace.weights(0, 1, queries=n - 1).argmax())
    expect(row.locator(".found-at .position")).to_have_text(f"{unit:,}")
    expect(row.locator(".found-at b")).to_have_text(at.widget.tokens[unit])
    row.click()
    at.wait()
    assert at.widget.heads == [(0, 1)]
    assert in_sight(at.page, unit)


# --- spans --------------------------------------------------------------------------------


def test_a_span_is_dragged_and_its_share_is_said(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"], queries=[TIRED])
    page = at.page
    page.get_by_role("button", name="key", exact=True).click()
    at.rest()
    first, last = (piece(page, index, "key").bounding_box() or {} for index in (ANIMAL, 5))
    page.mouse.move(first["x"] + 4, first["y"] + 9)
    page.mouse.down()
    page.mouse.move(last["x"] + 5, last["y"] + 9, steps=6)
    expect(page.locator(".piece.dragged")).to_have_count(5)
    page.mouse.up()
    at.wait()
    assert (at.widget.queries, at.widget.keys) == ([TIRED], [1, 2, 3, 4, 5])
    share = float(at.widget.trace.weights(2, 6, queries=TIRED, keys=slice(1, 6)).sum())
    said = page.locator(".span-share")
    expect(said).to_contain_text(f"The pinned query gives this span of 5 tokens {share:.2f} of its attention")
    expect(said).to_contain_text(f"{share / (5 / 12):.1f} times an even spread")
    click(at, 7, "key", modifiers=["Shift"])
    assert at.widget.keys == [*range(1, 8)]
    page.keyboard.press("Escape")
    at.wait()
    assert (at.widget.queries, at.widget.keys) == ([], [])
    click(at, 9, "key")
    click(at, 7, "key", modifiers=["Shift"])
    assert at.widget.keys == [7, 8, 9]
    click(at, 2, "key", modifiers=["Control"])
    assert at.widget.keys == [7, 8, 9, 2]


def test_escape_while_dragging_pins_nothing(mount: Callable[..., Mounted]) -> None:
    at = mount(queries=[IT])
    first, last = (piece(at.page, index).bounding_box() or {} for index in (1, 4))
    at.page.mouse.move(first["x"] + 4, first["y"] + 9)
    at.page.mouse.down()
    at.page.mouse.move(last["x"] + 5, last["y"] + 9, steps=4)
    piece(at.page, 3).focus()
    at.page.keyboard.press("Escape")
    at.page.mouse.up()
    at.wait()
    assert at.widget.queries == [IT]


# --- find and goto ------------------------------------------------------------------------


def find(page: Page, wanted: str) -> None:
    field = page.get_by_label("Find in the text")
    if field.count() == 0:
        page.get_by_role("button", name="Find", exact=False).first.click()
    field.fill(wanted)


def count_of(page: Page) -> Locator:
    return page.locator(".found-count")


def test_find_goes_round_and_pins(mount: Callable[..., Mounted]) -> None:
    n = 3000
    at = mount(long_trace(n))
    page = at.page
    piece(page, 2).focus()
    page.keyboard.press("/")
    field = page.get_by_label("Find in the text")
    expect(field).to_be_focused()
    page.keyboard.type("WORD14")
    places = [place[0] for place in at.widget.trace.find("word14")]
    assert len(places) > 2
    expect(count_of(page)).to_have_text(f"1 of {len(places)}")
    assert in_sight(page, places[0])
    page.keyboard.press("Enter")
    expect(count_of(page)).to_have_text(f"2 of {len(places)}")
    assert in_sight(page, places[1])
    expect(piece(page, places[1])).to_have_class(re.compile("hit here"))
    page.keyboard.press("Shift+Enter")
    page.get_by_role("button", name="previous place").click()
    expect(count_of(page)).to_have_text(f"{len(places)} of {len(places)}")
    assert in_sight(page, places[-1])
    page.get_by_role("button", name="pin as query").click()
    at.wait()
    assert at.widget.queries == [places[-1]]
    find(page, "w1 w2 w3")
    page.get_by_role("button", name="pin as key").click()
    at.wait()
    assert at.widget.keys == [1, 2, 3]
    field.press("Escape")
    expect(field).to_have_count(0)
    expect(page.get_by_role("button", name="Find", exact=True)).to_be_focused()
    assert at.widget.keys == [1, 2, 3]


@pytest.mark.parametrize("wanted", ["2957", "#2957", "#0", "nothing like it", ""])
def test_find_takes_positions_and_says_when_there_is_nothing(mount: Callable[..., Mounted], wanted: str) -> None:
    at = mount(long_trace(3000))
    find(at.page, wanted)
    places = at.widget.trace.find(wanted) if wanted else []
    said = f"1 of {len(places)}" if places else "nowhere in the text" if wanted else ""
    expect(count_of(at.page)).to_have_text(said)
    if wanted.startswith("#"):
        assert in_sight(at.page, int(wanted[1:]))


def test_find_leaves_the_hosts_search_and_text_fields_alone(mount: Callable[..., Mounted]) -> None:
    at = mount()
    page = at.page
    page.evaluate("window.seen = []; addEventListener('keydown', (e) => window.seen.push([e.key, e.defaultPrevented]))")
    piece(page, 2).focus()
    page.keyboard.press("Control+f")
    page.get_by_label("Text", exact=True).focus()
    page.keyboard.press("/")
    assert [*filter(lambda one: one[0] in "f/", page.evaluate("window.seen"))] == [["f", False], ["/", False]]
    expect(page.get_by_label("Find in the text")).to_have_count(0)


def test_find_on_either_of_two_texts(mount: Callable[..., Mounted]) -> None:
    at = mount("Le chat noir dort", model="demo/fr-en", attention="cross")
    find(at.page, "chat")
    expect(count_of(at.page)).to_have_text("nowhere in the text")
    at.page.get_by_role("button", name="keys", exact=True).click()
    expect(count_of(at.page)).to_have_text("1 of 1")
    expect(at.page.get_by_role("button", name="pin as query")).to_have_count(0)
    at.page.get_by_role("button", name="pin as key").click()
    at.wait()
    assert [at.widget.keys] == at.widget.trace.find("chat", attention="cross", side="key")


@pytest.mark.parametrize("position", [1500, -1, "word1498."])
def test_goto_brings_a_place_into_sight(mount: Callable[..., Mounted], position: int | str) -> None:
    at = mount(long_trace(3000))
    at.widget.goto(position)
    at.wait()
    index = at.widget.trace.find(position)[0][0] if isinstance(position, str) else position % 3000
    expect(piece(at.page, index)).to_have_class(re.compile("marked"))
    assert in_sight(at.page, index)
    assert (at.widget.queries, at.widget.keys) == ([], [])


def test_what_python_pins_comes_into_sight(mount: Callable[..., Mounted]) -> None:
    at = mount(long_trace(3000))
    at.widget.queries = [2500]
    at.wait()
    assert in_sight(at.page, 2500)
    at.page.locator(".passage").evaluate("one => { one.scrollTop = 0; }")
    click(at, 4, modifiers=["Control"])
    assert in_sight(at.page, 4)  # a click moves nothing
    assert at.widget.queries == [2500, 4]


# --- without a kernel ---------------------------------------------------------------------


def test_a_short_text_needs_no_kernel(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    at.alive = False
    row = at.widget.trace.measure("weights", 2, 6, queries=TIRED)
    piece(at.page, TIRED).click()
    expect(piece(at.page, ANIMAL)).to_have_attribute("data-value", re.compile(f"^{float(row[ANIMAL]):.4f}"[:7]))
    assert_shaded(at, row, float(row.max()))
    expect(at.page.locator(".where-row").first).to_contain_text("animal")
    find(at.page, "road")
    expect(count_of(at.page)).to_have_text("1 of 1")


def test_a_long_text_says_what_it_needs_the_kernel_for(mount: Callable[..., Mounted]) -> None:
    at = mount(long_trace(3000), queries=[2999])
    at.alive = False
    click_at = piece(at.page, 2990)
    click_at.click()
    at.wait_while_silent()
    expect(at.page.locator(".silent")).to_contain_text("needed to compute what the tokens of so long a text look at")
    expect(at.page.locator(".passage")).to_have_class(re.compile("waits"))  # and no shade that is of other pins
    for one in at.page.locator(".piece[data-value]").all()[:20]:
        expect(one).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    at.page.locator(".passage").evaluate("one => { one.scrollTop = 0; }")
    expect(piece(at.page, 0)).to_be_visible()
    find(at.page, "w2000")
    expect(count_of(at.page)).to_have_text("1 of 1")
    assert in_sight(at.page, 2000)


# --- the needle ---------------------------------------------------------------------------


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not there")
@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_needle_is_found_by_clicks_alone(mount: Callable[..., Mounted], seed: int) -> None:
    chance = random.Random(seed)
    model, tokenizer = load_model("demo/causal")
    start = chance.randrange(3_000_000)
    with lzma.open(CORPUS, "rt", encoding="utf-8") as books:
        ids = tokenizer(books.read(start + 40_000)[start:])["input_ids"][:2975]
    cut = chance.randrange(200, 2800)
    before, after = tokenizer.decode(ids[:cut]), tokenizer.decode(ids[cut:])
    sentence = "The secret word of the captain is"
    text = f"{before} {sentence} Zanzibar . {after} {sentence}"
    at = mount(capture(model, text, tokenizer=tokenizer))
    page, n = at.page, len(at.widget.tokens)
    assert n > 2990
    clicks = 0

    # The text ends in a question: its words are pinned, from the second to the last.
    strip = page.locator(".strip-body").bounding_box()
    assert strip
    page.mouse.click(strip["x"] + 20, strip["y"] + strip["height"] - 2)
    at.wait()
    last = page.locator(f".piece[data-index='{n - 1}']")
    expect(last).to_have_text("is")
    page.locator(".piece", has_text=re.compile("^secret$")).last.click()
    last.click(modifiers=["Shift"])
    at.wait()
    clicks += 3
    # Where do they look, in any head, away from themselves? One of the places listed reads like the question.
    page.get_by_role("button", name="all heads", exact=True).click()
    page.get_by_label("far only").click()
    clicks += 2
    page.locator(".where-row .whose").first.wait_for()
    place = page.locator(".where-row", has_text=re.compile("secret word|word of the|the captain is"))
    place.first.click()
    at.wait()
    clicks += 1
    needle = at.widget.trace.find("Zanzibar")[0]
    assert all(in_sight(page, index) for index in needle)
    assert clicks == 6
