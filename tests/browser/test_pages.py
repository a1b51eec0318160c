"""Pages that are opened from disk: every number beside the kernel's, nothing from the network, nothing but text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers as hf
from playwright.sync_api import expect

import attnwidget as aw
import tiny
import zoo
from attnwidget.export.page import page as save_page
from attnwidget.wire.schema import Breakdown
from browser.pages import Saved, array, kernels, session_of

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

SUMMED = 12  # numbers, at most, that one of an answer is the sum of
TEXT = "It was the best of times, it was the worst."
PAIR = {"text_pair": "Who said so?"}


def captured(make: Any, text: str = TEXT, *cls: Any, marks: bool = False, **more: Any) -> aw.AttentionTrace:
    return aw.capture(make(*cls), text, tokenizer=tiny.tokenizer(marks=marks), **more)


def given() -> aw.AttentionTrace:
    """Attention that was computed elsewhere, with a number that is none."""
    torch.manual_seed(0)
    weights = torch.randn(2, 3, 9, 9).softmax(-1)
    weights[1, 2, 4] = torch.nan
    return aw.AttentionTrace.from_attentions(weights, list("abcdefghi"))


def padded() -> aw.AttentionTrace:
    """Of a text with padding behind it, which sees and is seen by nobody."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 4, 12, 8) for _ in range(3))
    mask = torch.ones(12, 12, dtype=torch.bool)
    mask[:, 9:] = False
    mask[9:] = False
    return aw.AttentionTrace.from_qkv(q, k, v, [f"w{at}" for at in range(12)], mask)


TRACES = {
    "GPT-2": lambda: captured(tiny.gpt2),
    "BERT, a pair": lambda: captured(tiny.bert, marks=True, **PAIR),
    "T5": lambda: captured(zoo.ZOO["T5"][3], "It was the best of times.", text_target="Das war sie."),
    "Gemma 2": lambda: captured(tiny.gemma2),
    "gpt-oss": lambda: captured(tiny.gpt_oss),
    "BLOOM": lambda: captured(zoo.ZOO["BLOOM"][3]),
    "GPT-2 with its head": lambda: captured(tiny.gpt2, TEXT, hf.GPT2LMHeadModel),
    "padding": padded,
    "weights": given,
}


def asks(trace: aw.AttentionTrace, attention: str, measure: str) -> list[dict[str, Any]]:
    """Ask for a bit of everything."""
    n, m = (len(side.text) for side in trace.sides(attention))
    words = [len(side.word_texts) for side in trace.sides(attention)]
    kept = trace.kept(attention)
    heads = [(kept[0], 1), (kept[-1], 0), (kept[-1], 2)]
    about = {"attention": attention, "measure": measure}
    one = {"layer": kept[-1], "head": 2}
    tiles = [
        {"ask": "tile", **one, "queries": (0, n), "keys": (0, m)},
        {"ask": "tile", **one, "queries": (3, 7), "keys": (1, m - 2)},
        {"ask": "tile", **one, "queries": (0, words[0]), "keys": (0, words[1]), "words": True},
    ]
    pairs = [
        {"ask": "rank", "queries": [n - 2], "keys": [1]},
        {"ask": "rank", "queries": [n - 1, 4], "keys": []},
        {"ask": "rank", "queries": [], "keys": [0, 2], "words": True},
    ]
    pairs += [
        {"ask": "profile", "heads": heads, "queries": [n - 2, 3], "keys": [], "combine": "sum"},
        {"ask": "profile", "heads": heads, "queries": [], "keys": [1, 2], "words": True},
        {"ask": "profile", "heads": heads, "queries": [n - 1], "keys": [], "together": "maximum"},
        {"ask": "profile", "heads": heads, "queries": [], "keys": [2], "together": "mean"},
    ]
    level = 1
    more = [
        {"ask": "cells", "heads": heads[:1], "level": 0, "row": 0, "column": 0},
        {"ask": "cells", "heads": heads[:1], "level": level, "row": 0, "column": 0, "words": True},
        {"ask": "cells", "heads": heads, "together": "maximum", "level": level, "row": 0, "column": 0},
        {"ask": "cells", "heads": heads, "together": "mean", "level": 2, "row": 0, "column": 0},
    ]
    found = [one | about for one in (*tiles, *pairs, *more)]
    if measure == "weights":
        found.append({"ask": "similar", "layer": kept[0], "head": 1, "attention": attention})
    return found


