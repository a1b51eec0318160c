"""A saved widget without a kernel: what a reader can do with it, and what a damaged one says."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from ipywidgets.widgets.widget import _remove_buffers
from playwright.sync_api import BrowserContext, Page, expect

import tiny
from attnwidget import AttentionWidget
from browser.fake_comm import BUNDLE, FakeComm, Mounted, _packed

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = "The animal didn't cross the road because it was too tired"
IT, ANIMAL = 8, 1


@pytest.fixture(scope="module")
def widget() -> AttentionWidget:
    widget = AttentionWidget(TEXT, probe=False, heads=["L2-H6"])
    widget._session.complete()
    return widget


def cut_the_line(page: Page) -> None:
    """Let the host say at once that there is no kernel: else six seconds pass before one counts as silent."""
    page.evaluate("""() => {
        model.send = () => { throw new Error("no kernel"); };
        dispatchEvent(new Event("online"));
    }""")


def test_all_that_needs_no_new_pass(page: Page, widget: AttentionWidget) -> None:
    Mounted(page, widget, alive=False)
    silent, status = page.locator(".silent"), page.locator("[role=status]")
    trace = widget.trace

    # what is there
    page.locator(".picker [data-head=L0-H3]").click()
    page.locator(f"[data-side=query][data-index='{IT}']").hover()
    expect(status).to_contain_text(re.compile(rf"L0-H3 it → .* {trace.weights(0, 3)[IT].max():.4f}"))
    page.locator(f"[data-side=query][data-index='{IT}']").click()
    page.locator(f"[data-side=key][data-index='{ANIMAL}']").click()
    ranking = page.locator(".ranking")
    expect(ranking).to_contain_text("all heads by this pair")
    expect(ranking).to_contain_text(f"{trace.weights(2, 6)[IT, ANIMAL]:.4f}")
    page.keyboard.press("Escape")
    page.locator("[data-category='Previous-Token']").click()
    page.locator("[data-listed-head=L1-H2]").click()
    expect(page.locator(".picker [data-head=L1-H2]")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("whole words").click()
    row = page.locator("[data-side=query] .label")
    expect(row.nth(2)).to_have_text("didn't")
    page.locator("[data-side=query][data-index='3']").hover()
    merged = page.evaluate("() => model.get('words')")
    assert merged is True
    expect(status).to_contain_text("cross → didn't")
    page.get_by_label("whole words").click()
    expect(row.nth(2)).to_have_text("didn")
    for view in ("Matrix", "Text", "Heads", "Lines"):
        page.get_by_role("tab", name=view).click()
        expect(page.locator(".picture canvas, .picture .passage").first).to_be_visible()
    page.get_by_role("button", name="Find").click()
    page.keyboard.type("road")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")

    # what is not
    cut_the_line(page)
    expect(silent).to_contain_text(
        "No kernel has answered: this is a saved picture, or the kernel is busy.", timeout=15_000
    )
    expect(silent).not_to_contain_text("It is needed")
    page.get_by_label("Measure").select_option("scores")
    expect(silent).to_contain_text("It is needed to compute the measure “score”.")
    page.get_by_label("Measure").select_option("weights")
    page.get_by_role("tab", name="Breakdown").click()
    expect(silent).to_contain_text("It is needed to compute these steps.")


def test_words_are_merged_as_in_the_kernel(page: Page, widget: AttentionWidget) -> None:
    Mounted(page, widget, alive=False)
    page.get_by_label("whole words").click()
    expect(page.locator("[data-side=query] .label").nth(2)).to_have_text("didn't")
    page.locator("[data-side=query][data-index='2']").hover()
    words = AttentionWidget(widget.trace, heads=["L2-H6"], words=True).weights()[0]  # (words, words)
    expect(page.locator("[role=status]")).to_contain_text(f"{words[2].max():.4f}")


def saved(widget: AttentionWidget) -> dict[str, Any]:
    """Return a widget's state as a file holds it."""
    comm, widget.comm = widget.comm, FakeComm()
    state, paths, buffers = _remove_buffers(widget.get_state())
    widget.comm = comm
    packed = _packed({"state": state, "buffer_paths": paths}, [bytes(one) for one in buffers])
    return json.loads(json.dumps(packed, default=str))


def cut(name: str) -> Callable[[dict[str, Any]], None]:
    def damage(one: dict[str, Any]) -> None:
        at = one["buffer_paths"].index([name, "data"])
        one["buffers"][at] = one["buffers"][at][:-8]

    return damage


def change(*path: str, to: Any = None) -> Callable[[dict[str, Any]], None]:
    def damage(one: dict[str, Any]) -> None:
        inner = one["state"]
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = to

    return damage


PART, ALL = "A part of what was saved is damaged", "This picture cannot be drawn. What was saved of it may be damaged"
DAMAGES = [  # `isWhole` itself is tested in js/test/saved.test.ts
    *((cut(name), PART) for name in ("_ahead", "_categories", "_pictures", "_snapshot")),
    (change("_snapshot", "shape", to=[1, 3, 4]), PART),
    (change("_breakdown", to="hello"), PART),
    (change("_outline", to={}), ALL),
    (change("_outline", "queries"), ALL),
    (change("heads"), ALL),
    # right in itself, and wrong beside the rest: no code foresees it
    (change("_outline", "kept", to=[[1]]), None),
    (change("_outline", "matrices", to=[1]), None),
    (change("heads", to=[[77, 3]]), None),
]


def test_a_damaged_state_says_so_and_is_no_blank(context: BrowserContext, widget: AttentionWidget) -> None:
    whole = saved(widget)
    for damage, said in DAMAGES:
        one = copy.deepcopy(whole)
        damage(one)
        pairs = [pair for pair in zip(one["buffer_paths"], one["buffers"], strict=True) if reaches(one, pair[0])]
        one["buffer_paths"], one["buffers"] = [path for path, _ in pairs], [data for _, data in pairs]
        page = context.new_page()
        at = Mounted.__new__(Mounted)
        at.page, at.widget, at.alive, at.held, at.cut = page, widget, False, False, False
        at.bundle = BUNDLE
        at.inbox, at.outbox, at.asked = [], [], set()
        page.expose_function("toKernel", at.receive)
        page.expose_function("fromKernel", at.deliver)
        at.open(one)
        cut_the_line(page)
        if said:
            expect(at.root).to_have_attribute("data-state", "error")
            expect(page.get_by_role("alert").first).to_contain_text(said)
        if said == PART:
            expect(at.root.locator(".stage canvas").first).to_be_visible()
        else:
            expect(at.root.locator(".skeleton progress")).not_to_be_visible()
        expect(at.root).to_have_text(re.compile(r"\S"))
        page.close()


def reaches(one: dict[str, Any], path: list[str]) -> bool:
    inner = one["state"]
    for name in path[:-1]:
        inner = inner.get(name) if isinstance(inner, dict) else None
    return isinstance(inner, dict)


def test_a_long_text_says_what_was_not_saved(page: Page) -> None:
    widget = AttentionWidget("a" * 600, model=tiny.gpt2(n_positions=600), tokenizer=tiny.tokenizer(), probe=False)
    Mounted(page, widget, alive=False)
    cut_the_line(page)
    expect(page.locator(".silent")).to_contain_text("It is needed to")
    expect(page.locator(".skeleton progress")).not_to_be_visible()
