"""The map of heads: where each stands, what the grid of distances tells, and what is said without scikit-learn."""

from __future__ import annotations

import builtins
import math
import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

from attnwidget import AttentionWidget, categorize, head_distances
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

TEXT = "The animal didn't cross the road because it was too tired"


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(source: Any = TEXT, **options: Any) -> Mounted:
        one = Mounted(page, AttentionWidget(source, **{"view": "heads", "probe": False} | options))
        one.wait()
        page.locator(".options").get_by_role("button", name="map", exact=True).click()
        one.wait()
        return one

    return mounted


def head(at: Mounted, name: str) -> Locator:
    return at.page.locator(f".heads-view [data-head={name}]")


def place(at: Mounted, name: str) -> tuple[float, float]:
    at.rest()
    box = head(at, name).bounding_box()
    assert box
    return box["x"], box["y"]


def status(at: Mounted) -> str:
    at.rest()
    return " ".join((at.page.locator("[role=status]").text_content() or "").split())


@pytest.mark.parametrize("width", [480, 848, 1280])
def test_heads_stand_where_python_puts_them(mount: Callable[..., Mounted], page: Page, width: int) -> None:
    pytest.importorskip("sklearn")
    page.set_viewport_size({"width": width, "height": 700})
    at = mount()
    expect(at.page.locator(".heads-view")).to_have_attribute("data-order", "map")
    drawn = head_distances(at.widget.trace).map()
    at.rest()
    places = [head(at, name).bounding_box() or {} for name in drawn.heads]
    seen = torch.tensor([(box["x"], box["y"]) for box in places])
    seen, wanted = (one - one.mean(0) for one in (seen, drawn.places))
    scale = (seen * wanted).sum() / wanted.square().sum()
    off = (seen - scale * wanted).abs().amax(1)  # px
    assert (off < 4).sum() > 20  # the same picture, rounded; but for those that would hide another
    apart = torch.cdist(seen, seen, p=math.inf).fill_diagonal_(math.inf)
    assert apart.min() >= 12  # of each something is seen
    wall = at.page.locator(".heads-wall").bounding_box()
    assert wall
    assert all(wall["x"] - 3 <= box["x"] <= wall["x"] + wall["width"] for box in places)
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    expect(at.page.locator("[data-stress]")).to_contain_text(f"(stress {drawn.stress:.2f})")


def test_a_head_tells_how_far_it_is_from_the_one_on_screen(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=[(2, 6)])
    far = head_distances(at.widget.trace)
    head(at, "L3-H6").hover()
    assert f"{far['L3-H6', 'L2-H6']:.2f} from L2-H6" in status(at)
    head(at, "L0-H3").focus()
    assert f"{far['L0-H3', 'L2-H6']:.2f} from L2-H6" in status(at)
    named = re.compile(re.escape(f"{far['L0-H3', 'L2-H6']:.2f} from L2-H6"))
    expect(head(at, "L0-H3")).to_have_attribute("aria-label", named)


def test_the_grid_has_every_pair_in_the_trees_order(mount: Callable[..., Mounted]) -> None:
    at = mount()
    far = head_distances(at.widget.trace)
    order = [far.heads[number] for number in far.order()]
    grid = at.page.locator(".distance-grid")
    box = grid.bounding_box()
    assert box
    edge, step = 7, (box["width"] - 7) / len(order)
    for row, column in ((0, 1), (5, 20), (31, 3)):
        grid.hover(position={"x": edge + (column + 0.5) * step, "y": edge + (row + 0.5) * step})
        said = status(at)
        assert said.startswith(order[row])
        assert f"{far[order[row], order[column]]:.2f} from {order[column]}" in said
    at.page.mouse.move(0, 0)
    assert "from" not in status(at)


def test_whether_the_map_agrees_with_the_colours_is_a_number(mount: Callable[..., Mounted]) -> None:
    at = mount()
    agreed = head_distances(at.widget.trace).agreement(categorize(at.widget.trace))
    said = at.page.locator("[data-same]")
    expect(said).to_have_attribute("data-same", str(agreed.same))
    expect(said).to_contain_text(f"{agreed.same} of {agreed.heads} heads (by chance {agreed.chance:.1f})")


def test_without_scikit_learn_the_view_says_what_to_install(
    mount: Callable[..., Mounted], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("sklearn"):
            raise ModuleNotFoundError(name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    at = mount()
    expect(at.page.locator("[data-stress]")).to_contain_text("pip install 'attnwidget[map]'")
    names = at.page.locator(".heads-view [data-head]").evaluate_all("all => all.map((one) => one.dataset.head)")
    far = head_distances(at.widget.trace)
    assert names == [far.heads[number] for number in far.order()]  # alike ones one after the other
    expect(at.page.locator(".distance-grid")).to_be_visible()


def test_another_text_has_another_map_and_other_orders_are_as_before(mount: Callable[..., Mounted]) -> None:
    pytest.importorskip("sklearn")
    at = mount()
    before = place(at, "L3-H0")
    at.widget.text = "A cat sat on a mat and slept"
    at.wait()
    assert place(at, "L3-H0") != before
    at.page.locator(".options").get_by_role("button", name="layer", exact=True).click()
    at.wait()
    expect(at.page.locator(".distance-grid")).to_have_count(0)