@pytest.mark.parametrize("name", TRACES)
def test_every_number_is_within_the_stated_bound(page: Page, blocked: list[str], tmp_path: Path, name: str) -> None:
    session = session_of(TRACES[name]())
    trace = session.settled()
    ways = not trace.lacks("contribution", session.selection.attention)
    if ways:  # carried where it is on screen
        session.select(measure="contribution")
    saved = Saved(page, tmp_path / "page.html", save_page(session))
    saved.wait()
    assert "differ from the model's by at most" in page.inner_text("figcaption")
    limits = limits_of(page)
    compared = 0
    for attention in trace.attentions:
        if attention != session.selection.attention:
            session.select(attention=attention)
            page.evaluate(
                "name => { attnwidget.model.set('attention', name); attnwidget.model.save_changes(); }", attention
            )
        for measure in ("weights", "scores", "norms", "contribution"):
            if trace.lacks(measure, attention) or (measure == "contribution" and not ways):
                continue
            norm = 1.0
            if measure == "norms":
                layers = trace.kept(attention)
                norm = max(float(trace.value_norms(at, attention=attention).max()) for at in layers)
            limit = (
                limits[{"contribution": "contributions"}.get(measure, measure)]
                if measure != "norms"
                else 1.01 * norm * limits["weights"] + 1e-4 * norm
            )
            questions = asks(trace, attention, measure)
            for ask, (reply, data) in zip(questions, saved.answer(questions), strict=True):
                assert reply["ok"], (ask, reply)
                about, exact = kernels(session, ask)
                mine, theirs = array(reply["ok"], data), array(about, exact)
                assert mine.shape == theirs.shape, ask
                assert torch.equal(mine == -torch.inf, theirs == -torch.inf), ask
                assert torch.equal(mine.isnan(), theirs.isnan()), ask
                if ask["ask"] in {"rank", "profile"} and len(mine) == 2 and (ask["ask"] == "rank" or "together" in ask):
                    mine, theirs = mine[0], theirs[0]  # beside it, places: of equals another may be the largest
                if measure in {"scores", "contribution"} and (
                    ask["ask"] == "cells" or ask.get("together") == "maximum"
                ):
                    mine, theirs = mine[:1].abs(), theirs[:1].abs()  # of two as far from 0 either may be the farthest
                known = theirs.isfinite()
                times = 1 if ask["ask"] == "tile" and not ask.get("words") else SUMMED
                torch.testing.assert_close(
                    mine[known],
                    theirs[known],
                    rtol=0,
                    atol=limit * times + 1e-6,
                    msg=lambda text, ask=ask: f"{ask}: {text}",
                )
                assert reply["ok"].get("why") == about.get("why")
                compared += 1
    assert compared >= 10
    assert blocked == []
    assert saved.violations == []


def limits_of(page: Page) -> dict[str, float]:
    """Return what the page says that its numbers may be off."""
    return page.evaluate("attnwidget.errors")


LINES = [
    {"heads": [(0, 1)], "spans": [(1, 5), (8, 12)], "count": 3, "least": 0.02},
    {"heads": [(0, 1), (2, 3)], "spans": [(0, 9)], "count": 2, "without_self": True, "without_first": True},
    {"heads": [(0, 1), (2, 3)], "spans": [(2, 6)], "count": 4, "side": "key"},
    {"heads": [(0, 1), (2, 3), (1, 0)], "spans": [(2, 6)], "count": 4, "together": "mean", "words": True},
    {"heads": [(1, 1)], "spans": [(2, 9)], "count": 3, "measure": "scores", "least": 0},
]


