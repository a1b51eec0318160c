"""Another number of each pair: its menu, and all that follows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

import attnwidget as aw
from attnwidget import AttentionTrace, AttentionWidget
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator, Page

TEXT = "The animal didn't cross the road because it was too tired"
IT = 8


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(source: Any = TEXT, **options: Any) -> Mounted:
        one = Mounted(page, AttentionWidget(source, **options))
        one.wait()
        return one

    return mounted


def menu(at: Mounted) -> Locator:
    return at.page.get_by_label("Measure")


def status(at: Mounted) -> str:
    at.rest()
    return " ".join((at.page.locator("[role=status]").text_content() or "").split())


def read(at: Mounted, query: int) -> str:
    at.page.locator(f"[data-side=query][data-index='{query}']").hover()
    return status(at)


def test_scores_are_drawn_read_and_explained_as_scores(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    at.page.wait_for_function("() => Object.keys(model.get('_pictures') ?? {}).length > 0")
    menu(at).select_option("scores")
    at.wait()
    assert at.widget.measure == "scores"
    scores = at.widget.trace.scores(2, 6)[IT]
    said = read(at, IT)
    assert f"{scores.max():#.4g}" in said
    assert "even spread" not in said  # scores have none
    expect(at.page.locator(".legend")).to_contain_text("red above, blue below")
    expect(at.page.locator(".controls")).to_contain_text("|score| ≥")
    limit = at.widget.trace.scores(2, 6)[at.widget.trace.allowed(2, 6)].abs().max()
    expect(at.page.locator(".wedge")).to_have_attribute("aria-label", f"score −{limit:.2f} to {limit:.2f}")
    at.page.wait_for_function("() => model.get('_pictures').measure === 'scores'")
    off_diagonal = at.widget.trace.scores(2, 6)[1:].masked_fill(torch.eye(12, dtype=torch.bool)[1:], -torch.inf)
    expect(at.page.locator(".strongest .value").first).to_have_text(f"{off_diagonal.max():#.4g}")


def test_norms_come_when_the_model_has_run_once_more(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"], queries=[IT])
    at.widget.measure = "norms"
    at.wait()
    norms = at.widget.trace.measure("norms", 2, 6)[IT]
    assert f"{norms.max():#.4g}" in status(at)
    expect(at.page.locator(".legend")).to_contain_text("larger norm")
    menu(at).select_option("weights")
    at.wait()
    assert f"{at.widget.trace.weights(2, 6)[IT].max():.4f}" in status(at)


def test_a_measure_that_cannot_be_had_says_why(mount: Callable[..., Mounted]) -> None:
    given = AttentionTrace.from_attentions([torch.tensor([[[1.0, 0.0], [0.3, 0.7]]])], ["a", "b"])
    at = mount(given)
    for name in ("scores", "norms"):
        option = menu(at).locator(f"option[value={name}]")
        expect(option).to_be_disabled()
        expect(option).to_have_attribute("title", re.compile("made from attention weights"))


@pytest.fixture
def distance() -> Iterator[None]:
    @aw.measures.register
    class Distance(aw.measures.Measure):
        name, label, domain = "distance", "distance", "positive"
        sentence = "Weight times how far back the key stands."

        def tile(self, region: aw.measures.Region) -> torch.Tensor:
            return region.weights() * (region.queries[:, None] - region.keys[None, :]).abs()

    yield
    aw.measures._REGISTRY._own.pop("distance")


@pytest.mark.usefixtures("distance")
def test_a_users_own_measure_is_in_the_menu(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    menu(at).select_option("distance")
    at.wait()
    expected = at.widget.trace.measure("distance", 2, 6)[IT].max()
    assert f"{expected:#.4g}" in read(at, IT)
    expect(menu(at)).to_have_attribute("title", "Weight times how far back the key stands.")
    at.widget.close()  # a later test that saves all widgets there are would not know the measure


def test_what_raises_a_logit_and_what_lowers_it(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"], measure="contribution", queries=[IT])
    trace = at.widget.trace
    pairs = trace.measure("contribution", 2, 6)
    page, known = at.page, pairs[IT, : IT + 1]
    most = known[known.abs().argmax()]
    sign = "+" if most > 0 else "−"
    assert f"{sign}{most.abs():#.4g}" in status(at)
    assert f"the strongest of {IT + 1}" in status(at)
    limit = pairs[trace.allowed(2, 6)].abs().max()
    ends = f"lowers −{limit:.2f} to +{limit:.2f} raises"
    expect(page.locator(".wedge")).to_have_attribute("aria-label", f"logit contribution {ends}")
    expect(page.locator(".controls")).to_contain_text("|logit contribution| ≥")
    expect(page.locator(".ranked .value").first).to_be_visible()
    ranked = page.locator(".ranked .value").all_text_contents()
    expected = trace.rank(IT, measure="contribution").values[: len(ranked)].tolist()
    assert [one.replace("−", "-") for one in ranked] == [f"{value:+#.4g}" for value in expected]
    for view in ("matrix", "text", "heads"):
        at.widget.view = view
        at.wait()
        expect(page.locator(f"[data-view={view}]")).to_contain_text("raises")
        expect(page.locator(f"[data-view={view}]")).to_contain_text("lowers")
    at.widget.view = "lines"
    at.wait()
    at.widget.target = "loss"  # of none: the same
    at.widget.target = [" animal", " road"]
    at.wait()
    trace.target = (" animal", " road")
    now = trace.measure("contribution", 2, 6)[IT, : IT + 1]
    expect(page.locator("[role=status]")).to_contain_text(f"{now[now.abs().argmax()].abs():#.4g}")


def test_a_number_of_a_layer_is_said_to_be_one(mount: Callable[..., Mounted]) -> None:
    """Drawn, read and ranked once a layer, whichever of its heads are shown, with its sentence in sight."""
    at = mount(heads=["L2-H6", "L3-H1", "L3-H2"])
    expect(at.page.locator(".measure-meaning")).to_have_count(0)
    expect(menu(at).locator("optgroup")).to_have_count(3)
    menu(at).select_option("value_zeroing")
    at.wait()
    expect(at.page.locator(".measure-meaning")).to_contain_text("if this key's value is zero in all heads of the layer")
    expect(at.page.locator(".head-names > span")).to_have_text(["all heads of L2", "all heads of L3"])
    said = read(at, IT)
    assert said.startswith("all heads of L")
    assert "the largest of 2 layers" in said
    at.widget.queries, at.widget.keys = [IT], [1]
    at.wait()
    expect(at.page.locator(".ranked b")).to_have_count(4)
    listed = at.page.locator(".ranked b").all_text_contents()
    assert sorted(listed) == [f"L{layer}" for layer in range(4)]
    expect(at.page.locator(".ranking")).to_contain_text("all layers by this pair · all heads of a layer together")
    expect(at.page.locator("[data-head=L2-H0]")).to_have_attribute("title", re.compile("all heads of L2: "))


def test_a_measure_that_a_text_is_too_long_for_is_not_offered(page: Page) -> None:
    at = Mounted(page, AttentionWidget("the cat and the dog " * 12, heads=["L2-H6"], measure="weights"))
    at.wait()
    option = menu(at).locator("option", has_text="flow")
    expect(option).to_be_disabled()
    expect(option).to_have_attribute("title", "flow is for at most 48 tokens, and this text has 61")
