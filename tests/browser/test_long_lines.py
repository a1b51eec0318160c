"""Lines of a text that is longer than its stage: what is on either side, which lines, and what is said of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

import tiny
from attnwidget import AttentionTrace, AttentionWidget, capture
from browser.fake_comm import Mounted
from browser.test_drawing import head, ink, mount, status, token
from zoo import ZOO

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

__all__ = ["mount"]

Mount = "Callable[..., Mounted]"


def planted(n: int, query: int, key: int, measure: float = 0.6) -> AttentionTrace:
    """A causal head that spreads evenly, but for one query, which gives a far key so much."""
    d = 16
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, 2, n, d) * 0.3
    q[:, :, query], k[:, :, key] = 0, 0
    others = torch.logsumexp(q[0, 0, query] @ k[0, 0, : query + 1].T * d**-0.5, 0)
    score = torch.logit(torch.tensor(measure)) + others
    q[:, :, query, 0], k[:, :, key, 0] = 4, score / (4 * d**-0.5)
    return AttentionTrace.from_qkv(q, k, v, [f"w{at}" for at in range(n)], mask="causal")


def legend(at: Mounted) -> Locator:
    return at.page.locator(".legend")


def gaps(at: Mounted, side: str = "key") -> list[str]:
    at.rest()
    return at.page.locator(f".{side} .gap").all_text_contents()


DRAWN = """(box) => {
  const { top, bottom } = box.getBoundingClientRect();
  return [...box.querySelectorAll(".token, .gap")].some((one) => {
    const own = one.getBoundingClientRect();
    return own.top >= top - 2 && own.bottom <= bottom + 2;
  });
}"""


def scroll(at: Mounted, side: str, top: float) -> None:
    """Scroll a side, and wait until the rows that come into sight are drawn."""
    box = at.page.locator(f".scroll.{side}")
    box.evaluate("(box, top) => { box.scrollTop = top; }", top)
    at.page.wait_for_function(DRAWN, arg=box.element_handle())
    at.wait()


def in_sight(at: Mounted, side: str) -> list[int]:
    """The units of a side that are on the stage."""
    at.rest()
    return at.page.locator(f".scroll.{side}").evaluate("""(box) => {
      const { top, bottom } = box.getBoundingClientRect();
      return [...box.querySelectorAll(".token")].filter((one) => {
        const own = one.getBoundingClientRect();
        return own.top >= top - 2 && own.bottom <= bottom + 2;
      }).map((one) => +one.dataset.index);
    }""")


# -- a far key and its query ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [16, 300, 512, 4096, 32_768])
def test_a_far_key_is_on_screen_with_its_query(page: Page, n: int) -> None:
    query, key = n - 6, n // 8
    trace = planted(n, query, key)
    at = Mounted(page, AttentionWidget(trace, heads=["L0-H0"]))
    at.wait()
    before = at.comm.sent_bytes
    scroll(at, "query", 18 * n)
    expect(token(at, "query", query)).to_be_in_viewport()
    token(at, "query", query).click()
    at.wait()
    expect(token(at, "query", query)).to_be_in_viewport()
    expect(token(at, "key", key)).to_be_in_viewport()
    assert query in in_sight(at, "query")
    assert key in in_sight(at, "key")
    weight = float(trace.weights(0, 0, queries=query, keys=key))
    assert weight == pytest.approx(0.6, abs=0.05)
    expect(token(at, "key", key).locator(".number")).to_have_text(f"{weight:.2f}"[1:])
    assert status(at).startswith(f"L0-H0 w{query} → w{key} {weight:.4f} the largest of {query + 1:,}")
    assert ink(at, 1) > 0
    if n > 512:  # what is pinned is read against all keys: 4 bytes each; its lines are few
        assert at.comm.sent_bytes - before < 60_000 + 3 * 4 * n


def test_what_fits_the_stage_is_drawn_as_ever(mount: Callable[..., Mounted]) -> None:
    at = mount()
    assert gaps(at) == []
    expect(at.page.get_by_label("Threshold")).to_be_visible()
    expect(legend(at)).not_to_contain_text("strongest")
    expect(legend(at)).to_contain_text("larger weight")
    boxes = at.page.locator(".scroll").evaluate_all("all => all.map((box) => box.scrollHeight - box.clientHeight)")
    assert boxes == [0, 0]


@pytest.mark.parametrize("n", [300, 1000])
def test_the_lines_are_the_strongest_of_each_query(mount: Callable[..., Mounted], n: int) -> None:
    """Of a short text they are found in the browser, of a long one by the kernel: the same."""
    trace = planted(n, n - 6, 40)
    at = mount(trace, heads=["L0-H1"])
    scroll(at, "query", 18 * 150)
    first, *_, last = in_sight(at, "query")
    at.page.get_by_label("Lines of each token").select_option("8")
    at.wait()
    rows = trace.weights(0, 1, queries=slice(first, last + 1))
    strongest = rows.topk(8).values.sum() / len(rows)
    expect(legend(at)).to_contain_text(f"the 8 strongest keys of each query: {100 * strongest:.0f} % of the weight")
    keys = {int(key) for key in rows.topk(8).indices.flatten()}
    shown = set()
    boxes = at.page.locator(".scroll.key").evaluate("box => [box.scrollHeight, box.clientHeight]")
    for top in range(0, boxes[0], boxes[1] // 2):
        scroll(at, "key", top)
        shown |= {
            int(one) for one in at.page.locator(".key .token").evaluate_all("all => all.map(t => t.dataset.index)")
        }
    assert keys <= shown


def test_scrolling_recomposes_the_other_side(mount: Callable[..., Mounted]) -> None:
    at = mount("The old man went to the sea again and again . " * 130, heads=["L1-H2"])  # to the token before
    scroll(at, "query", 18 * 900)
    queries, keys = in_sight(at, "query"), in_sight(at, "key")
    assert len({*queries} & {*keys}) > len(queries) // 2
    scroll(at, "query", 18 * 904)
    moved = in_sight(at, "key")
    assert len({*keys} & {*moved}) > len(keys) // 2  # what is still of use is still in its place


# -- gaps -----------------------------------------------------------------------------------------------------------


def test_a_gap_says_how_much_it_is_and_opens(page: Page) -> None:
    n, query, key = 1000, 990, 100
    at = Mounted(page, AttentionWidget(planted(n, query, key), heads=["L0-H0"], queries=[query]))
    at.wait()
    page.get_by_label("Lines of each token").select_option("1")
    at.wait()
    before = key - 2
    after = n - (key + 3)
    assert gaps(at) == [f"… {before} tokens …", f"… {after} tokens …"]
    place = token(at, "key", key).bounding_box()
    page.locator(".key .gap").nth(1).click()
    expect(token(at, "key", key + 8)).to_be_in_viewport()
    assert gaps(at)[1] == f"… {after - 6} tokens …"
    page.locator(".key .gap").first.click()
    expect(token(at, "key", key - 8)).to_be_attached()
    expect(token(at, "query", query)).to_have_attribute("aria-selected", "true")
    assert place


def test_the_keyboard_goes_along_both_sides_and_over_gaps(page: Page) -> None:
    n, query, key = 1000, 990, 100
    at = Mounted(page, AttentionWidget(planted(n, query, key), heads=["L0-H0"], queries=[query]))
    at.wait()
    page.get_by_label("Lines of each token").select_option("1")
    at.wait()
    token(at, "query", query).focus()
    page.keyboard.press("ArrowUp")
    expect(token(at, "query", query - 1)).to_be_focused()
    page.keyboard.press("PageUp")
    page.keyboard.press("Home")
    expect(token(at, "query", 0)).to_be_focused()
    expect(token(at, "query", 0)).to_be_in_viewport()
    page.keyboard.press("End")
    expect(token(at, "query", n - 1)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Home")
    expect(page.locator(".key .gap").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(token(at, "key", key - 2)).to_be_focused()
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    gap = page.locator(".key .gap").nth(1)
    expect(gap).to_be_focused()
    expect(gap).to_have_attribute("aria-label", re.compile("Enter shows a few of them"))
    page.keyboard.press("Enter")
    expect(token(at, "key", key + 3)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(token(at, "query", key + 3)).to_be_focused()
    page.keyboard.press("Enter")
    at.wait()
    assert at.widget.queries == [key + 3]


# -- pins, places ---------------------------------------------------------------------------------------------------


def test_keys_alone_fold_the_queries(page: Page) -> None:
    n, query, key = 1000, 990, 100
    trace = planted(n, query, key)
    at = Mounted(page, AttentionWidget(trace, heads=["L0-H0"], keys=[key]))
    at.wait()
    assert query in in_sight(at, "query")
    assert key in in_sight(at, "key")
    assert gaps(at, "query")
    assert gaps(at) == []
    column = trace.weights(0, 0, keys=key).flatten()
    column = column.masked_fill(column == -torch.inf, 0)
    share = column.topk(3).values.sum() / column.sum()
    expect(legend(at)).to_contain_text(f"the 3 strongest queries of each key: {100 * share:.0f} % of what it gets")
    page.keyboard.press("Escape")
    at.widget.keys = []
    at.wait()
    assert gaps(at, "query") == []
    expect(legend(at)).to_contain_text("strongest keys of each query")


def test_a_pair_from_outside_comes_into_sight_on_both_sides(mount: Callable[..., Mounted]) -> None:
    at = mount(planted(2000, 1990, 40), heads=["L0-H0"])
    at.widget.queries, at.widget.keys = [1500], [700]
    at.wait()
    assert 1500 in in_sight(at, "query")
    assert 700 in in_sight(at, "key")
    weight = float(at.widget.trace.weights(0, 0, queries=1500, keys=700))
    assert weight < 0.001
    expect(at.page.locator("[role=status]")).to_contain_text(f"{weight:.4g}")


def test_a_pinned_pair_has_its_line_however_weak(mount: Callable[..., Mounted]) -> None:
    at = mount(planted(2000, 1990, 40), heads=["L0-H0"])
    at.widget.queries, at.widget.keys = [1500], [700]
    at.wait()
    assert int(at.widget.trace.weights(0, 0, queries=1500).argmax()) != 700
    front = at.page.locator(".stage canvas").nth(1)
    assert front.evaluate(
        "(one) => one.getContext('2d').getImageData(0, 0, one.width, one.height).data.some((value) => value > 0)"
    )


def test_what_is_found_is_marked_on_both_sides(mount: Callable[..., Mounted]) -> None:
    at = mount(planted(2000, 1990, 40), heads=["L0-H0"])
    at.page.get_by_role("button", name="Find").click()
    at.page.keyboard.type("w1500")
    at.wait()
    expect(token(at, "query", 1500)).to_have_class(re.compile("hit-here"))
    box, label = token(at, "query", 1500).bounding_box(), token(at, "query", 1500).locator(".label").bounding_box()
    assert box
    assert label
    assert box["y"] <= label["y"] + label["height"] / 2 <= box["y"] + box["height"]


def test_the_pointer_moves_nothing(mount: Callable[..., Mounted]) -> None:
    at = mount(planted(2000, 1990, 40), heads=["L0-H0"])
    scroll(at, "query", 18 * 1200)
    expect(at.page.locator(".key .token").first).to_be_visible()  # the keys follow
    at.wait()
    before = in_sight(at, "query"), in_sight(at, "key"), gaps(at)
    for unit in before[0][2:9:3]:
        token(at, "query", unit).hover()
        at.wait()
        assert (in_sight(at, "query"), in_sight(at, "key"), gaps(at)) == before
        assert ink(at, 1) > 0
    weights = at.widget.trace.weights(0, 0, queries=before[0][8]).flatten()
    shown = at.page.locator(".key .token").evaluate_all(
        "all => all.map((one) => [+one.dataset.index, one.querySelector('.number').textContent])"
    )
    told = {unit: text for unit, text in shown if text and text != "–"}
    assert told
    for unit, text in told.items():
        assert float(text) == pytest.approx(float(weights[unit]), abs=6e-3 if len(text) == 3 else 6e-4)


def test_the_strongest_pairs_are_those_in_sight_and_pinned_by_a_click(mount: Callable[..., Mounted]) -> None:
    at = mount(planted(2000, 1990, 40), heads=["L0-H0"])
    scroll(at, "query", 18 * 2000)
    pairs = at.page.locator(".strongest")
    expect(pairs).to_contain_text("strongest pairs in sight")
    expect(pairs.locator("button").first).to_contain_text("w1990 → w40")
    pairs.locator("button").first.click()
    at.wait()
    assert (at.widget.queries, at.widget.keys) == ([1990], [40])
    assert 40 in in_sight(at, "key")


# -- which lines ----------------------------------------------------------------------------------------------------


def test_the_strongest_or_a_least_weight(mount: Callable[..., Mounted]) -> None:
    trace = planted(1000, 990, 40)
    at = mount(trace, heads=["L0-H0"])
    expect(at.page.get_by_label("Threshold")).to_have_count(0)
    scroll(at, "query", 18 * 1000)
    expect(legend(at)).to_contain_text("thickest = 0.6")
    at.page.get_by_role("button", name="from a least weight").click()
    at.wait()
    expect(legend(at)).to_contain_text("weights ≥ 0.02")
    first, *_, last = in_sight(at, "query")
    rows = trace.weights(0, 0, queries=slice(first, last + 1)).clamp(min=0)
    share = rows[rows >= 0.02].sum() / len(rows)
    expect(legend(at)).to_contain_text(f"{100 * share:.0f} % of the weight in sight")
    at.widget.threshold = 0.0008
    at.wait()
    rows = rows.masked_fill(rows < 0.0008, 0).sort(descending=True).values
    expect(legend(at)).to_contain_text(f"32 of each at most, {int((rows[:, 32:] > 0).sum()):,} left out")


def test_a_threshold_that_was_set_is_kept(mount: Callable[..., Mounted]) -> None:
    at = mount(planted(1000, 990, 40), heads=["L0-H0"], threshold=0.001)
    expect(legend(at)).to_contain_text("weights ≥ 0.001")
    expect(at.page.get_by_label("Threshold")).to_be_visible()


@pytest.mark.parametrize("measure", ["scores", "norms"])
def test_other_measures_have_no_share(mount: Callable[..., Mounted], measure: str) -> None:
    trace = capture(tiny.gpt2(n_positions=1024), "the cat sat on the mat " * 30, tokenizer=tiny.tokenizer())
    at = mount(trace, heads=["L1-H2"], measure=measure)
    expect(legend(at)).to_contain_text(re.compile(r"the 3 strongest keys of each query(?!: )"))
    expect(at.page.get_by_role("button", name="from a least")).to_have_count(0)
    scroll(at, "query", 18 * 600)
    unit = in_sight(at, "query")[4]
    token(at, "query", unit).click()
    at.wait()
    row = trace.measure(measure, 1, 2, queries=unit).flatten()
    assert int(row.argmax()) in in_sight(at, "key")
    expect(at.page.locator(".pairs, .readout")).to_contain_text(f"{row.max():.4g}".rstrip("0"))


def test_what_is_left_out_of_a_long_text(mount: Callable[..., Mounted]) -> None:
    trace = planted(1000, 990, 0)
    at = mount(trace, heads=["L0-H0"], queries=[990])
    assert 0 in in_sight(at, "key")
    at.page.get_by_role("button", name="hide first token").click()
    at.wait()
    expect(legend(at)).to_contain_text("left out: the weight on w0")
    row = trace.weights(0, 0, queries=990).flatten()
    rest = row[1:991] / row[1:991].sum()
    best = int(rest.argmax()) + 1
    assert best in in_sight(at, "key")
    expect(token(at, "key", best).locator(".number")).to_have_text(f"{rest.max():.3f}"[1:])


def test_many_heads_of_a_long_text_are_one(mount: Callable[..., Mounted]) -> None:
    at = mount("The old man went to the sea again and again . " * 60, heads=[f"L{layer}-H3" for layer in range(4)])
    assert len(at.widget.tokens) > 512
    head(at, "L1-H5").click(modifiers=["Shift"])
    at.wait()
    expect(legend(at)).to_contain_text("of 5 heads")
    expect(legend(at)).to_contain_text(re.compile(r"the 3 strongest keys of each query: \d+\s% of the weight"))
    assert ink(at) > 0
    at.page.get_by_role("button", name="maximum").click()
    at.wait()
    expect(legend(at)).not_to_contain_text("% of the weight")  # maxima do not add up to a row


def test_beside_both_sides_scroll_together(mount: Callable[..., Mounted]) -> None:
    at = mount(planted(1000, 990, 40), heads=["L0-H0"])
    at.page.get_by_role("button", name="beside").click()
    at.wait()
    scroll(at, "query", 18 * 500)
    assert in_sight(at, "query") == in_sight(at, "key")
    scroll(at, "key", 18 * 100)
    assert in_sight(at, "query") == in_sight(at, "key")
    assert gaps(at) == []
    assert ink(at) > 0
    expect(at.page.locator("button.away").first).to_contain_text("line")


def test_lines_that_go_on_are_counted_and_led_to(page: Page) -> None:
    n, query, key = 1000, 990, 40
    at = Mounted(page, AttentionWidget(planted(n, query, key), heads=["L0-H0"], queries=[query]))
    at.wait()
    page.get_by_label("Lines of each token").select_option("16")
    at.wait()
    scroll(at, "key", 18 * 1000)
    above = page.locator("button.away.key.above")
    count = int(re.sub(r"\D", "", above.text_content() or ""))
    assert 0 < count <= 16
    above.click()
    at.wait()
    assert key in in_sight(at, "key")


# -- what is no number, what is hidden, other shapes ----------------------------------------------------------------


def test_numbers_that_are_none(mount: Callable[..., Mounted]) -> None:
    trace = planted(1000, 990, 40)
    q, k, v = (
        one.clone()[None]
        for one in (trace._layers["self"][0].q, trace._layers["self"][0].k, trace._layers["self"][0].v)
    )
    q[:, :, 990] = torch.nan
    broken = AttentionTrace.from_qkv(q, k, v, trace.tokens, mask="causal")
    at = mount(broken, heads=["L0-H0"], queries=[990])
    expect(legend(at)).not_to_contain_text("% of the weight")
    assert ink(at, 1) == 0
    assert 990 in in_sight(at, "query")


def test_what_the_mask_hides_is_struck_through(mount: Callable[..., Mounted]) -> None:
    at = mount(planted(1000, 990, 40), heads=["L0-H0"], queries=[500], keys=[520])
    assert 520 in in_sight(at, "key")
    expect(token(at, "key", 520)).to_have_class(re.compile("forbidden"))
    shown = at.page.locator(".key .token").evaluate_all("all => all.map((one) => [+one.dataset.index, one.className])")
    assert {unit > 500: "forbidden" in classes for unit, classes in shown} == {False: False, True: True}
    expect(legend(at)).to_contain_text("hidden by the mask")


def test_a_target_and_a_source_of_other_lengths(mount: Callable[..., Mounted]) -> None:
    model = ZOO["T5"][3]()
    trace = capture(model, "a b c d e f g " * 50, text_target="x y z " * 30, tokenizer=tiny.tokenizer())
    n, m = (len(side.text) for side in trace.sides("cross"))
    assert n != m
    at = mount(trace, attention="cross", heads=["L0-H0"])
    scroll(at, "query", 18 * n)
    assert in_sight(at, "query")[-1] == n - 1
    row = trace.weights(0, 0, attention="cross", queries=n - 3).flatten()
    token(at, "query", n - 3).click()
    at.wait()
    assert int(row.argmax()) in in_sight(at, "key")
    assert max(in_sight(at, "key")) < m


# -- the kernel -----------------------------------------------------------------------------------------------------


def test_without_a_kernel_the_picture_stays(mount: Callable[..., Mounted]) -> None:
    at = mount(planted(1000, 990, 40), heads=["L0-H0"])
    before = ink(at)
    at.alive = False
    scroll_far = "(box) => { box.scrollTop = 9000; }"
    at.page.locator(".scroll.query").evaluate(scroll_far)
    at.wait_while_silent()
    expect(at.page.locator(".silent")).to_contain_text("what these tokens look at")
    expect(token(at, "query", 505)).to_be_attached()
    assert before > 0
    at.alive = True
    at.wait()
    assert ink(at) > 0


def test_of_what_is_scrolled_past_only_the_last_is_asked(mount: Callable[..., Mounted]) -> None:
    at = mount(planted(4096, 990, 40), heads=["L0-H0"])
    asked: list[Any] = []
    answer = at.widget._server.receive
    at.widget._server.receive = lambda message: (asked.append(message), answer(message))  # type: ignore[method-assign]
    at.held = True
    for top in range(0, 60_000, 3000):
        at.page.locator(".scroll.query").evaluate("(box, top) => { box.scrollTop = top; }", top)
        at.page.evaluate("() => new Promise(requestAnimationFrame)")
    at.held = False
    at.wait()
    answered = {one["id"] for one in asked if one["ask"] == "strongest"} - {
        one for message in asked if message["ask"] == "cancel" for one in message["requests"]
    }
    assert len(answered) <= 3
    first, *_ = in_sight(at, "query")
    assert first == 57_000 // 18 + (1 if 57_000 % 18 else 0)
    assert ink(at) > 0


def test_at_480_px(page: Page) -> None:
    page.set_viewport_size({"width": 480, "height": 700})
    at = Mounted(page, AttentionWidget(planted(4096, 4090, 40), heads=["L0-H0"], queries=[4090]))
    at.wait()
    assert 40 in in_sight(at, "key")
    sides = page.locator(".sides > span")
    expect(sides.first).to_be_visible()
    boxes = [one.bounding_box() for one in sides.all()]
    assert all(boxes)
    left, right = boxes[0], boxes[-1]
    assert left
    assert right
    assert left["x"] >= 16
    assert left["x"] + left["width"] <= right["x"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 480


def test_scrolling_at_4096_tokens_is_smooth(mount: Callable[..., Mounted]) -> None:
    at = mount(planted(4096, 990, 40), heads=["L0-H0"])
    frames = at.page.locator(".scroll.query").evaluate("""async (box) => {
      const times = [];
      for (let at = 0; at < 120; at++) {
        box.scrollTop += 36;
        times.push(await new Promise(requestAnimationFrame));
      }
      return times.map((time, at) => time - (times[at - 1] ?? time)).slice(1);
    }""")
    at.wait()
    assert len(frames) / sum(frames) * 1000 >= 10  # a bound for a machine that is five times overbooked
    assert at.page.locator(".token").count() < 200