def test_the_strongest_lines_are_the_kernels(page: Page, tmp_path: Path) -> None:
    session = session_of(captured(tiny.gpt2))
    saved = Saved(page, tmp_path / "page.html", save_page(session))
    saved.wait()
    camel = {"without_self": "withoutSelf", "without_first": "withoutFirst"}
    asked = [{"ask": "strongest"} | {camel.get(name, name): value for name, value in one.items()} for one in LINES]
    for ask, (reply, data) in zip(asked, saved.answer(asked), strict=True):
        limit = SUMMED * limits_of(page)[ask.get("measure", "weights")]
        about, exact = kernels(session, ask)
        assert reply["ok"]["rows"] == about["rows"]
        (mine, sums), (theirs, exact_sums) = (split(one, found) for one, found in ((reply["ok"], data), (about, exact)))
        torch.testing.assert_close(sums, exact_sums, rtol=0, atol=limit)
        for row in theirs[0].unique():
            ours, known = (one[3][one[0] == row].sort().values for one in (mine, theirs))
            torch.testing.assert_close(ours, known, rtol=0, atol=limit)
        clear = theirs[3] > theirs[3].median()  # the same pairs, where none is as strong
        where = {tuple(one) for one in mine[:3].T.tolist()}
        assert sum(tuple(one) in where for one in theirs[:3, clear].T.tolist()) >= 0.9 * int(clear.sum())


def split(about: dict[str, Any], data: bytes) -> tuple[torch.Tensor, torch.Tensor]:
    found = torch.frombuffer(bytearray(data), dtype=torch.float32)
    lines = 4 * about["shape"][1]
    return found[:lines].view(4, -1), found[lines:].view(4, -1)


def test_pictures_are_the_kernels(page: Page, tmp_path: Path) -> None:
    session = session_of(captured(tiny.gpt2))
    saved = Saved(page, tmp_path / "page.html", save_page(session))
    asked = [
        {"ask": "headPictures", "layers": [0, 2], "cells": 40, "limit": limit, "measure": measure}
        for measure, limit in (("weights", 1), ("scores", 3), ("norms", 2))
    ]
    for ask, (reply, data) in zip(asked, saved.answer(asked), strict=True):
        about, exact = kernels(session, ask)
        mine, theirs = array(reply["ok"], data), array(about, exact)
        assert reply["ok"]["sampled"] == about["sampled"]
        assert torch.equal(mine == 0, theirs == 0)
        assert (mine.int() - theirs.int()).abs().max() <= 1
    drawn = page.evaluate(
        """() => new Promise((done) => {
            const { model } = attnwidget;
            model.on("change:_pictures", () => done(model.get("_pictures")));
            model.set("measure", "scores");
            model.save_changes();
        })"""
    )
    assert (drawn["measure"], drawn["domain"], drawn["shape"]) == ("scores", "real", [3, 4, 16, 16])


WHAT_IFS: list[dict[str, Any]] = [
    {},
    {"scaled": False},
    {"temperature": 2.5},
    {"scores": {"3": 1.5}},
    {"masked": [1, 4]},
    {"removed": [0]},
    {"temperature": 0.7, "masked": [2], "removed": [5, 0], "scaled": True},
]


def choose(saved: Saved, **values: Any) -> None:
    """Set what the widget sets, as it does."""
    saved.wait()
    saved.page.evaluate(
        """values => {
            for (const [name, value] of Object.entries(values)) attnwidget.model.set(name, value);
            attnwidget.model.save_changes();
        }""",
        values,
    )
    saved.wait()


