"""Several heads, several queries, and what is left out: what is drawn and said, against Python's own numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

from attnwidget import AttentionTrace, AttentionWidget
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from playwright.sync_api import Locator, Page

TEXT = "The animal didn't cross the road because it was too tired"
ANIMAL, IT, TIRED = 1, 8, 11
LAYER = [(2, head) for head in range(8)]


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(source: Any = TEXT, **options: Any) -> Mounted:
        one = Mounted(page, AttentionWidget(source, **options))
        one.wait()
        return one

    return mounted


def token(at: Mounted, side: str, index: int) -> Locator:
    return at.page.locator(f"[data-side={side}][data-index='{index}']")


def status(at: Mounted) -> str:
    at.rest()
    return " ".join((at.page.locator("[role=status]").text_content() or "").split())


def legend(at: Mounted) -> Locator:
    return at.page.locator(".legend")


def numbers(at: Mounted, side: str = "key") -> list[str]:
    """What stands beside the tokens of a side."""
    at.rest()
    return at.page.locator(f"[data-side={side}] .number").all_text_contents()


def brief(values: torch.Tensor, hidden: Collection[int] = ()) -> list[str]:
    """The same as Python computes it: two digits, nothing for less than half of the last, – for what is not seen."""
    told = [f"{value:.2f}".removeprefix("0") if value >= 0.005 else "" for value in values.tolist()]
    return ["–" if key in hidden else "1.0" if value == "1.00" else value for key, value in enumerate(told)]


def layer_weights(at: Mounted) -> torch.Tensor:
    return torch.stack([at.widget.trace.weights(*one) for one in LAYER])


# -- a few heads, each with a line of its own -----------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 4])
def test_lines_of_a_few_heads_are_told_apart_by_place_mark_and_pointer(
    mount: Callable[..., Mounted], count: int
) -> None:
    """All heads have the same one weight: on one spot only the last would be seen."""
    weights = torch.zeros(1, count, 6, 6)
    weights[:, :, 4, 1] = 0.9
    heads = [(0, head) for head in range(count)]
    at = mount(AttentionTrace.from_attentions(list(weights), list("abcdef")), heads=heads)
    marks = legend(at).locator(".head-names path").evaluate_all("all => all.map((one) => one.getAttribute('d'))")
    assert len(set(marks)) == count
    side = at.page.locator(".column.query").bounding_box()
    row = token(at, "query", 4).bounding_box()
    assert side
    assert row
    seen = []
    for down in range(-12, 13):
        at.page.mouse.move(side["x"] + side["width"] + 26, row["y"] + row["height"] / 2 + down)
        name, *pair = status(at).split()[:4]
        if pair == ["e", "→", "b"] and name not in seen:
            seen.append(name)
    assert seen == [f"L0-H{head}" for head in range(count)]  # from top to bottom


def test_a_few_heads_are_read_one_by_one(mount: Callable[..., Mounted]) -> None:
    heads = [(2, 6), (3, 0), (1, 2), (0, 1)]
    at = mount(heads=heads)
    token(at, "query", IT).click()
    token(at, "key", ANIMAL).hover()
    own = {f"L{layer}-H{head}": at.widget.trace.weights(layer, head)[IT, ANIMAL].item() for layer, head in heads}
    said = status(at)
    ranked = sorted(own, key=own.__getitem__, reverse=True)
    assert [said.index(name) for name in ranked] == sorted(said.index(name) for name in ranked)
    for value in own.values():
        assert f"{value:.4f}" in said
    at.page.mouse.move(0, 0)
    mean = torch.stack([at.widget.trace.weights(*one)[IT] for one in heads]).mean(0)
    assert numbers(at) == brief(mean, tuple(range(IT + 1, 12)))
    expect(legend(at)).to_contain_text("numbers: mean of 4 heads")


# -- many heads, one line a pair ------------------------------------------------------------------------------------


def test_a_whole_layer_is_its_mean_or_its_maximum(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.locator("button.layer").nth(2).click()
    token(at, "query", IT).click()
    at.page.mouse.move(0, 0)
    at.wait()
    assert at.widget.heads == LAYER
    weights = layer_weights(at)[:, IT]
    mean, largest = weights.mean(0), weights.amax(0)
    expect(legend(at)).to_contain_text("each line:")
    expect(legend(at)).to_contain_text("of 8 heads")
    key = mean.argmax().item()
    head = weights[:, key].argmax().item()
    tokens = at.widget.tokens
    times = mean[key] * 9
    said = f"mean of 8 heads it → {tokens[key]} {mean[key]:.4f} the largest of 9 · {times:.1f} times an even spread"
    assert status(at).startswith(said)
    assert f"most in L2-H{head}: {weights[head, key]:.4f}" in status(at)
    assert numbers(at) == brief(mean, tuple(range(IT + 1, 12)))

    legend(at).get_by_role("button", name="maximum").click()
    key = largest.argmax().item()
    assert status(at).startswith(f"maximum of 8 heads it → {tokens[key]} {largest[key]:.4f} the largest of 9")
    assert "even spread" not in status(at)  # such a row does not add up to 1
    expect(at.page.locator(".even")).to_have_count(0)
    assert numbers(at) == brief(largest, tuple(range(IT + 1, 12)))


def test_a_line_of_many_heads_has_the_colour_of_the_strongest_ones_kind(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=LAYER, probe=False)  # kinds stay what they are
    at.wait_for_more()
    kinds = at.page.locator(".head-names .code")
    codes = kinds.evaluate_all("all => all.map((one) => one.dataset.code)")
    assert len(set(codes)) == len(codes) > 1
    expect(legend(at)).to_contain_text("strongest on the pair, of equals the first")
    token(at, "query", IT).click()
    token(at, "key", 7).hover()
    at.wait()
    strongest = layer_weights(at)[:, IT, 7].argmax().item()
    name = at.page.locator(f"[data-head=L2-H{strongest}]")
    ring = name.evaluate("one => getComputedStyle(one).getPropertyValue('--pen')")
    front = at.page.evaluate(
        """(ring) => {
          const root = document.querySelector("#here > div").shadowRoot;
          const canvas = root.querySelectorAll(".stage canvas")[1];
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const wanted = [1, 3, 5].map((at) => parseInt(ring.slice(at, at + 2), 16));
          const painted = [0, 0];
          for (let at = 0; at < data.length; at += 4) {
            if (data[at + 3] < 60) continue;
            painted[wanted.every((value, nth) => Math.abs(data[at + nth] - value) < 9) ? 1 : 0] += 1;
          }
          return painted;
        }""",
        ring.strip(),
    )
    assert front[1] > 50 > front[0]


def test_shift_adds_a_second_layer(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L0-H3"])
    numbers_of = at.page.locator("button.layer")
    numbers_of.nth(2).click()
    numbers_of.nth(3).click(modifiers=["Shift"])
    at.wait()
    assert at.widget.heads == [*LAYER, *((3, head) for head in range(8))]
    expect(legend(at)).to_contain_text("of 16 heads")
    numbers_of.nth(2).click(modifiers=["Shift"])  # and takes one away
    at.wait()
    assert at.widget.heads == [(3, head) for head in range(8)]
    numbers_of.nth(3).click(modifiers=["Shift"])  # the last one stays
    at.wait()
    assert len(at.widget.heads) == 8
    numbers_of.nth(3).focus()
    at.page.keyboard.press("ArrowUp")
    at.page.keyboard.press("Shift+Enter")
    at.wait()
    assert at.widget.heads == [*((3, head) for head in range(8)), *LAYER]


def test_scores_of_many_heads_are_read_by_size(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=LAYER, measure="scores")
    legend(at).get_by_role("button", name="maximum").click()
    token(at, "query", IT).click()
    token(at, "key", ANIMAL).hover()
    scores = torch.stack([at.widget.trace.scores(*one)[IT, ANIMAL] for one in LAYER])
    farthest = scores[scores.abs().argmax()].item()
    assert f"it → animal {farthest:.4g}".replace("-", "−") in status(at)


# -- several queries ------------------------------------------------------------------------------------------------


def test_several_queries_are_a_mean_or_a_sum_and_say_so(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    token(at, "query", IT).click()
    token(at, "query", TIRED).click(modifiers=["Shift"])
    at.page.mouse.move(0, 0)
    at.wait()
    rows = at.widget.trace.weights(2, 6)[[IT, TIRED]]
    mean, total = rows.mean(0), rows.sum(0)
    even = (1 / 9 + 1 / 12) / 2
    times = mean[ANIMAL] / even
    assert status(at).startswith(
        f"L2-H6 it, tired → animal {mean[ANIMAL]:.4f} mean of 2 queries · the largest of 12 · {times:.1f} times an even"
    )
    assert numbers(at) == brief(mean)
    expect(at.page.locator(".sides")).to_contain_text("key · mean of 2")
    expect(at.page.locator(".even")).to_contain_text(f"even: {even:.2f}")

    legend(at).get_by_role("button", name="sum").click()
    at.wait()
    assert at.widget.combine == "sum"
    assert status(at).startswith(f"L2-H6 it, tired → animal {total[ANIMAL]:.4f} sum of 2 queries · the largest of 12")
    assert f"{times:.1f} times an even spread" in status(at)
    expect(at.page.locator(".sides")).to_contain_text("key · sum of 2")
    assert numbers(at)[ANIMAL] == f"{total[ANIMAL]:.2f}"


# -- what is left out -----------------------------------------------------------------------------------------------


def without(weights: torch.Tensor, *, own: bool, first: bool) -> torch.Tensor:
    """The same rows, computed anew."""
    out = weights.clone()
    if own:
        out.fill_diagonal_(0)
    if first:
        out[:, 0] = 0
    return out / out.sum(-1, keepdim=True)


@pytest.mark.parametrize(("own", "first"), [(True, False), (False, True), (True, True)])
def test_what_is_hidden_is_taken_out_and_said(mount: Callable[..., Mounted], *, own: bool, first: bool) -> None:
    at = mount(heads=["L3-H5"])
    if own:
        at.page.get_by_role("button", name="hide self").click()
    if first:
        at.page.get_by_role("button", name="hide first token").click()
    token(at, "query", IT).click()
    at.page.mouse.move(0, 0)
    at.wait()
    given = at.widget.trace.weights(3, 5)
    rest = without(given, own=own, first=first)[IT]
    gone = tuple(key for key, there in ((0, first), (IT, own)) if there)
    key = rest.argmax().item()
    said = status(at)
    assert said.startswith(f"L3-H5 it → {at.widget.tokens[key]} {rest[key]:.4f} the largest of {9 - len(gone)}")
    names = " and ".join(name for name, there in (("itself", own), ("The", first)) if there)
    removed = given[IT, list(gone)].sum().item()
    part = f"{removed:.2f}" if removed >= 0.005 else "< 0.01"
    assert f"without {names}: {part} removed, the rest scaled to 1" in said
    assert numbers(at) == brief(rest, (*gone, *range(IT + 1, 12)))
    expect(at.page.locator(".even")).to_contain_text(f"even: 1/{9 - len(gone)}")
    # The mask hides what it hides; what the reader hides looks otherwise.
    expect(at.page.locator(".key .left-out")).to_have_count(len(gone))
    expect(at.page.locator(".key .forbidden")).to_have_count(3)
    token(at, "key", gone[0]).hover()
    assert f"{given[IT, gone[0]]:.4f}, left out" in status(at)
    # Everything that is made of the numbers follows.
    pairs = without(given, own=own, first=first)
    pairs[: 2 if own and first else 1] = 0
    if own != first:
        pairs[1] = 0  # one key is left there: 1 by necessity
    if own and first:
        pairs[2] = 0
    pairs.fill_diagonal_(0)
    assert at.widget.weights().shape == (1, 1, 12)  # Python's are the model's own
    assert at.widget.weights()[0, 0, gone[0]].item() == pytest.approx(given[IT, gone[0]].item())
    at.page.keyboard.press("Escape")
    at.wait()
    expect(at.page.locator(".strongest .value").first).to_have_text(f"{pairs.max():.4f}")


def test_nothing_can_be_left_out_of_scores_nor_itself_across_texts(mount: Callable[..., Mounted]) -> None:
    at = mount("Le chat noir dort sur le lit", model="demo/fr-en")
    controls = at.page.locator(".tools")
    expect(controls).to_contain_text("hide first token")
    expect(controls).not_to_contain_text("hide self")
    at.page.get_by_label("Measure").select_option("scores")
    at.wait()
    expect(controls.get_by_role("button", name="hide")).to_have_count(0)


def test_of_a_long_text_the_rows_in_sight_are_scaled(mount: Callable[..., Mounted]) -> None:
    at = mount("The old man went to the sea again and again . " * 60, heads=["L3-H5"])
    assert len(at.widget.tokens) > 512
    at.page.get_by_role("button", name="hide first token").click()
    expect(legend(at)).to_contain_text("left out: the weight on The; the rest of each row scaled up")
    at.page.locator(".scroll.query").evaluate("(box) => { box.scrollTop = box.scrollHeight / 2; }")
    query = len(at.widget.tokens) // 2 + 3
    expect(token(at, "query", query)).to_be_attached()
    at.wait()
    token(at, "query", query).hover()
    row = at.widget.trace.weights(3, 5, queries=query).flatten()
    rest = row[1:] / row[1:].sum()
    expect(at.page.locator("[role=status]")).to_contain_text(f"{rest.max():.4f} the largest of {query}")
    at.page.locator(".key .token").nth(14).hover()
    expect(legend(at)).to_contain_text("numbers beside tokens: nothing left out")


# -- the scale ------------------------------------------------------------------------------------------------------


def test_an_even_spread_is_marked_on_the_scale(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L2-H6"])
    even = at.page.locator(".even")
    expect(even).to_have_count(0)
    token(at, "query", IT).hover()
    expect(even).to_contain_text("even: 1/9")
    at.rest()
    wedge = at.page.locator(".wedge rect")
    first, last = wedge.first.bounding_box(), wedge.last.bounding_box()
    mark = even.locator("line").bounding_box()
    assert first
    assert last
    assert mark
    start, stop = first["x"], last["x"] + last["width"]
    assert (mark["x"] - start) / (stop - start) == pytest.approx(1 / 9, abs=0.02)
    token(at, "key", IT).hover()  # its queries see keys in different numbers
    expect(even).to_have_count(0)


def test_words_have_an_even_spread_of_their_own(mount: Callable[..., Mounted]) -> None:
    at = mount("The unbelievable extraordinariness surprised everybody", heads=["L2-H6"], words=True)
    last = len(at.widget.tokens) - 1
    token(at, "query", last).hover()
    row = at.widget.weights()[0, last]
    times = row.max().item() * len(row)
    assert f"the largest of {len(row)} · {times:.1f} times an even spread over words" in status(at)
    expect(at.page.locator(".even")).to_contain_text(f"even: 1/{len(row)}")


# -- the price ------------------------------------------------------------------------------------------------------


def test_what_all_weights_would_take_is_said_beside_what_is_kept(mount: Callable[..., Mounted]) -> None:
    at = mount()
    count = len(at.widget.tokens) ** 2 * 8 * 4
    kept = at.widget.trace.nbytes
    said = f"12² pairs × 8 heads × 4 layers = {count:,} weights, {4 * count / 1e3:.0f} kB · kept: {kept / 1e3:.0f} kB"
    expect(at.page.locator(".price")).to_have_text(said)


def test_of_an_encoder_decoder_all_three_attentions_count(mount: Callable[..., Mounted]) -> None:
    at = mount("Le chat noir dort sur le lit", model="demo/fr-en")
    trace = at.widget.trace
    sizes = [
        (len(queries.text), len(keys.text), trace.n_heads(name), trace.n_layers(name))
        for name in trace.attentions
        for queries, keys in [trace.sides(name)]
    ]
    count = sum(n * m * heads * layers for n, m, heads, layers in sizes)
    said = at.page.locator(".price")
    expect(said).to_contain_text(f"= {count:,} weights")
    expect(said).to_contain_text("encoder, decoder, cross: (")


def test_one_head_more_is_drawn_in_its_own_colour_at_once(mount: Callable[..., Mounted]) -> None:
    """Lines and pens change together: a third head's lines were looked up among two heads' pens."""
    at = mount(heads=[LAYER[0], LAYER[1]], threshold=0.0)
    for count in (3, 4, 2, 8, 3):
        at.widget.heads = LAYER[:count]
        at.wait()  # fails where the drawing has thrown
        expect(legend(at).locator(".head-names path")).to_have_count(count if count <= 4 else 0)
