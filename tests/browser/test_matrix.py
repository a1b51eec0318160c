"""The matrix: what is drawn, zoomed, pinned and read, from 12 tokens to 8,192."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

from attnwidget import AttentionTrace, AttentionWidget
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    Mount = Callable[..., Mounted]

TEXT = "The animal didn't cross the road because it was too tired"
FORBIDDEN = [(241, 242, 245), (220, 223, 230)]


@pytest.fixture
def mount(page: Page) -> Mount:
    def mounted(source: Any = TEXT, *, exact: bool = True, **options: Any) -> Mounted:
        one = Mounted(page, AttentionWidget(source, view="matrix", probe=False, **options))
        one.wait()
        if exact:
            expect(view(one)).to_have_attribute("data-exact", "true")
            one.wait()
        return one

    return mounted


def random_trace(n: int, *, heads: int = 1, seed: int = 0, **options: Any) -> AttentionTrace:
    torch.manual_seed(seed)
    q, k = torch.randn(2, 1, heads, n, 8) * 2
    return AttentionTrace.from_qkv(q, k, k, [f"t{at}" for at in range(n)], **{"mask": "causal"} | options)


def view(at: Mounted) -> Any:
    return at.page.locator(".matrix-view")


def says(at: Mounted) -> str:
    at.rest()
    return at.page.locator(".cell-says").text_content() or ""


def status(at: Mounted) -> str:
    at.rest()
    return " ".join((at.page.locator("[role=status]").text_content() or "").split())


def ground(at: Mounted) -> Any:
    return at.page.get_by_role("application")


PROBE = """async (points) => {
  const root = document.querySelector("#here > div").shadowRoot;
  const ground = root.querySelector(".matrix-ground");
  const canvas = root.querySelector(".matrix-stage > canvas");
  const box = ground.getBoundingClientRect();
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const rendered = new MessageChannel(); // sooner than a timer
  const found = [];
  for (const [x, y] of points) {
    const [clientX, clientY] = [box.left + x * box.width, box.top + y * box.height];
    ground.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, pointerId: 1 }));
    await new Promise((done) => {
      rendered.port1.onmessage = done;
      rendered.port2.postMessage(0);
    });
    const at = 4 * (Math.floor(y * height) * width + Math.floor(x * width));
    found.push([root.querySelector(".cell-says").textContent, ...data.slice(at, at + 4)]);
  }
  return found;
}"""
PAIR = re.compile(r"(?:token|word) ([\d,]+) → ([\d,]+): (.+)")
CELL = re.compile(r"queries ([\d,]+)(?:–([\d,]+))? → keys ([\d,]+)(?:–([\d,]+))?: (.+)")


def number(text: str) -> int:
    return int(text.replace(",", ""))


def grid(side: int) -> list[tuple[float, float]]:
    """Points all over the canvas, row by row."""
    return [((at + 0.37) / side, (to + 0.43) / side) for to in range(side) for at in range(side)]


def probe(at: Mounted, points: list[tuple[float, float]]) -> dict[tuple[int, int], tuple[str, tuple[int, ...]]]:
    """What is said and drawn of the pairs under some points: of each the darkest, which is not between two cells."""
    at.rest()
    found: dict[tuple[int, int], tuple[str, tuple[int, ...]]] = {}
    for text, *pixel in at.page.evaluate(PROBE, points):
        if match := PAIR.fullmatch(text):
            pair = number(match[1]), number(match[2])
            if pair not in found or sum(pixel[:3]) < sum(found[pair][1]):
                found[pair] = match[3], tuple(pixel[:3])
    return found


def point_of(at: Mounted, query: int, key: int, points: int = 30) -> tuple[float, float]:
    """Where a pair is on the page, found by pointing."""
    at.rest()
    tried = grid(points)
    for (x, y), (text, *_) in zip(tried, at.page.evaluate(PROBE, tried), strict=True):
        match = PAIR.fullmatch(text)
        if match and (number(match[1]), number(match[2])) == (query, key):
            box = ground(at).bounding_box()
            return box["x"] + x * box["width"], box["y"] + y * box["height"]
    raise AssertionError(f"{query} → {key} is not in sight")


def strength(pixel: tuple[int, ...], pen: tuple[int, ...]) -> float:
    """How much of the pen is in a colour, 0 to 1."""
    return sum(255 - one for one in pixel) / sum(255 - one for one in pen)


def move_to(at: Mounted, x: float, y: float) -> None:
    box = ground(at).bounding_box()
    at.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


# -- what is drawn --------------------------------------------------------------------------------------------------


def test_each_cell_is_as_strong_as_its_weight_and_reads_as_it(mount: Mount) -> None:
    trace = random_trace(12)
    at = mount(trace)
    numbers = trace.measure("weights", 0, 0)
    found = probe(at, grid(32))
    assert len(found) == 144
    pen = found[0, 0][1]  # all that the first query has
    for (query, key), (text, pixel) in found.items():
        weight = float(numbers[query, key])
        if weight == -torch.inf:
            assert text == "forbidden by the mask"
            assert min(sum(abs(a - b) for a, b in zip(pixel, one, strict=True)) for one in FORBIDDEN) < 40
        else:
            assert float(text.replace("−", "-").replace("e-", "e-")) == pytest.approx(weight, rel=2e-3, abs=6e-5)
            assert strength(pixel, pen) == pytest.approx(0.03 + 0.97 * weight, abs=0.01)


def test_a_forbidden_pair_is_not_drawn_as_zero(mount: Mount) -> None:
    trace = AttentionTrace.from_attentions([torch.eye(6)[None]], [f"t{at}" for at in range(6)], mask="causal")
    found = probe(mount(trace), grid(30))
    zero, hidden = found[4, 1], found[1, 4]
    assert float(zero[0]) == 0
    assert hidden[0] == "forbidden by the mask"
    assert zero[1] not in {pixel for text, pixel in found.values() if text.startswith("forbidden")}


def test_what_the_model_did_not_compute_is_said(mount: Mount) -> None:
    weights = torch.full((1, 5, 5), 0.2)
    weights[0, 2, 3] = torch.nan
    at = mount(AttentionTrace.from_attentions([weights], list("abcde")))
    found = probe(at, grid(30))
    assert found[2, 3][0] == "the model computed no number"
    assert found[2, 3][1] == (192, 38, 211)
    expect(at.page.locator(".matrix-legend")).to_contain_text("the model computed no number")


def test_numbers_of_either_sign_have_two_colours(mount: Mount) -> None:
    trace = random_trace(12)
    at = mount(trace, measure="scores")
    numbers = trace.scores(0, 0)
    for (query, key), (text, (red, _, blue)) in probe(at, grid(32)).items():
        score = float(numbers[query, key])
        if abs(score) > 1 and score > -100:
            assert (red > blue) == (score > 0), text


@pytest.mark.parametrize("n", [16, 512, 4096])
def test_the_number_at_full_zoom_is_the_traces_own(mount: Mount, n: int) -> None:
    trace = random_trace(n)
    at = mount(trace)
    move_to(at, 0.55, 0.7)
    for _ in range(12):
        at.page.keyboard.down("Control")
        at.page.mouse.wheel(0, -200)
        at.page.keyboard.up("Control")
        at.wait()
    expect(view(at)).to_have_attribute("data-level", "0")
    numbers = trace.measure("weights", 0, 0)
    found = probe(at, grid(12))
    assert len(found) > 10
    for (query, key), (text, _) in found.items():
        weight = float(numbers[query, key])
        if weight == -torch.inf:
            assert text == "forbidden by the mask"
        else:
            assert float(text.replace("−", "-")) == pytest.approx(weight, rel=2e-3, abs=6e-5)


@pytest.mark.parametrize("n", [512, 4096, 8192])
def test_a_cell_of_many_pairs_tells_its_maximum_and_its_mass(mount: Mount, n: int) -> None:
    trace = random_trace(n)
    at = mount(trace, exact=False)
    if at.page.get_by_role("button", name="Compute exactly").count():
        at.page.get_by_role("button", name="Compute exactly").click()
    expect(view(at)).to_have_attribute("data-exact", "true", timeout=30_000)
    seen = 0
    for text, *_ in at.page.evaluate(PROBE, grid(9)):
        match = CELL.fullmatch(text)
        if not match or match[2] is None or match[4] is None or "forbidden" in text:
            continue
        first, last, left, right = (number(match[at]) for at in (1, 2, 3, 4))
        part = trace.measure("weights", 0, 0, queries=slice(first, last + 1), keys=slice(left, right + 1))
        largest, mass = re.fullmatch(r"largest weight (\S+) · mass (\S+)", match[5]).groups()
        assert float(largest.replace("−", "-")) == pytest.approx(float(part.max()), rel=2e-3, abs=6e-5)
        expected = float(part.clamp(min=0).sum() / len(part))
        assert float(mass.replace("−", "-")) == pytest.approx(expected, rel=2e-3, abs=6e-5)
        seen += 1
    assert seen > 5


def test_a_lone_weight_is_seen_at_every_zoom(mount: Mount) -> None:
    n, query, key = 4096, 2611, 1277
    q, k = torch.zeros(2, 1, 1, n, 4)
    q[..., query, 0] = k[..., key, 0] = 100
    at = mount(AttentionTrace.from_qkv(q, k, k, ["a"] * n))
    at.widget.queries, at.widget.keys = [query], [key]
    at.wait()
    levels = []
    for _ in range(30):
        text, darkest = at.page.evaluate("""() => {
          const root = document.querySelector("#here > div").shadowRoot;
          const canvas = root.querySelector(".matrix-stage > canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let least = 765;
          for (let at = 0; at < data.length; at += 4) {
            if (data[at + 3]) least = Math.min(least, data[at] + data[at + 1] + data[at + 2]);
          }
          return [root.querySelector(".matrix-view").dataset.level, least];
        }""")
        assert darkest < 400  # as dark as a pen
        levels.append(int(text))
        if at.page.get_by_role("button", name="zoom in").is_disabled():
            break
        at.page.get_by_role("button", name="zoom in").click()
        at.widget.queries = [query, query + 1]  # what is pinned anew comes into sight
        at.wait()
        at.widget.queries = [query]
        at.wait()
    assert levels[0] == 4
    assert levels[-1] == 0


def test_several_heads_are_one_matrix(mount: Mount) -> None:
    trace = random_trace(12, heads=3)
    at = mount(trace, heads=["L0-H0", "L0-H1", "L0-H2"])
    weights = trace.weights(0)
    text, _ = probe(at, grid(32))[9, 4]
    assert float(text) == pytest.approx(float(weights[:, 9, 4].mean()), rel=2e-3, abs=6e-5)
    at.page.get_by_role("group", name="How heads are taken together").get_by_text("maximum").click()
    at.wait()
    text, _ = probe(at, grid(32))[9, 4]
    assert float(text) == pytest.approx(float(weights[:, 9, 4].max()), rel=2e-3, abs=6e-5)


@pytest.mark.parametrize("n", [60, 700])
def test_sides_of_two_texts(mount: Mount, n: int) -> None:
    torch.manual_seed(0)
    weights = torch.rand(1, 20, n).softmax(-1)
    names: dict[str, Any] = {
        "source_tokens": [f"s{at}" for at in range(n)],
        "target_tokens": [f"t{at}" for at in range(20)],
    }
    at = mount(AttentionTrace.from_attentions(cross=[weights], **names))
    assert f"20 × {n} tokens" in says(at)
    ground(at).focus()
    for key in ("End", "+", "+", "+", "+", "+", "+", "+", "+"):
        at.page.keyboard.press(key)
    at.wait()
    for (query, key), (text, _) in probe(at, grid(12)).items():
        assert float(text.replace("−", "-")) == pytest.approx(float(weights[0, query, key]), rel=2e-3, abs=6e-5)


def test_whole_words(mount: Mount) -> None:
    at = mount(words=True)
    assert "11 × 11 words" in says(at)
    assert all(query < 11 and key < 11 for query, key in probe(at, grid(30)))


# -- moving ---------------------------------------------------------------------------------------------------------


def test_the_page_scrolls_over_a_matrix_until_one_clicks_inside(mount: Mount) -> None:
    at = mount(random_trace(2000))
    at.page.set_viewport_size({"width": 848, "height": 500})
    move_to(at, 0.5, 0.4)
    at.page.mouse.wheel(0, 100)
    # All of it: what is left of it would go on after the page is scrolled back.
    at.page.wait_for_function("scrollY >= Math.min(100, document.documentElement.scrollHeight - innerHeight) - 1")
    expect(view(at)).to_have_attribute("data-level", "3")
    at.page.evaluate("scrollTo(0, 0)")
    move_to(at, 0.5, 0.4)
    at.page.mouse.down()
    at.page.mouse.up()
    for _ in range(10):
        at.page.mouse.wheel(0, -200)
    expect(view(at)).to_have_attribute("data-level", "0")
    assert at.page.evaluate("scrollY") == 0


def test_zooming_keeps_what_is_under_the_pointer(mount: Mount) -> None:
    at = mount(random_trace(2000))
    move_to(at, 0.5, 0.6)
    before = [number(one) for one in CELL.fullmatch(says(at)).group(1, 2, 3, 4)]
    at.page.keyboard.down("Control")
    for _ in range(20):
        at.page.mouse.wheel(0, -100)
        at.wait()
        query, key = (number(one) for one in re.findall(r"([\d,]+)(?:–[\d,]+)?", says(at))[:2])
        assert before[0] - 12 <= query <= before[1] + 12
        assert before[2] - 12 <= key <= before[3] + 12
    at.page.keyboard.up("Control")
    expect(view(at)).to_have_attribute("data-level", "0")


def test_the_zoom_button_goes_to_what_is_pinned(mount: Mount) -> None:
    at = mount(random_trace(600), queries=[590], keys=[45])
    into = at.page.get_by_role("button", name="zoom in")
    while into.is_enabled():
        into.click()
        at.wait()
    shown = [int(one.replace(",", "")) for one in re.findall(r"[\d,]*\d", says(at))][:4]
    assert shown[0] <= 590 <= shown[1]
    assert shown[2] <= 45 <= shown[3]


def test_dragging_moves_and_pins_nothing(mount: Mount) -> None:
    at = mount(random_trace(2000))
    ground(at).focus()
    for _ in range(12):
        at.page.keyboard.press("+")
    at.wait()
    first = says(at)
    move_to(at, 0.6, 0.6)
    at.page.mouse.down()
    move_to(at, 0.4, 0.5)
    at.page.mouse.up()
    at.page.mouse.move(1, 1)
    at.wait()
    ranges = [[number(one) for one in re.findall(r"[\d,]*\d", text)] for text in (first, says(at))]
    assert ranges[1][0] > ranges[0][0]
    assert at.widget.queries == at.widget.keys == []


def test_keys_move_zoom_pin_and_give_up(mount: Mount) -> None:
    trace = random_trace(12)
    at = mount(trace)
    ground(at).focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight"):  # the first shows where one is
        at.page.keyboard.press(key)
    assert says(at).startswith("token 3 → 1: ")
    assert "t3 → t1" in status(at)
    assert f"{float(trace.weights(0, 0, queries=3, keys=1)):.4f}" in status(at)
    at.page.keyboard.press("Enter")
    at.wait()
    assert (at.widget.queries, at.widget.keys) == ([3], [1])
    at.page.keyboard.press("ArrowDown")
    at.page.keyboard.press("Shift+Enter")
    at.wait()
    assert (at.widget.queries, at.widget.keys) == ([3, 4], [1])
    at.page.keyboard.press("Escape")
    at.wait()
    assert at.widget.queries == at.widget.keys == []
    expect(view(at).get_by_role("button", name="all")).to_be_disabled()
    at.page.keyboard.press("+")
    expect(view(at).get_by_role("button", name="all")).to_be_enabled()
    at.page.keyboard.press("0")
    expect(view(at).get_by_role("button", name="all")).to_be_disabled()


def test_a_click_pins_shift_adds_and_a_click_beside_lets_go(mount: Mount) -> None:
    at = mount(random_trace(12))
    for (query, key), modifiers, pinned in (
        ((7, 2), (), ([7], [2])),
        ((9, 3), ("Shift",), ([7, 9], [2, 3])),
        ((5, 5), (), ([5], [5])),
    ):
        x, y = point_of(at, query, key)
        for one in modifiers:
            at.page.keyboard.down(one)
        at.page.mouse.click(x, y)
        for one in modifiers:
            at.page.keyboard.up(one)
        at.wait()
        assert (at.widget.queries, at.widget.keys) == pinned
    move_to(at, 0.005, 0.5)
    at.page.mouse.down()
    at.page.mouse.up()
    at.wait()
    assert at.widget.queries == at.widget.keys == []


def test_a_click_on_a_cell_of_many_pairs_pins_the_strongest(mount: Mount) -> None:
    n, query, key = 4096, 2611, 1277
    q, k = torch.zeros(2, 1, 1, n, 4)
    q[..., query, 0] = k[..., key, 0] = 100
    at = mount(AttentionTrace.from_qkv(q, k, k, ["a"] * n))
    ground(at).focus()
    cell = 16
    for _ in range(query // cell // 10 + 1):
        at.page.keyboard.press("Shift+ArrowDown")
    row = number(re.match(r"queries ([\d,]+)", says(at))[1])
    for _ in range(abs(row - query) // cell + 1):
        row = number(re.match(r"queries ([\d,]+)", says(at))[1])
        if row <= query < row + cell:
            break
        at.page.keyboard.press("ArrowUp" if row > query else "ArrowDown")
    for _ in range(key // cell + 1):
        left = number(re.search(r"keys ([\d,]+)", says(at))[1])
        if left <= key < left + cell:
            break
        at.page.keyboard.press("ArrowRight")
    assert "largest weight 1.0000" in says(at)
    expect(view(at)).to_have_attribute("data-strongest", "true")
    at.page.keyboard.press("Enter")
    at.wait()
    assert (at.widget.queries, at.widget.keys) == ([query], [key])


def test_what_is_pinned_elsewhere_comes_into_sight(mount: Mount) -> None:
    at = mount(random_trace(2000))
    ground(at).focus()
    for _ in range(14):
        at.page.keyboard.press("+")
    at.wait()
    at.widget.queries, at.widget.keys = [1777], [33]
    at.wait()
    point_of(at, 1777, 33)


# -- long texts and the kernel --------------------------------------------------------------------------------------


def test_a_sample_says_that_it_is_one_and_becomes_exact_when_asked(mount: Mount, monkeypatch: Any) -> None:
    monkeypatch.setattr("attnwidget.trace.cells.SAMPLE", 1 << 18)
    clock = count()
    monkeypatch.setattr("attnwidget.wire.cells.perf_counter", lambda: 2 * next(clock))  # a slow machine
    trace = random_trace(2048)
    at = mount(trace, exact=False)
    expect(at.root).to_have_attribute("data-state", "ready")
    expect(view(at)).to_have_attribute("data-exact", "false")
    expect(at.page.locator(".exactness")).to_contain_text("sampled: 1 query in 8")
    move_to(at, 0.5, 0.6)
    largest, mass = re.search(r"largest weight ≥ (\S+) · mass ≈ (\S+)", says(at)).groups()
    at.page.get_by_role("button", name="Compute exactly, about 16 s").click()
    expect(view(at)).to_have_attribute("data-exact", "true")
    expect(at.page.locator(".exactness")).to_have_count(0)
    move_to(at, 0.5, 0.6001)
    exact = re.search(r"largest weight (\S+) · mass (\S+)", says(at)).groups()
    assert float(exact[0]) >= float(largest) > 0
    assert float(mass) > 0


def test_exact_numbers_that_take_long_can_be_stopped(mount: Mount, monkeypatch: Any) -> None:
    monkeypatch.setattr("attnwidget.trace.cells.SAMPLE", 1 << 18)
    clock = count()
    monkeypatch.setattr("attnwidget.wire.cells.perf_counter", lambda: 2 * next(clock))
    at = mount(random_trace(2048), exact=False)
    at.held = True
    at.page.get_by_role("button", name="Compute exactly").click()
    expect(at.page.locator(".exactness")).to_contain_text("exact on the way")
    at.page.get_by_role("button", name="Stop").click()
    expect(at.page.get_by_role("button", name="Compute exactly")).to_be_visible()
    at.held = False
    at.wait()
    expect(view(at)).to_have_attribute("data-exact", "false")


def test_until_another_head_is_here_the_old_picture_is_faded(mount: Mount) -> None:
    at = mount(random_trace(2048, heads=2), heads=["L0-H0"])
    at.held = True
    at.page.locator("[data-head=L0-H1]").click()
    cells = at.page.locator(".matrix-stage > canvas")
    expect(cells).to_have_class("waiting")
    expect(at.page.locator(".exactness")).to_have_text("computing…")
    at.held = False
    at.wait()
    expect(cells).not_to_have_class("waiting")


def test_two_fingers_zoom(mount: Mount) -> None:
    at = mount(random_trace(2000))
    at.page.evaluate("""() => {
      const ground = document.querySelector("#here > div").shadowRoot.querySelector(".matrix-ground");
      ground.setPointerCapture = () => {}; // no such fingers
      const box = ground.getBoundingClientRect();
      const touch = (type, pointerId, x) => ground.dispatchEvent(new PointerEvent(type, {
        pointerId, clientX: box.left + box.width / 2 + x, clientY: box.top + box.height / 2, pointerType: "touch",
      }));
      touch("pointerdown", 1, -20);
      touch("pointerdown", 2, 20);
      for (let x = 20; x < 220; x += 10) {
        touch("pointermove", 1, -x);
        touch("pointermove", 2, x);
      }
      touch("pointerup", 1, -220);
      touch("pointerup", 2, 220);
    }""")
    at.wait()
    expect(view(at)).to_have_attribute("data-level", "0")
    assert at.widget.queries == []


def test_cells_out_of_sight_are_asked_for_no_more(mount: Mount) -> None:
    at = mount(random_trace(4096))
    at.held = True
    ground(at).focus()
    for _ in range(14):
        at.page.keyboard.press("+")
    at.page.keyboard.press("0")
    at.rest()
    asked = [one["content"] for one in at.inbox if one["method"] == "custom"]
    cells = {one["id"] for one in asked if one["ask"] == "cells"}
    cancelled = {one for ask in asked if ask["ask"] == "cancel" for one in ask["requests"]}
    assert cells
    assert cells <= cancelled
    at.held = False
    at.wait()


def test_a_kernel_that_is_gone_takes_nothing_off_the_screen(mount: Mount) -> None:
    at = mount(random_trace(4096))
    read = "() => document.querySelector('#here > div').shadowRoot.querySelector('.matrix-stage > canvas').toDataURL()"
    before = at.page.evaluate(read)
    at.alive = False
    ground(at).focus()
    for _ in range(6):
        at.page.keyboard.press("+")
    at.wait_while_silent()
    expect(at.page.locator(".silent")).to_contain_text("It is needed to show this part of the matrix.")
    assert (
        at.page.evaluate("""() => {
      const canvas = document.querySelector('#here > div').shadowRoot.querySelector('.matrix-stage > canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }""")
        > 20
    )  # the coarser cells
    at.page.keyboard.press("0")
    at.page.wait_for_function(f"before => ({read})() === before", arg=before)


def test_a_short_text_needs_no_kernel(mount: Mount) -> None:
    at = mount(random_trace(300))
    at.alive = False
    ground(at).focus()
    for _ in range(12):
        at.page.keyboard.press("+")
    at.wait()
    expect(view(at)).to_have_attribute("data-level", "0")


def test_another_head_and_text_are_drawn(mount: Mount) -> None:
    at = mount(heads=["L2-H6"])
    first = probe(at, grid(32))[11, 1][0]
    at.widget.heads = ["L0-H1"]
    at.wait()
    assert probe(at, grid(32))[11, 1][0] != first
    at.widget.text = "the end of it"
    at.wait()
    assert f"{len(at.widget.tokens)} × {len(at.widget.tokens)} tokens" in says(at) or "token" in says(at)
