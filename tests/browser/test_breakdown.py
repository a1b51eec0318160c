"""The breakdown: every number on screen is Python's, and every step is reached by pointer and by keyboard."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers as hf
from playwright.sync_api import expect

import tiny
from attnwidget import AttentionTrace, AttentionWidget
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from attnwidget.breakdown import Breakdown

TEXT = "The animal didn't cross the road because it was too tired"
HEAD, QUERY = (2, 6), 8


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(text: Any = TEXT, *, alive: bool = True, **options: Any) -> Mounted:
        about = {"view": "breakdown", "heads": [HEAD], "queries": [QUERY]}
        one = Mounted(page, AttentionWidget(text, **{**about, **options}), alive=alive)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        one.wait()
        if alive:  # the model's own output comes later, and with it the bars of all heads
            page.wait_for_function("() => model.get('_breakdown')?.projected?.state !== 'running'")
            one.wait()
        assert errors == []
        return one

    return mounted


def expected(at: Mounted) -> Breakdown:
    return at.widget.trace.breakdown(*HEAD, QUERY)


def row(at: Mounted, number: int | str) -> Locator:
    return at.page.locator(f".steps [data-row='{number}']")


def values(at: Mounted, name: str) -> torch.Tensor:
    """Read one column's numbers."""
    at.rest()
    cells = at.page.locator(f".keys [data-value='{name}']").all()
    return torch.tensor([float(cell.get_attribute("data-exact") or "nan") for cell in cells])


def step(at: Mounted, number: int) -> None:
    at.page.locator(f".chips [data-step='{number}']").click()
    at.rest()


def said(at: Mounted) -> str:
    at.rest()
    return (at.page.get_by_role("status").text_content() or "").replace("−", "-")


def number(text: str) -> float:
    found = re.findall(r"-?\d[\d.]*(?:e-?\d+)?", text)
    return float(found[-1])


def point(at: Mounted, line: int | str, column: str, dimension: int, count: int) -> None:
    """Rest the pointer on one number of a strip."""
    head = at.page.locator(f".heads-row [data-column='{column}']").bounding_box()
    target = row(at, line)
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert head is not None
    assert box is not None
    at.page.mouse.move(head["x"] + head["width"] * (dimension + 0.5) / count, box["y"] + box["height"] / 2)


# -- the numbers ----------------------------------------------------------------------------------------------------


def test_the_cells_hold_what_python_computes(mount: Callable[..., Mounted]) -> None:
    at = mount()
    b = expected(at)
    close = {"rtol": 1e-5, "atol": 1e-6}
    torch.testing.assert_close(values(at, "dot"), b.dots, **close)
    torch.testing.assert_close(values(at, "scaled"), b.dots * b.scale, **close)
    torch.testing.assert_close(values(at, "score"), b.scores, **close)
    torch.testing.assert_close(values(at, "exp"), b.exponentials, **close)
    torch.testing.assert_close(values(at, "weight"), b.weights, **close)
    torch.testing.assert_close(values(at, "norm"), b.weighted_values.norm(dim=-1), **close)
    best = int(b.weights.argmax())
    expect(row(at, best).locator("[data-value='weight']")).to_have_text(f"{b.weights[best]:.3f}")
    expect(row(at, best).locator("[data-value='dot']")).to_have_text(f"{b.dots[best]:.2f}")
    expect(row(at, "output").locator("[data-value='sum']")).to_have_text("Σ = 1")


def test_what_the_mask_hides_is_said_not_left_blank(mount: Callable[..., Mounted]) -> None:
    at = mount()
    hidden = row(at, QUERY + 1)
    expect(hidden).to_have_class(re.compile("hidden"))
    expect(hidden.locator("[data-value='score']")).to_have_text("−∞")
    expect(hidden.locator("[data-value='weight']")).to_have_text("0")
    expect(row(at, QUERY)).not_to_have_class(re.compile("hidden"))
    step(at, 4)
    count = len(at.widget.tokens)
    expect(at.page.locator(".explanation")).to_contain_text(f"{count - QUERY - 1} keys of {count} are hidden")


