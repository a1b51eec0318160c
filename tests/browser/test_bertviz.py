"""`html_action="return"`: a frame in a cell's output or in a file of any encoding, alive without kernel and network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from playwright.sync_api import expect

from attnwidget.bertviz import head_view, model_view

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

TOKENS = ["<s>", "Œuf", "</script><b>", "cat", "</s>"]


def test_two_views_on_one_page(page: Page, blocked: list[str], tmp_path: Path) -> None:
    attention = list(torch.randn(3, 1, 4, 5, 5, generator=torch.Generator().manual_seed(0)).softmax(-1))
    views = [
        head_view(attention, TOKENS, layer=1, heads=[2], html_action="return"),
        model_view(attention, TOKENS, include_layers=[0, 2], html_action="return"),
    ]
    file = tmp_path / "views.html"
    file.write_text("\n<p>between them</p>\n".join(view.data for view in views), encoding="ascii")
    violations: list[str] = []
    page.on("console", lambda message: violations.append(message.text))
    page.on("pageerror", lambda error: violations.append(str(error)))
    page.goto(file.as_uri())
    frames = [page.locator("iframe").nth(at).content_frame for at in range(2)]
    for frame in frames:
        expect(frame.locator("[data-attnwidget]")).to_have_attribute("data-state", "ready", timeout=20_000)
    lines, heads = frames
    expect(lines.get_by_role("tab", name="Lines")).to_have_attribute("aria-selected", "true")
    expect(heads.get_by_role("tab", name="Heads")).to_have_attribute("aria-selected", "true")
    queries, keys = (lines.locator(f"[data-side={side}]") for side in ("query", "key"))
    expect(queries).to_have_text(TOKENS)
    queries.nth(1).click()
    keys.nth(3).click()
    told = lines.locator("[role=status]").first
    expect(told).to_contain_text("L1-H2 Œuf → cat")
    off = float(told.text_content().split("cat")[1].split()[0][:6]) - float(attention[1][0, 2, 1, 3])
    assert abs(off) < 0.001
    assert blocked == []
    assert not violations
