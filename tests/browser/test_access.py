"""Whoever reads it, by whatever means: screen readers, the keyboard alone, more contrast, less motion, any script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

from attnwidget import AttentionTrace, AttentionWidget
from attnwidget.wire.schema import VIEWS
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
SHORT = "The animal didn't cross the road because it was too tired"
LONG = f"{SHORT} . " * 40
SCRIPTS = "שלום עולם , 注意力 机制 👩\u200d🚀 🇫🇷 e\u0301te\u0301 مرحبا <b>bold</b>"

LOOK = """async () => {
  const widget = { fromShadowDom: ["#here > div", "[data-attnwidget]"] };
  const { violations, passes } = await axe.run({ include: [widget] });
  if (passes.length < 10) throw new Error("axe saw nothing");
  const told = ({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary.slice(0, 240)}`;
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(told).join(" | ")}`);
}"""


def mounted(page: Page, text: str = SHORT, **options: Any) -> Mounted:
    at = Mounted(page, AttentionWidget(text, probe=False, **{"heads": ["L3-H0"]} | options))
    at.wait()
    return at


def show(at: Mounted, **selection: Any) -> None:
    for name, value in selection.items():
        setattr(at.widget, name, value)
    at.page.evaluate("settled()")
    at.wait()


# -- axe --------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["light", "dark"])
def themed(browser: Browser, request: pytest.FixtureRequest) -> Any:
    context = browser.new_context(viewport={"width": 848, "height": 700}, color_scheme=request.param)
    page = context.new_page()
    ground = "document.body.style.background = matchMedia('(prefers-color-scheme: dark)').matches ? '#111' : '#fff'"
    page.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {ground}; }});")
    yield page
    context.close()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core comes with npm ci")
def test_axe_finds_nothing_in_any_view(themed: Page) -> None:
    at = mounted(themed)
    themed.evaluate(AXE.read_text(encoding="utf-8"))
    for view in VIEWS:
        for pinned in ([], [8]):
            show(at, view=view, queries=pinned)
            assert themed.evaluate(LOOK) == [], (view, pinned)
    show(at, text=LONG)
    for view in VIEWS:
        show(at, view=view)
        assert themed.evaluate(LOOK) == [], (view, "long")


@pytest.mark.skipif(not AXE.exists(), reason="axe-core comes with npm ci")
def test_axe_finds_nothing_in_what_opens(themed: Page) -> None:
    at = mounted(themed)
    themed.evaluate(AXE.read_text(encoding="utf-8"))

    def look(what: str) -> None:
        at.wait()
        assert themed.evaluate(LOOK) == [], what

    themed.get_by_role("button", name="Save").click()
    expect(themed.get_by_role("menu")).to_be_visible()
    look("menu")
    themed.keyboard.press("Escape")
    themed.get_by_role("button", name="Find").click()
    look("find")
    themed.get_by_role("button", name="Mask", exact=True).click()
    show(at, mask="causal+padding-left:2", mask_mode="model")
    look("mask")
    show(at, mask=None, mask_mode="head")
    themed.get_by_role("button", name="close the mask editor").click()
    themed.get_by_role("button", name="what comes next?").click()
    themed.locator("[data-category='Previous-Token']").first.click()
    look("category")
    show(at, heads=["L0-H1", "L1-H2", "L2-H3", "L3-H0", "L3-H1", "L3-H2"], queries=[8], keys=[1], words=True)
    look("many heads")
    show(at, view="breakdown", heads=["L3-H0"], what_if={"temperature": 2, "masked": [0]})
    look("what if")
    themed.set_viewport_size({"width": 480, "height": 900})
    at.wait()
    for fold in themed.locator(".fold").all():
        fold.click()
    look("folded panels, open")
    at.widget._session.fail(ValueError("something went wrong"))
    at.wait("error")
    assert themed.evaluate(LOOK) == [], "alert"


# -- the keyboard -----------------------------------------------------------------------------------------------------

WALK = """() => {
  const root = document.querySelector("#here > div").shadowRoot;
  const at = root.activeElement;
  if (!at) return null;
  const marked = (one) => {
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(one);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 1.5 && !/, 0\\)$/.test(outlineColor);
  };
  const { width, height } = at.getBoundingClientRect();
  const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent ?? "";
  const all = (window.walked ??= new Set());
  const again = all.has(at);
  all.add(at);
  return { html: at.outerHTML.slice(0, 120), again, named: name.trim() !== "" || at.title !== "",
    marked: [at, at.parentElement, ...at.querySelectorAll("*")].some(marked), seen: width > 0 && height > 0 };
}"""


@pytest.mark.parametrize(("view", "text"), [*((view, SHORT) for view in VIEWS), ("lines", LONG), ("text", LONG)])
def test_the_tab_key_goes_through_all_of_it_with_a_visible_focus(page: Page, view: str, text: str) -> None:
    mounted(page, text, view=view, queries=[8]).wait_for_more()  # what comes later may have stops of its own
    page.evaluate("document.body.tabIndex = 0; document.body.focus()")
    stops = []
    for _ in range(120):
        page.keyboard.press("Tab")
        one = page.evaluate(WALK)
        if one is None:
            break
        stops.append(one)
    else:
        pytest.fail(f"the focus never leaves: {stops[-3:]}")
    assert len(stops) > 10
    assert [one for one in stops if not (one["marked"] and one["seen"] and one["named"]) or one["again"]] == []


# -- contrast and motion ----------------------------------------------------------------------------------------------

COLOURS = """() => {
  const widget = document.querySelector("#here > div").shadowRoot.querySelector("[data-attnwidget]");
  const probe = widget.appendChild(document.createElement("i"));
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  const rgb = (name) => {
    probe.style.color = `var(${name})`;
    pen.fillStyle = getComputedStyle(probe).color;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const names = ["--text", "--quiet", "--faint", "--bad", "--ground", "--panel", "--on", "--bad-ground", "--accent"];
  const found = Object.fromEntries(names.map((name) => [name, rgb(name)]));
  probe.remove();
  return found;
}"""


def contrast(one: list[int], other: list[int]) -> float:
    """WCAG 2.2, relative luminance."""

    def light(colour: list[int]) -> float:
        parts = [c / 255 for c in colour]
        lit = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * lit[0] + 0.7152 * lit[1] + 0.0722 * lit[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_stands_out_from_every_ground(themed: Page) -> None:
    mounted(themed)
    of = themed.evaluate(COLOURS)
    pairs = [(ink, on) for ink in ("--text", "--quiet", "--faint") for on in ("--ground", "--panel")]
    pairs += [("--text", "--on"), ("--bad", "--bad-ground"), ("--bad", "--panel")]
    low = {(ink, on): contrast(of[ink], of[on]) for ink, on in pairs if contrast(of[ink], of[on]) < 4.5}
    assert low == {}
    assert contrast(of["--accent"], of["--ground"]) >= 3  # the outline of what has the focus


MOVING = """() => {
  const root = document.querySelector("#here > div").shadowRoot;
  return [...root.querySelectorAll("*")].filter((one) => {
    const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(one);
    return transitionDuration.split(", ").some((time) => parseFloat(time) > 0) || animationName !== "none"
      || scrollBehavior === "smooth";
  }).map((one) => one.outerHTML.slice(0, 100));
}"""


def test_nothing_moves_for_who_wants_less_motion(browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce")
    at = mounted(context.new_page(), LONG)
    for view in VIEWS:
        show(at, view=view)
        assert at.page.evaluate(MOVING) == []
    context.close()


# -- what is read aloud, and in any script ----------------------------------------------------------------------------


def test_the_numbers_in_focus_are_a_table(page: Page) -> None:
    at = mounted(page, queries=[8])
    table = page.get_by_role("table", name="numbers of what is in focus")
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(12)
    weights = at.widget.trace.weights(3, 0)[8].tolist()
    for row, weight, token in zip(rows.all(), weights, at.widget.tokens, strict=True):
        cells = row.locator("td").all_inner_texts()
        assert cells[3] == token
        assert float(cells[5]) == pytest.approx(weight, rel=1e-3) if weight else cells[6] == "hidden by the mask"
    page.locator("[data-side=key][data-index='1']").focus()
    expect(rows).to_have_count(1)  # the pair


def test_of_a_long_text_the_table_has_the_largest_numbers(page: Page) -> None:
    at = mounted(page, LONG, queries=[500])
    table = page.get_by_role("table", name="numbers of what is in focus")
    expect(table.locator("tbody tr")).to_have_count(200)
    first = table.locator("tbody tr").first.locator("td").all_inner_texts()
    weights = at.widget.trace.weights(3, 0)[500]
    assert int(first[2]) == int(weights.argmax())
    assert float(first[5]) == pytest.approx(float(weights.max()), rel=1e-3)


def test_every_script_is_whole_and_keeps_to_itself(page: Page) -> None:
    words = SCRIPTS.split()
    q = torch.randn(1, 2, len(words), 4, generator=torch.Generator().manual_seed(0))
    trace = AttentionTrace.from_qkv(q, q, q, words)
    at = Mounted(page, AttentionWidget(trace, queries=[len(words) - 2]))
    at.wait()
    assert [one.locator("bdi").first.inner_text() for one in page.locator("[data-side=query]").all()] == words
    arrows = page.locator(".found")
    expect(arrows.first).to_be_visible()
    assert {text.split()[0] for text in arrows.all_inner_texts()} == {"→"}
    for arrow in arrows.all():  # before the token, whichever way that is read
        label = arrow.locator("bdi").bounding_box()
        assert label["x"] > arrow.bounding_box()["x"] + 4
    for view in VIEWS:
        show(at, view=view)
        expect(page.locator("[data-attnwidget] b", has_text="bold")).to_have_count(0)