@pytest.mark.parametrize("name", ["GPT-2", "T5", "Gemma 2", "gpt-oss", "padding"])
def test_the_breakdown_is_the_kernels(page: Page, tmp_path: Path, name: str) -> None:
    session = session_of(TRACES[name]())
    saved = Saved(page, tmp_path / "page.html", save_page(session))
    saved.wait()
    limits = limits_of(page)
    more_off = {name: SUMMED * value for name, value in limits.items()}
    places = [
        ([], {}),
        ([6], {}),
        ([2, 7, 5], {}),
        ([2, 7], {"combine": "sum"}),
        *(([6], {"what_if": one}) for one in WHAT_IFS),
    ]
    places.append(([3, 8], {"what_if": {"temperature": 2, "removed": [1]}}))
    for queries, more in places:
        now = {"view": "breakdown", "heads": [(1, 2)], "layer": 1, "queries": queries, "combine": "mean", "what_if": {}}
        choose(saved, **now | more)
        session.select(**now | more)
        mine, state = saved.breakdown(), session.states["breakdown"]
        assert isinstance(state, Breakdown)
        theirs = state.to_state()
        assert mine["missing"] == theirs["missing"] == ""
        assert mine["projected"]["state"] == "missing"
        assert "page" in mine["projected"]["message"]
        for name_of in (
            "queries",
            "pinned",
            "rows",
            "ranked",
            "visible",
            "masked",
            "sharedBy",
            "keyHead",
            "keyHeads",
            "scale",
            "softcap",
        ):
            assert mine[name_of] == theirs[name_of], name_of
        compare(mine, theirs, **limits)
        if more.get("what_if"):
            compare(mine["changed"], theirs["changed"], **more_off)
        else:
            assert mine["changed"] is None


def compare(
    mine: dict[str, Any], theirs: dict[str, Any], weights: float, scores: float, values: float, **_: float
) -> None:
    """Compare all numbers of a breakdown, each with what it may be off."""
    counted = SUMMED * weights
    size = max(
        1.0,
        *(array(one, one["data"]).float().nan_to_num(0, 0, 0).abs().max().item() for one in theirs["arrays"].values()),
    )
    loose = (counted + SUMMED * values + SUMMED * scores) * size
    allowed = {"weights": weights, "scores": scores, "scaled": scores, "capped": scores, "values": values, "allowed": 0}
    absent = {"contribution", "output", "headNorms", "attentionOutput"}  # they take W_O
    assert mine["arrays"].keys() == theirs["arrays"].keys() - absent
    for name, one in mine["arrays"].items():
        exact = array(theirs["arrays"][name], theirs["arrays"][name]["data"])
        torch.testing.assert_close(
            one, exact, rtol=0, atol=allowed.get(name, loose) + 1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )
    for name in ("maximum", "total", "sink", "removed", "grown"):
        if mine.get(name) is not None or theirs.get(name) is not None:
            assert mine[name] == pytest.approx(theirs[name], abs=loose), name
    assert mine["rest"]["count"] == theirs["rest"]["count"]


@pytest.fixture(scope="module")
def demo() -> bytes:
    widget = aw.AttentionWidget("The animal didn't cross the road because it was too tired to go on.", probe=False)
    return save_page(widget._session)


def test_every_view_is_drawn_from_disk_without_a_kernel(
    page: Page, blocked: list[str], tmp_path: Path, demo: bytes
) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    saved = Saved(page, tmp_path / "page.html", demo)
    saved.wait()
    assert page.title().startswith("The animal didn't cross the road")
    assert "lang" in page.evaluate("document.documentElement.getAttributeNames()")
    for name in ("Matrix", "Text", "Heads", "Breakdown", "Lines"):
        saved.root.get_by_role("tab", name=name).click()
        saved.wait()
        expect(saved.root).to_have_attribute("data-view", name.lower())
        expect(saved.root.get_by_role("alert")).to_have_count(0)
    saved.root.get_by_role("button", name="what comes next?").click()
    expect(saved.root.locator(".next li")).to_have_count(5)
    reply, _ = saved.answer([{"ask": "save", "format": "png"}])[0]
    assert "without a kernel" in reply["error"]["message"]
    assert [url.partition(":")[0] for url in requests] == ["file"]  # itself
    assert blocked == []
    assert saved.violations == []