def test_every_number_is_read_by_pointing_at_it(mount: Callable[..., Mounted]) -> None:
    at = mount()
    b = expected(at)
    d = len(b.query)
    for line, dimension in ((0, 0), (3, 7), (8, d - 1)):
        point(at, line, "products", dimension, d)
        q, k, product = b.query[dimension], b.keys[line, dimension], b.products[line, dimension]
        told = said(at)
        assert told.startswith(f"key {at.widget.tokens[line]} · dimension {dimension}: q ")
        found = [float(one) for one in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", told)]
        assert found == pytest.approx([float(q), float(k), float(product)], rel=1e-3)
        point(at, line, "v", dimension, len(b.head_output))
        assert said(at).startswith(f"v[{dimension}] of {at.widget.tokens[line]} = ")
        assert number(said(at)) == pytest.approx(float(b.values[line, dimension]), rel=1e-3)
        point(at, line, "weighted", dimension, len(b.head_output))
        assert number(said(at)) == pytest.approx(float(b.weighted_values[line, dimension]), rel=1e-3, abs=1e-12)
        point(at, line, "k", dimension, d)
        assert number(said(at)) == pytest.approx(float(k), rel=1e-3)
    point(at, "query", "k", 5, d)
    assert said(at).startswith(f"q[5] of {at.widget.tokens[QUERY]}")
    assert number(said(at)) == pytest.approx(float(b.query[5]), rel=1e-3)
    point(at, "output", "weighted", 11, len(b.head_output))
    assert said(at).startswith("head output[11]")
    assert number(said(at)) == pytest.approx(float(b.head_output[11]), rel=1e-3)


def test_products_add_up_to_the_score(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.wait_for_more()
    b = expected(at)
    best = int(b.weights.argmax())

    def total() -> float:
        at.rest()
        text = at.page.locator(".detail [data-value='total']").text_content() or ""
        return number(text.replace("−", "-"))

    assert total() == pytest.approx(float(b.dots[best]), rel=1e-3)
    before = at.page.locator(".breakdown").bounding_box()
    for line in (1, 4):
        point(at, line, "products", 3, len(b.query))
        assert total() == pytest.approx(float(b.dots[line]), rel=1e-3)
    assert at.page.locator(".breakdown").bounding_box() == before  # nothing jumps


def test_all_heads_add_up_to_the_models_own_output(mount: Callable[..., Mounted]) -> None:
    at = mount()
    b = expected(at)
    assert b.contributions is not None
    expect(at.page.locator(".writes")).to_have_attribute("data-projected", "ready")
    bars = at.page.locator("[data-writes]")
    expect(bars).to_have_count(len(b.contributions))
    norms = [float(bar.get_attribute("data-exact") or "nan") for bar in bars.all()]
    assert norms == pytest.approx(b.contributions.norm(dim=-1).tolist(), rel=1e-5)
    shown = at.page.locator("[data-value='difference']").get_attribute("data-exact")
    assert float(shown or "nan") == pytest.approx(b.max_difference, rel=1e-4)
    step(at, 7)
    expect(at.page.locator(".detail")).to_contain_text("the model's own output")
    expect(at.page.locator(".explanation")).to_contain_text(b.output_name)


# -- the steps ------------------------------------------------------------------------------------------------------


def test_each_step_has_its_columns_and_its_text(mount: Callable[..., Mounted]) -> None:
    at = mount()
    active = {
        1: ["k", "v"],
        2: ["k", "products", "dot"],
        3: ["dot", "scaled"],
        4: ["scaled", "score"],
        5: ["score", "exp", "weight"],
        6: ["weight", "v", "weighted"],
        7: ["weighted"],
    }
    texts = set()
    for number, columns in active.items():
        step(at, number)
        heads = at.page.locator(".heads-row .active").all()
        assert [one.get_attribute("data-column") for one in heads] == ["key", *columns]
        expect(at.page.locator(f".chips [data-step='{number}']")).to_have_attribute("aria-selected", "true")
        expect(at.page.locator(f".formula [data-part='{number}'][aria-current=step]").first).to_be_attached()
        expect(at.page.locator(".detail")).to_have_attribute("data-detail", str(number))
        for level in ("paragraph", "formula", "sentence"):
            at.page.locator(".levels").get_by_role("button", name=level).click()
            at.rest()
            texts.add(at.page.locator(".explanation").text_content())
    assert len(texts) == 21
    at.page.locator(".levels").get_by_role("button", name="off").click()
    expect(at.page.locator(".explanation")).to_have_text("")


def test_the_texts_name_tokens_and_numbers(mount: Callable[..., Mounted]) -> None:
    at = mount()
    text = at.page.locator(".explanation")
    expect(text).to_contain_text(f"The query of {at.widget.tokens[QUERY]} is multiplied")
    expect(text).to_contain_text("32 products")
    step(at, 5)
    b = expected(at)
    best = int(b.weights.argmax())
    expect(text).to_contain_text(f"{at.widget.tokens[best]}, gets {b.weights[best]:.3f}")


def test_vectors_say_how_far_their_scales_go(mount: Callable[..., Mounted]) -> None:
    at = mount()
    step(at, 1)
    scales = at.page.locator(".detail .legend-scale")
    expect(scales).to_have_text([re.compile(r"±\d")] * 3)
    for scale in scales.all():  # none is cut off by its caption
        assert scale.evaluate("(one) => one.offsetTop >= 0 && one.offsetTop + one.offsetHeight <= 22")
    step(at, 7)
    expect(scales).to_have_count(2)


def test_a_part_of_the_formula_shows_its_step(mount: Callable[..., Mounted]) -> None:
    at = mount()
    chip = at.page.locator(".chips [data-step='5']")
    part = at.page.locator(".formula [data-part='5']")
    part.hover()
    expect(chip).to_have_class("hinted")
    expect(chip).to_have_attribute("aria-selected", "false")
    part.click()
    expect(chip).to_have_attribute("aria-selected", "true")
    at.page.mouse.move(0, 0)
    expect(chip).not_to_have_class("hinted")


def test_the_keyboard_walks_steps_rows_and_dimensions(mount: Callable[..., Mounted]) -> None:
    at = mount()
    b = expected(at)
    keys = at.page.keyboard
    at.page.locator(".chips [data-step='2']").focus()
    keys.press("ArrowRight")
    expect(at.page.locator(".chips [data-step='3']")).to_be_focused()
    keys.press("6")
    expect(at.page.locator(".chips [data-step='6']")).to_have_attribute("aria-selected", "true")
    keys.press("2")
    row(at, 2).focus()
    keys.press("ArrowDown")
    expect(row(at, 3)).to_be_focused()
    assert number(said(at).split(",")[0]) == pytest.approx(float(b.dots[3]), rel=1e-3)
    for _ in range(8):
        keys.press("ArrowRight")
    assert said(at).startswith(f"key {at.widget.tokens[3]} · dimension 7:")
    keys.press("ArrowUp")
    assert said(at).startswith(f"key {at.widget.tokens[2]} · dimension 7:")
    assert number(said(at)) == pytest.approx(float(b.products[2, 7]), rel=1e-3)
    keys.press("Enter")
    at.wait()
    assert at.widget.keys == [2]


def test_the_tabs_change_the_view(mount: Callable[..., Mounted]) -> None:
    at = mount(view="lines")
    expect(at.root).to_have_attribute("data-view", "lines")
    tab = at.page.get_by_role("tab", name="Lines")
    tab.focus()
    at.page.keyboard.press("ArrowLeft")  # from the first to the last
    at.wait()
    assert at.widget.view == "effect"
    expect(at.root).to_have_attribute("data-view", "effect")
    expect(at.page.get_by_role("tab", name="Effect")).to_be_focused()
    at.widget.view = "lines"
    at.wait()
    expect(at.root).to_have_attribute("data-view", "lines")
    expect(at.page.locator(".stage")).to_be_visible()


def test_the_breakdown_asks_for_no_lines(mount: Callable[..., Mounted]) -> None:
    at = mount()
    asked: list[str] = []
    at.widget.on_msg(lambda _widget, content, _buffers: asked.append(content["ask"]))
    at.page.get_by_label("Head", exact=True).select_option("L3-H1")
    at.wait()
    assert at.widget.heads == [(3, 1)]
    assert "tile" not in asked
    at.page.get_by_role("tab", name="Lines").click()
    at.wait()
    expect(at.page.locator("[data-head=L3-H1]")).to_have_attribute("aria-pressed", "true")
    at.page.locator("[data-side=query]").nth(QUERY).hover()
    assert said(at).startswith("L3-H1 ")
    found = at.widget.trace.weights(3, 1)[QUERY].max()
    assert number(said(at).split("the largest")[0]) == pytest.approx(float(found), abs=1e-4)


# -- moving about ---------------------------------------------------------------------------------------------------


def test_another_head_is_shown_from_wherever_it_is_chosen(mount: Callable[..., Mounted]) -> None:
    at = mount()

    def holds(layer: int, head: int) -> None:
        at.wait()
        assert at.widget.heads == [(layer, head)]
        expect(at.page.get_by_label("Head", exact=True)).to_have_value(f"L{layer}-H{head}")
        wanted = at.widget.trace.breakdown(layer, head, QUERY).weights
        torch.testing.assert_close(values(at, "weight"), wanted, rtol=1e-5, atol=1e-6)

    at.page.get_by_label("Head", exact=True).select_option("L0-H3")
    holds(0, 3)
    at.page.locator("[data-writes=L0-H5]").click()
    holds(0, 5)
    at.page.locator(".left > .fold").click()
    at.page.locator("[data-head=L1-H7]").click()
    holds(1, 7)
    at.widget.heads = ["L3-H0"]
    holds(3, 0)


def choose(field: Locator, wanted: str) -> None:
    field.fill(wanted)
    field.press("Enter")


def test_a_query_of_a_long_text_is_found(mount: Callable[..., Mounted]) -> None:
    at = mount("word " * 600 + "needle " + "word " * 20)
    expect(at.page.locator(".categories")).to_have_attribute("aria-busy", "false")
    at.wait()
    before = at.page.evaluate(NODES)
    field = at.page.get_by_role("combobox", name="Query", exact=True)
    field.click()
    options = at.page.locator(".token-list [role=option]")
    expect(options.first).to_be_visible()
    at.rest()
    assert options.count() <= 10
    assert at.page.evaluate(NODES) < before + 60
    needle = next(at for at, token in enumerate(at.widget.tokens) if token.startswith("need"))
    field.press_sequentially("need")
    expect(options.first).to_have_text(f"{at.widget.tokens[needle]} {needle}")
    field.press("Enter")
    at.wait()
    assert at.widget.queries == [needle]
    expect(options).to_have_count(0)
    field.press("ArrowDown")  # opens the list where the query stands
    field.press("ArrowDown")
    field.press("Enter")
    at.wait()
    assert at.widget.queries == [needle + 1]
    field.press_sequentially("no such word")
    expect(at.page.locator(".token-list")).to_contain_text("no such token")
    field.press("Enter")
    field.press("Escape")
    expect(field).to_have_value(f"{at.widget.tokens[needle + 1]} · {needle + 1}")
    assert at.widget.queries == [needle + 1]
    field.fill(str(needle))
    options.first.click()
    at.wait()
    assert at.widget.queries == [needle]


NODES = """() => document.querySelector("#here > div").shadowRoot.querySelectorAll("*").length"""


def test_another_query_is_chosen(mount: Callable[..., Mounted]) -> None:
    at = mount()
    choose(at.page.get_by_role("combobox", name="Query", exact=True), "4")
    at.wait()
    assert at.widget.queries == [4]
    wanted = at.widget.trace.breakdown(*HEAD, 4).weights
    torch.testing.assert_close(values(at, "weight"), wanted, rtol=1e-5, atol=1e-6)
    expect(at.page.locator(".steps [data-side=query]")).to_have_attribute("data-index", "4")


def test_without_a_pin_the_query_that_python_takes_is_named(mount: Callable[..., Mounted]) -> None:
    at = mount(queries=[])
    taken = at.widget.breakdown().queries[0]
    expect(at.page.locator(".steps [data-side=query]")).to_have_attribute("data-index", str(taken))
    expect(at.page.get_by_role("combobox", name="Query", exact=True)).to_have_value(
        f"{at.widget.tokens[taken]} · {taken}"
    )


def test_a_click_pins_a_key(mount: Callable[..., Mounted]) -> None:
    at = mount()
    row(at, 3).click()
    at.wait()
    assert at.widget.keys == [3]
    expect(row(at, 3)).to_have_attribute("aria-selected", "true")
    row(at, 3).locator("[data-side=key]").click()
    at.wait()
    assert at.widget.keys == []


def test_several_queries_are_taken_together(mount: Callable[..., Mounted]) -> None:
    at = mount(queries=[QUERY, 3])
    trace = at.widget.trace
    mean = trace.breakdown(*HEAD, [QUERY, 3])
    torch.testing.assert_close(values(at, "weight"), mean.weights, rtol=1e-5, atol=1e-6)
    expect(at.page.locator(".query-row")).to_contain_text(f"mean of {at.widget.tokens[QUERY]}, {at.widget.tokens[3]}")
    expect(at.page.locator(".pin bdi")).to_have_text([at.widget.tokens[QUERY], at.widget.tokens[3]])
    expect(at.page.locator(".keys .each")).to_have_count(len(at.widget.tokens))
    at.page.locator(".combine").get_by_role("button", name="sum").click()
    at.wait()
    assert at.widget.combine == "sum"
    both = trace.breakdown(*HEAD, [QUERY, 3], combine="sum")
    torch.testing.assert_close(values(at, "weight"), both.weights, rtol=1e-5, atol=1e-6)
    step(at, 5)
    expect(at.page.locator(".explanation")).to_contain_text("softmax of its own")


# -- what if --------------------------------------------------------------------------------------------------------


def test_without_the_scale_one_key_gets_nearly_all(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.get_by_role("button", name="What if…").click()
    at.page.get_by_label(re.compile("scale by")).uncheck()
    at.wait()
    now = expected(at).what_if(scaled=False).weights
    expect(at.page.locator("[data-value='largest-changed']")).to_have_text(f"{now.max():.3f}")
    expect(at.page.locator(".lost")).to_contain_text(f"largest weight: {at.widget.tokens[int(now.argmax())]}")


def test_an_arrow_key_moves_the_temperature(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.get_by_role("button", name="What if").click()
    at.page.get_by_label("Temperature", exact=True).first.press("ArrowRight")
    at.page.wait_for_function("() => model.get('what_if').temperature > 1")


def test_a_temperature_changes_the_weights(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.get_by_role("button", name="What if…").click()
    field = at.page.get_by_label("Temperature, exact").first
    field.fill("2")
    field.press("Enter")
    at.wait()
    assert at.widget.what_if == {"temperature": 2}
    b = expected(at)
    changed = b.what_if(temperature=2.0)
    torch.testing.assert_close(values(at, "weight"), b.weights, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(values(at, "weight-changed"), changed.weights, rtol=1e-5, atol=1e-6)
    moved = at.page.locator("[data-value='distance']").get_attribute("data-exact")
    assert b.output is not None
    assert changed.output is not None
    assert float(moved or "nan") == pytest.approx(float((changed.output - b.output).norm()), rel=1e-4)
    expect(at.page.locator(".choices .badge")).to_have_text("changed")
    at.page.get_by_role("button", name="reset").click()
    at.wait()
    assert at.widget.what_if == {}
    expect(at.page.locator(".badge")).to_have_count(0)


def test_scores_keys_and_the_first_token_are_changed(mount: Callable[..., Mounted]) -> None:
    at = mount()
    b = expected(at)
    at.page.get_by_role("button", name="What if…").click()
    row(at, 3).locator(".editable").click()
    field = row(at, 3).locator("input")
    field.fill("5")
    field.press("Enter")
    at.wait()
    row(at, 1).get_by_role("button", name="mask").click()
    at.wait()
    at.page.get_by_role("button", name="remove the first token").click()
    at.wait()
    assert at.widget.what_if == {"scores": {"3": 5}, "masked": [1], "removed": [0]}
    changed = b.what_if(scores={3: 5.0}, masked=[1], removed=[0])
    torch.testing.assert_close(values(at, "weight-changed"), changed.weights, rtol=1e-5, atol=1e-6)
    expect(at.page.locator("[data-value='removed']")).to_have_text(f"{changed.removed:.3f}")
    at.page.get_by_label("scale by 1/√d").uncheck()
    at.wait()
    assert at.widget.what_if["scaled"] is False
    changed = b.what_if(scaled=False, scores={3: 5.0}, masked=[1], removed=[0])
    torch.testing.assert_close(values(at, "weight-changed"), changed.weights, rtol=1e-5, atol=1e-6)


def test_the_slider_changes_what_is_shown(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.get_by_role("button", name="What if…").click()
    at.page.get_by_label("Temperature", exact=True).first.fill("-0.5")
    at.page.wait_for_function("() => model.get('what_if').temperature !== undefined")
    at.wait()
    assert at.widget.what_if["temperature"] == pytest.approx(10**-0.5, rel=1e-2)
    changed = expected(at).what_if(temperature=at.widget.what_if["temperature"])
    torch.testing.assert_close(values(at, "weight-changed"), changed.weights, rtol=1e-5, atol=1e-6)


def test_a_changed_number_is_the_same_in_its_cell_its_hover_and_the_status_line(mount: Callable[..., Mounted]) -> None:
    change = {"temperature": 3, "removed": [0], "masked": [1]}
    at = mount(what_if=change)
    b = expected(at)
    changed = b.what_if(**change)
    assert changed.exponentials is not None
    close = {"rtol": 1e-5, "atol": 1e-6}
    torch.testing.assert_close(values(at, "score"), changed.scores, **close)
    torch.testing.assert_close(values(at, "exp"), changed.exponentials, **close)
    torch.testing.assert_close(values(at, "norm"), changed.weighted_norms, **close)
    best = int(changed.weights.argmax())
    for name, before, now in (("score", b.scores, changed.scores), ("weight", b.weights, changed.weights)):
        title = row(at, best).locator(f"[data-value={name}]").get_attribute("title") or ""
        found = [float(one) for one in title.replace("−", "-").split(" → ")]
        assert found == pytest.approx([float(before[best]), float(now[best])], rel=1e-4)
    point(at, best, "weighted", 3, len(b.head_output))
    assert number(said(at)) == pytest.approx(float(changed.weighted_values[best, 3]), rel=1e-3)
    row(at, best).locator("[data-value=score]").hover()
    assert number(said(at).split(",")[0]) == pytest.approx(float(changed.scores[best]), rel=1e-3)
    row(at, best).locator("[data-value=weight]").hover()
    assert number(said(at)) == pytest.approx(float(changed.weights[best]), rel=1e-3)
    step(at, 7)
    at.page.locator(".concat .pointed").first.hover()  # the middle of all heads' numbers
    middle = changed.head_outputs.flatten()[changed.head_outputs.numel() // 2]
    assert number(said(at)) == pytest.approx(float(middle), rel=1e-3)


def test_the_changed_columns_add_up(mount: Callable[..., Mounted]) -> None:
    at = mount(what_if={"temperature": 3, "removed": [0]})
    changed = expected(at).what_if(temperature=3, removed=[0])
    head = at.page.locator(".heads-row")
    expect(head.locator("[data-column=score]")).to_have_text("+ mask÷ T = score")
    found = [float(one) for one in re.findall(r"[\d.]+", head.locator("[data-column=weight]").text_content() or "")]
    assert found == pytest.approx([changed.total, changed.grown], rel=1e-3)
    assert changed.exponentials is not None
    torch.testing.assert_close(
        values(at, "weight-changed")[1:], (changed.exponentials / found[0] * found[1])[1:], rtol=1e-3, atol=1e-6
    )
    line = 4
    detail = at.page.locator(".detail figcaption")
    row(at, line).hover()
    step(at, 4)
    row(at, line).hover()
    at.rest()
    numbers = [float(one) for one in re.findall(r"-?\d+\.\d+", (detail.text_content() or "").replace("−", "-"))]
    assert numbers[1] == pytest.approx(numbers[0] / 3, rel=1e-3)
    at.widget.what_if = {"scaled": False, "masked": [line]}
    at.wait()
    row(at, line).hover()
    expect(detail).to_contain_text("hidden by What if")
    expect(head.locator("[data-column=scaled]")).to_have_text("× 1not scaled")
    torch.testing.assert_close(values(at, "scaled"), values(at, "dot"))


def test_only_what_changed_is_blue(mount: Callable[..., Mounted]) -> None:
    at = mount(what_if={"scores": {"3": 0.5}})
    expect(at.page.locator(".keys .in-score .is-changed")).to_have_count(1)
    expect(row(at, QUERY + 1).locator(".is-changed")).to_have_count(0)
    expect(at.page.locator(".keys .in-weight .is-changed")).to_have_count(QUERY + 1)


def test_looking_at_a_score_does_not_set_it(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.get_by_role("button", name="What if…").click()
    button, field = row(at, 2).locator(".editable"), row(at, 2).locator("input")
    for key in ("Enter", "Escape"):
        button.click()
        at.page.keyboard.press(key)
        expect(button).to_be_focused()
    button.click()
    at.page.locator(".bench h3").click()
    expect(field).to_have_count(0)
    at.wait()
    assert at.widget.what_if == {}
    button.click()
    at.page.keyboard.type("1")  # takes the place of what stood there
    at.page.keyboard.press("Enter")
    at.wait()
    assert at.widget.what_if == {"scores": {"2": 1}}


def test_what_is_taken_away_is_named(mount: Callable[..., Mounted]) -> None:
    at = mount(what_if={"removed": [0], "masked": [3]})
    at.page.get_by_role("button", name="What if…").click()
    tokens = at.widget.tokens
    expect(at.page.locator(".lost")).to_contain_text(f"removed {tokens[0]}, hidden {tokens[3]}: together ")
    at.widget.what_if = {"removed": [QUERY + 1]}  # which the mask hides
    at.wait()
    expect(at.page.locator(".lost")).to_have_text(f"removed {tokens[QUERY + 1]}: it had no weight")


def test_a_model_that_does_not_scale_has_nothing_to_switch_off(mount: Callable[..., Mounted]) -> None:
    q, k, v = torch.randn(3, 1, 1, 3, 4).unbind(0)
    at = mount(AttentionTrace.from_qkv(q, k, v, ["a", "b", "c"], scale=1.0), heads=[(0, 0)], queries=[2])
    at.page.get_by_role("button", name="What if…").click()
    expect(at.page.get_by_label("this model does not scale its scores")).to_be_disabled()


@pytest.mark.parametrize("width", [1100, 760, 480])
def test_the_first_change_moves_nothing(mount: Callable[..., Mounted], page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    at = mount()
    at.wait_for_more()
    at.page.get_by_role("button", name="What if…").click()
    at.wait()
    table = at.page.locator(".steps")
    before = table.bounding_box()
    assert before is not None
    for change in ({"temperature": 2}, {"temperature": 2, "removed": [0], "masked": [3]}):
        at.widget.what_if = change
        at.wait()
        expect(at.page.locator(".choices .badge")).to_have_text("changed")
        after = table.bounding_box()
        assert after is not None
        assert after["y"] == before["y"]


def type_into(field: Locator, text: str) -> None:
    """Type key by key, as `fill` does not."""
    field.click()
    field.press("Control+A")
    field.press_sequentially(text)
    field.press("Enter")


def test_numbers_are_typed_key_by_key(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.get_by_role("button", name="What if…").click()
    field = at.page.get_by_label("Temperature, exact").first
    type_into(field, "2.5")
    at.wait()
    assert at.widget.what_if == {"temperature": 2.5}
    type_into(field, "0")  # out of its range
    expect(field).to_have_value("0.01")
    type_into(field, "")
    expect(field).to_have_value("0.01")
    bench = at.page.locator(".bench")
    type_into(bench.get_by_label("score of cat"), "3.5")
    expect(bench.get_by_label("score of cat")).to_have_value("3.5")
    shares = torch.tensor([3.5, 0.1, 0.0]).softmax(0)
    expect(bench.locator("[data-share]")).to_have_text([f"{100 * one:.1f} %" for one in shares])


def test_the_bench_computes_shares_of_its_own(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.get_by_role("button", name="What if…").click()
    bench = at.page.locator(".bench")
    expect(bench.locator("[data-share]")).to_have_text(["53.9 %", "24.2 %", "21.9 %"])
    expect(bench).to_contain_text("no temperature gives 85 / 10 / 5")
    expect(bench).to_contain_text("plain softmax")
    bench.get_by_label("Temperature, exact").fill("0.1")
    bench.get_by_label("Temperature, exact").press("Enter")
    expect(bench.locator("[data-share=cat]")).to_have_text("100.0 %")
    bench.get_by_role("button", name="add a word").click()
    expect(bench.locator("[data-share]")).to_have_count(4)
    bench.get_by_role("button", name="take out mat").click()
    expect(bench.locator("[data-share]")).to_have_count(3)
    assert at.widget.what_if == {}
    at.page.get_by_role("button", name="What if…").click()
    expect(bench).to_have_count(0)
    at.page.get_by_role("button", name="What if…").click()
    expect(bench.locator("[data-share=cat]")).to_have_text("100.0 %")


# -- what is not there ----------------------------------------------------------------------------------------------


def test_weights_alone_have_no_steps_and_it_says_why(mount: Callable[..., Mounted]) -> None:
    weights = torch.eye(3).expand(2, 1, 2, 3, 3)
    at = mount(AttentionTrace.from_attentions(list(weights), ["a", "b", "c"]), heads=[(0, 0)], queries=[1])
    panel = at.page.locator(".no-steps")
    expect(panel).to_contain_text("No steps for L0-H0")
    expect(panel).to_contain_text(at.widget._breakdown["missing"])
    at.page.get_by_role("tab", name="Lines").click()
    at.wait()
    expect(at.page.locator(".stage")).to_be_visible()


def test_numbers_that_are_none_break_nothing(mount: Callable[..., Mounted]) -> None:
    q, k, v = torch.randn(3, 1, 2, 4, 8).unbind(0)
    v[0, 1, 2] = float("nan")
    k[0, 1, 1, 3] = float("nan")
    at = mount(AttentionTrace.from_qkv(q, k, v, ["a", "b", "<i>c</i>", " "]), heads=[(0, 1)], queries=[2])
    expect(row(at, 1).locator("[data-value='dot']")).to_have_text("NaN")
    point(at, 2, "v", 0, 8)
    assert said(at).endswith("not a number")
    expect(row(at, 2).locator("[data-side=key]")).to_have_text("<i>c</i>")
    expect(row(at, 3).locator("[data-side=key]")).to_have_text("␣")
    expect(at.page.locator(".writes")).to_contain_text(at.widget._breakdown["projected"]["message"])


def test_a_long_text_shows_its_strongest_keys_and_the_rest_as_one(mount: Callable[..., Mounted]) -> None:
    at = mount("The cat sat on the mat. " * 40, queries=[150])
    b = at.widget.trace.breakdown(*HEAD, 150)
    told = at.widget._breakdown
    shown = values(at, "weight")
    torch.testing.assert_close(shown, b.weights[told["rows"]], rtol=1e-5, atol=1e-6)
    assert shown.tolist() == sorted(shown.tolist(), reverse=True)
    expect(at.page.locator(".keys .position")).to_have_text([str(one) for one in told["rows"]])
    expect(row(at, "rest")).to_contain_text(f"and {told['rest']['count']} more keys")
    at.widget.what_if = {"temperature": 3}
    at.wait()
    now = at.widget._breakdown["changed"]["rest"]["weight"]
    expect(row(at, "rest")).to_contain_text(f"together {told['rest']['weight']:.3f} → {now:.3f}")
    at.widget.what_if = {}
    at.wait()
    expect(row(at, "masked")).to_contain_text(f"{told['masked']} more keys hidden by the mask")
    expect(row(at, "output").locator("[data-value='sum']")).to_have_text("Σ = 1")


def test_while_the_model_is_asked_the_rest_stands(mount: Callable[..., Mounted]) -> None:
    at = mount()
    told = dict(at.widget._breakdown)
    kept = {"headNorms", "contribution", "output", "attentionOutput"}
    told["arrays"] = {name: one for name, one in told["arrays"].items() if name not in kept}
    told["projected"] = {**told["projected"], "state": "running", "done": 3, "total": 12, "maxDifference": None}
    at.widget._breakdown = told
    at.wait()
    step(at, 7)
    expect(at.root.get_by_text("asking the model for its own output · 3 of 12")).to_have_count(1)
    expect(at.page.locator(".writes")).to_have_attribute("data-projected", "running")
    missing = {**told["projected"], "state": "missing", "message": "W_O is not known: because."}
    at.widget._breakdown = {**told, "projected": missing}
    at.wait()
    expect(at.root.get_by_text("W_O is not known: because.")).to_have_count(1)


def test_a_saved_page_shows_its_steps_without_a_kernel(mount: Callable[..., Mounted]) -> None:
    at = mount(alive=False)
    torch.testing.assert_close(values(at, "weight"), expected(at).weights, rtol=1e-5, atol=1e-6)
    at.page.get_by_label("Head", exact=True).select_option("L0-H3")
    expect(at.root).to_have_attribute("data-state", "loading")
    at.wait_while_silent()
    torch.testing.assert_close(values(at, "weight"), expected(at).weights, rtol=1e-5, atol=1e-6)


def test_the_last_picture_stays_until_the_next_is_here(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.held = True
    at.page.get_by_label("Head", exact=True).select_option("L0-H3")
    expect(at.root).to_have_attribute("data-state", "loading")
    torch.testing.assert_close(values(at, "weight"), expected(at).weights, rtol=1e-5, atol=1e-6)
    at.held = False
    at.wait()
    wanted = at.widget.trace.breakdown(0, 3, QUERY).weights
    torch.testing.assert_close(values(at, "weight"), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("width", [1100, 700, 480])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_and_draws_in_both_themes(
    mount: Callable[..., Mounted],
    page: Page,
    width: int,
    dark: bool,  # noqa: FBT001
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    at = mount()
    theme = "dark" if dark else "light"
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    expect(at.root).to_have_attribute("data-theme", theme)
    for number in range(1, 8):
        step(at, number)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        drawn = at.page.evaluate(
            """() => {
              const root = document.querySelector("#here > div").shadowRoot;
              const ink = (canvas) => canvas.getContext("2d")
                .getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
              return [...root.querySelectorAll(".keys canvas, .detail canvas")].some(ink);
            }"""
        )
        assert drawn or (width < 760 and number == 5)  # where it is all numbers and bars
    expect(at.root).to_have_attribute("data-state", "ready")


def test_what_is_awaited_is_said_and_what_stands_is_dimmed(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.wait_for_more()
    line = at.page.locator(".awaited")
    table = at.page.locator(".steps")
    at.page.get_by_role("button", name="What if…").click()
    at.wait()
    before = table.bounding_box()
    at.held = True
    at.page.get_by_label("Head", exact=True).select_option("L0-H3")
    expect(line).to_contain_text(f"still showing L2-H6, {at.widget.tokens[QUERY]} · computing L0-H3")
    expect(at.page.locator(".late").filter(has=table)).not_to_have_css("opacity", "1")
    expect(at.page.locator(".whatif")).to_contain_text("not computed yet")
    assert table.bounding_box() == before
    at.held = False
    at.wait()
    expect(line).to_have_count(0)
    expect(at.page.locator(".late")).to_have_count(0)


def test_without_a_kernel_nothing_poses_as_computed(mount: Callable[..., Mounted]) -> None:
    at = mount(alive=False)
    at.page.get_by_label("Head", exact=True).select_option("L0-H3")
    at.wait_while_silent()
    expect(at.page.locator(".awaited")).to_contain_text("still showing L2-H6")
    expect(at.page.locator(".awaited")).to_contain_text("needs a kernel: L0-H3")


def test_escape_unpins_keys_and_keeps_the_query_and_the_changes(mount: Callable[..., Mounted]) -> None:
    at = mount(keys=[2], what_if={"scores": {"3": 5}})
    at.page.locator(".chips [data-step='2']").focus()
    at.page.keyboard.press("Escape")
    at.wait()
    assert at.widget.keys == []
    assert at.widget.queries == [QUERY]
    assert at.widget.what_if == {"scores": {"3": 5}}


def test_the_bars_of_many_heads_stand_side_by_side(mount: Callable[..., Mounted]) -> None:
    model = tiny.gpt2(n_head=32, n_embd=128)
    at = mount(tiny.TEXT, model=model, tokenizer=tiny.tokenizer(), heads=[(0, 1)], queries=[5])
    pillars = at.page.locator("[data-writes] .pillar")
    expect(pillars).to_have_count(32)
    bars = [bar.bounding_box() for bar in pillars.all()]
    for one, other in pairwise(bars):
        assert one is not None
        assert other is not None
        assert one["x"] + one["width"] <= other["x"]
        assert one["width"] == pytest.approx(other["width"], abs=0.5)


def test_the_row_with_the_keyboard_is_never_covered(mount: Callable[..., Mounted]) -> None:
    at = mount("The cat sat on the mat. " * 40, queries=[150])
    keys = at.page.keyboard
    row(at, 0).focus()
    covered = """() => {
      const root = document.querySelector("#here > div").shadowRoot;
      const [row, top, bottom] = [root.activeElement, ...root.querySelectorAll(".steps > .top, .steps > .bottom")]
        .map((one) => one.getBoundingClientRect());
      return row.top < top.bottom - 1 || row.bottom > bottom.top + 1;
    }"""
    last = len(at.widget._breakdown["rows"]) - 1
    for key in ["ArrowDown"] * last + ["ArrowUp"] * last:
        keys.press(key)
        assert not at.page.evaluate(covered)


def test_tokens_that_are_met_twice_are_told_apart(mount: Callable[..., Mounted]) -> None:
    at = mount("the fox and the fox", queries=[1])
    tokens = at.widget.tokens
    for number, token in enumerate(tokens):
        position = row(at, number).locator(".position")
        expect(position).to_have_text([str(number)] if tokens.count(token) > 1 else [])


def test_the_row_explained_below_is_tinted(mount: Callable[..., Mounted]) -> None:
    at = mount()
    tint = at.page.locator(".explained")

    def tinted(line: int) -> None:
        at.rest()
        box = row(at, line).bounding_box()
        assert box is not None
        assert (tint.bounding_box() or {}).get("y") == pytest.approx(box["y"], abs=1)

    tinted(int(expected(at).weights.argmax()))
    row(at, 3).hover()
    tinted(3)
    step(at, 7)
    expect(tint).to_have_count(0)


def test_another_step_is_read_in_its_own_column(mount: Callable[..., Mounted]) -> None:
    at = mount()
    row(at, 2).focus()
    at.page.keyboard.press("ArrowDown")
    at.page.keyboard.press("ArrowRight")
    assert said(at).startswith(f"key {at.widget.tokens[3]} · dimension 0")
    at.page.keyboard.press("5")
    assert said(at).startswith(f"weight of {at.widget.tokens[3]}")


def test_formula_and_heads_are_one_tab_stop_each(mount: Callable[..., Mounted]) -> None:
    at = mount()
    keys = at.page.keyboard
    for number in range(1, 8):
        step(at, number)
        expect(at.page.locator(".formula button[tabindex='0']")).to_have_count(1)
    expect(at.page.locator(".head-bars button[tabindex='0']")).to_have_attribute("data-writes", "L2-H6")
    at.page.locator("[data-writes=L2-H6]").focus()
    keys.press("ArrowRight")
    expect(at.page.locator("[data-writes=L2-H7]")).to_be_focused()
    expect(at.page.locator(".breakdown")).to_have_attribute("data-step-shown", "7")
    at.page.locator(".left > .fold").focus()
    keys.press("Tab")
    expect(at.page.get_by_text("where is this?")).to_be_focused()
    keys.press("Tab")
    expect(at.page.locator(".formula [data-part='7']")).to_be_focused()
    keys.press("ArrowLeft")
    expect(at.page.locator(".formula [data-part='6']")).to_be_focused()


def test_cells_tell_their_column(mount: Callable[..., Mounted]) -> None:
    at = mount()
    for cell in row(at, 2).locator("[data-value]:not(.unseen)").all():
        head = at.page.locator(f".heads-row [data-column='{cell.get_attribute('data-value')}']")
        assert cell.get_attribute("aria-colindex") == head.get_attribute("aria-colindex")
    expect(at.page.locator(".steps canvas:not([aria-hidden=true])")).to_have_count(0)


def test_queries_are_added_and_taken_out(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.get_by_role("button", name="add a query").click()
    another = at.page.get_by_role("combobox", name="Another query")
    expect(another).to_be_focused()
    choose(another, "3")
    at.wait()
    assert at.widget.queries == [QUERY, 3]
    expect(at.page.locator(".combine")).to_contain_text("take their")
    at.page.get_by_role("button", name=f"take out {at.widget.tokens[QUERY]}").click()
    at.wait()
    assert at.widget.queries == [3]
    expect(at.page.get_by_role("combobox", name="Query", exact=True)).to_have_value(f"{at.widget.tokens[3]} · 3")


def test_the_texts_are_true_of_several_queries(mount: Callable[..., Mounted]) -> None:
    at = mount(queries=[QUERY, 3])
    text = at.page.locator(".explanation")
    count = len(at.widget.tokens)
    step(at, 4)
    expect(text).to_contain_text(f"{count - QUERY - 1} keys of {count} are hidden from all of")
    at.page.locator(".levels").get_by_role("button", name="formula").click()
    step(at, 5)
    expect(text).to_contain_text("1/2 · Σ over queries")
    at.page.locator(".combine").get_by_role("button", name="sum").click()
    at.wait()
    expect(text).to_have_text("Softmax. Σ over queries of softmax(s)")


def test_the_texts_are_true_of_the_model(mount: Callable[..., Mounted]) -> None:
    q, k, v = torch.randn(3, 1, 4, 4, 8).unbind(0)
    at = mount(AttentionTrace.from_qkv(q, k, v, ["a", "b", "c", "d"]), heads=[(0, 1)], queries=[2])
    at.page.locator(".levels").get_by_role("button", name="paragraph").click()
    step(at, 7)
    expect(at.page.locator(".explanation")).to_contain_text("cannot be said here")
    expect(at.page.locator(".explanation")).not_to_contain_text("compared with")


def test_shared_keys_are_told_by_their_heads(mount: Callable[..., Mounted]) -> None:
    at = mount(tiny.TEXT, model=tiny.llama(), tokenizer=tiny.tokenizer(), heads=[(0, 0)], queries=[5])
    step(at, 1)
    expect(at.page.locator(".explanation")).to_contain_text("Heads 0 and 1 use the same keys and values")


def test_a_temperature_is_in_the_formula(mount: Callable[..., Mounted]) -> None:
    at = mount()
    expect(at.page.locator(".breakdown > .formula")).not_to_contain_text("/ T")
    at.widget.what_if = {"temperature": 2}
    at.wait()
    expect(at.page.locator(".breakdown > .formula")).to_contain_text("/ T")


def test_a_sink_above_all_scores_is_said_to_be_the_largest(mount: Callable[..., Mounted]) -> None:
    model = tiny.gpt_oss()
    model.layers[0].self_attn.sinks.data.fill_(6.0)
    at = mount(tiny.TEXT, model=model, tokenizer=tiny.tokenizer(), heads=[(0, 1)], queries=[5])
    at.page.locator(".levels").get_by_role("button", name="paragraph").click()
    step(at, 5)
    expect(at.page.locator(".explanation")).to_contain_text("The sink's score, larger than that of any key, 6.000")


def t5() -> hf.PreTrainedModel:
    sizes = {"num_layers": 2, "num_heads": 4, "d_model": 32, "d_kv": 8, "d_ff": 64, "decoder_start_token_id": 0}
    return tiny.build(hf.T5Config(**tiny.IDS, **sizes), hf.T5ForConditionalGeneration)


def test_queries_of_another_text_are_told_as_such(mount: Callable[..., Mounted]) -> None:
    options = {"model": t5(), "tokenizer": tiny.tokenizer(marks=True), "text_target": "le chat noir"}
    at = mount("The cat", **options, heads=[(0, 1)], queries=[2], attention="cross")
    step(at, 1)
    expect(at.page.locator(".explanation")).to_contain_text("every token of the target has a query")


# -- where this is in the model -------------------------------------------------------------------------------------


def test_the_map_has_the_layer_and_the_step_lit(mount: Callable[..., Mounted]) -> None:
    at = mount()
    where = at.page.get_by_role("region", name="where this is in the model")
    expect(where.get_by_role("listitem").first).to_have_text("tokens")
    lit = where.locator("[aria-current=location]")
    expect(lit).to_have_text("norm ▸ attention")
    expect(where).to_contain_text("layer 2 of 0–3")
    for number, look in ((1, "takes-in"), (2, ""), (6, ""), (7, "gives-out")):
        step(at, number)
        expect(lit).to_have_class(f"adds lit {look}")
    at.widget.heads = [(1, 3)]
    at.wait()
    expect(where).to_contain_text("layer 1 of 0–3")


def test_the_map_is_told_as_deep_as_the_steps_are(mount: Callable[..., Mounted]) -> None:
    at = mount()
    found = at.widget.trace.pipeline(2)
    where = at.page.get_by_role("region", name="where this is in the model")
    where.get_by_text("where is this?").click()
    expect(where.locator("p")).to_have_text(found.sentence)
    for level in ("paragraph", "formula"):
        at.page.get_by_role("button", name=level, exact=True).click()
        expect(where.locator("p")).to_have_text(getattr(found, level))


def test_in_cross_attention_the_map_has_three_parts(mount: Callable[..., Mounted]) -> None:
    at = mount("le chat noir dort", model="demo/fr-en", attention="cross", heads=[(1, 0)], queries=[1])
    where = at.page.get_by_role("region", name="where this is in the model")
    expect(where.locator(".adds")).to_have_text(["attention", "cross-attention", "MLP"])
    expect(where.locator("[aria-current=location]")).to_have_text("cross-attention")


def test_without_a_model_the_map_says_less(mount: Callable[..., Mounted]) -> None:
    q = torch.randn(2, 2, 4, 8, generator=torch.Generator().manual_seed(0))
    at = mount(AttentionTrace.from_qkv(q, q, q, list("abcd")), heads=[(1, 0)], queries=[2])
    where = at.page.get_by_role("region", name="where this is in the model")
    expect(where.locator("li span")).to_have_text(["tokens", "…", "attention", "…", "…", "vectors"])
    where.get_by_text("where is this?").click()
    expect(where.locator("p")).to_contain_text("What stands around it is not known here.")