def test_what_if_moves_the_steps(page: Page, tmp_path: Path, demo: bytes) -> None:
    saved = Saved(page, tmp_path / "page.html", demo)
    choose(saved, view="breakdown")
    saved.root.get_by_role("button", name="What if…").click()
    slider = saved.root.locator(".whatif input[type=range]").first
    slider.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    saved.wait()
    state = saved.breakdown()
    assert state["whatIf"]["temperature"] > 1
    assert state["changed"]["arrays"]["weights"].max() < state["arrays"]["weights"].max()


def test_a_page_carries_the_chosen_heads_and_says_so_of_the_others(page: Page, tmp_path: Path) -> None:
    session = session_of(captured(tiny.gpt2), heads=[(0, 0)])
    saved = Saved(page, tmp_path / "page.html", save_page(session, heads=["L1-H2"], layers=[2], values=False))
    tile = {"ask": "tile", "queries": (0, 5), "keys": (0, 5)}
    replies = saved.answer(
        [tile | {"layer": 1, "head": 2}, tile | {"layer": 1, "head": 3}, tile | {"layer": 0, "head": 3}]
    )
    assert page.evaluate("attnwidget.model.get('heads')") == [[1, 2]]
    assert replies[0][0]["ok"]
    assert "does not carry L1-H3" in replies[1][0]["error"]["message"]
    assert "does not carry layer 0" in replies[2][0]["error"]["message"]
    reply, data = saved.answer([{"ask": "rank", "queries": [4], "keys": [1]}])[0]
    assert array(reply["ok"], data)[0].isfinite().tolist() == [[False] * 4, [False, False, True, False], [True] * 4]
    choose(saved, view="breakdown")
    assert "weights of this layer" in saved.breakdown()["missing"] or "without values" in saved.breakdown()["missing"]


HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> \u2028 \"'&lt;"


def test_text_stays_text(page: Page, blocked: list[str], tmp_path: Path) -> None:
    tokens = [*HOSTILE.split(), "\ud800", "]]>", "$x ${y}", "\u202e"]
    weights = torch.eye(len(tokens))[None, None]
    trace = aw.AttentionTrace.from_attentions(weights, tokens, model_name="<b>model</b>--><script>")
    elements = []
    for one in (trace, aw.AttentionTrace.from_attentions(weights, ["a"] * len(tokens))):
        other = page.context.new_page()
        other.on("dialog", lambda _: pytest.fail("a script ran"))
        saved = Saved(other, tmp_path / "page.html", save_page(session_of(one)))
        saved.wait()
        elements.append(other.evaluate("[...document.querySelectorAll('*')].map(one => one.localName).join()"))
        assert saved.violations == []
    assert elements[0] == elements[1]
    assert blocked == []


@pytest.mark.parametrize("part", ["code", "states", "1"])  # the part 0 is of the layer on screen
def test_a_damaged_page_says_so(page: Page, tmp_path: Path, demo: bytes, part: str) -> None:
    text = demo.decode("utf-16")
    at = text.index(f'id="attnwidget-{part}">') + 200
    damaged = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
    saved = Saved(page, tmp_path / "page.html", b"\xff\xfe" + damaged.encode("utf-16-le"))
    if part == "1":
        reply, _ = saved.answer([{"ask": "tile", "layer": 0, "head": 0, "queries": (0, 5), "keys": (0, 5)}])[0]
        assert "damaged: layer 0 cannot be read" in reply["error"]["message"]
    else:
        expect(page.get_by_role("alert")).to_contain_text("it is damaged, or was cut off on its way")


def test_half_a_page_says_so(page: Page, tmp_path: Path, demo: bytes) -> None:
    saved = Saved(page, tmp_path / "page.html", demo[: len(demo) * 3 // 4 & ~1])
    expect(page.get_by_role("alert")).to_contain_text("cut off")
    assert saved.violations == []
