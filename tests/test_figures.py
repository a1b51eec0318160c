"""Figures: numbers and geometry as on screen, text as text in every file, sizes, and the picture in the output."""

from __future__ import annotations

import base64
import logging
import random
import re
import struct
import sys
import time
import xml.etree.ElementTree as ET
import zlib
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import torch

import attnwidget
from attnwidget import AttentionTrace, AttentionWidget, capture, figure, load_model
from attnwidget.export import figure as figures
from attnwidget.export import render, small
from attnwidget.export.save import FORMATS
from attnwidget.session import Session
from attnwidget.wire.schema import VIEWS, Save, Texts

TEXT = "The animal didn't cross the road because it was too tired"
TIRED, ANIMAL = 11, 1
SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "title", "desc", "g", "defs", "pattern", "rect", "path", "text", "tspan", "image"}
ATTRIBUTES = {
    *("width", "height", "viewBox", "role", "x", "y", "d", "rx", "id", "transform", "opacity", "href"),
    *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "image-rendering"),
    *("patternUnits", "preserveAspectRatio", "textLength", "lengthAdjust", "text-anchor", "text-decoration"),
    *("font-family", "font-size", "font-weight", "font-style", "style"),
    *("data-query", "data-key", "data-head", "data-unit"),
}


@pytest.fixture(scope="module")
def trace():
    model, tokenizer = load_model("demo/causal")
    return capture(model, TEXT, tokenizer=tokenizer)


@pytest.fixture(scope="module")
def exact():
    """The model's own weights of the text, (layers, heads, queries, keys)."""
    model, tokenizer = load_model("demo/causal")
    model.set_attn_implementation("eager")
    with torch.no_grad():
        found = model(**tokenizer(TEXT, return_tensors="pt"), output_attentions=True).attentions
    return torch.stack(found)[:, 0]


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def lines_in(root: ET.Element) -> dict[tuple[int, int, int], ET.Element]:
    """The lines by head, query and key."""
    about = ("data-head", "data-query", "data-key")
    paths = [one for one in root.iter(f"{SVG}path") if one.get("data-head")]
    return {tuple(int(one.get(name)) for name in about): one for one in paths}


def labels_in(root: ET.Element, side: str) -> list[str]:
    found = [(int(one.get(f"data-{side}")), one.text) for one in root.iter(f"{SVG}text") if one.get(f"data-{side}")]
    assert [at for at, _ in found] == sorted(at for at, _ in found)
    return [text for _, text in found]


def test_every_line_is_a_weight_of_the_model(trace, exact):
    heads = [(2, 6), (3, 0)]
    root = parsed(figure(trace, heads=heads, threshold=0.05).svg)
    found = lines_in(root)
    expected = {
        (at, query, key): exact[layer, head, query, key].item()
        for at, (layer, head) in enumerate(heads)
        for query in range(12)
        for key in range(12)
        if exact[layer, head, query, key] >= 0.05
    }
    assert found.keys() == expected.keys()
    for pair, weight in expected.items():
        line = found[pair]
        widest = 6  # two heads have room for that in rows of 26 px
        assert float(line.get("stroke-width")) == pytest.approx(0.6 + (widest - 0.6) * weight, abs=0.006)
        assert float(line.get("stroke-opacity")) == pytest.approx(0.1 + 0.9 * weight, abs=0.006)


def test_lines_run_from_their_query_to_their_key(trace):
    root = parsed(figure(trace, heads="L2-H6").svg)
    assert labels_in(root, "query") == labels_in(root, "key") == trace.tokens
    labels = [one for one in root.iter(f"{SVG}text") if one.get("data-query")]
    middles = [float(one.get("y")) - 0.35 * 13 for one in labels]
    for (_, query, key), line in lines_in(root).items():
        _, start, handles, end = re.fullmatch(r"M(\S+) (\S+)C(.*) (\S+)", line.get("d")).groups()
        assert float(start) == pytest.approx(middles[query], abs=0.02), handles
        assert float(end) == pytest.approx(middles[key], abs=0.02)


def test_a_pinned_pair_is_read_above_and_beside(trace, exact):
    svg = figure(trace, heads="L2-H6", queries="tired", keys="animal").svg
    weight = exact[2, 6, TIRED, ANIMAL].item()
    assert f"tired → animal {weight:.4f}" in parsed(svg).find(f"{SVG}title").text
    assert f">{weight:.2f}<".replace("0.", ".") in svg


def test_a_matrix_has_a_cell_for_each_pair_that_may_attend(trace, exact):
    root = parsed(figure(trace, view="matrix", heads="L2-H6").svg)
    rows = [one for one in root.iter(f"{SVG}g") if one.get("data-query")]
    assert len(rows) == 12
    fills = {}
    for query, row in enumerate(rows):
        cells = list(row)
        assert [int(one.get("data-key")) for one in cells] == list(range(query + 1))  # causal
        assert len({one.get("y") for one in cells}) == 1
        fills |= {(query, key): one.get("fill") for key, one in enumerate(cells)}
    # The stronger, the less red: the ramp goes from white to blue.
    ordered = sorted(fills, key=lambda pair: exact[2, 6][pair].item())
    reds = [int(fills[pair][1:3], 16) for pair in ordered]
    assert all(one >= other - 1 for one, other in pairwise(reds))


def test_the_breakdown_has_the_numbers_of_the_row(trace, exact):
    root = parsed(figure(trace, view="breakdown", heads="L2-H6", queries="tired").svg)
    texts = [one.text for one in root.iter(f"{SVG}text")]
    for key in range(12):
        assert f"{exact[2, 6, TIRED, key].item():.4f}" in texts


def test_the_text_is_shaded_by_its_weights(trace, exact):
    root = parsed(figure(trace, view="text", heads="L2-H6", queries="tired").svg)
    found = [one.text for one in root.iter(f"{SVG}text") if one.get("data-unit")]
    assert found == trace.tokens
    assert f"darkest = {exact[2, 6, TIRED].max().item():.4f}" in "".join(root.itertext())


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_has_a_figure_with_where_it_is_from(trace, view, theme):
    for width in (3.3, 10, None):
        found = figure(trace, view=view, heads="L2-H6", width=width, theme=theme, background=width != 10)
        root = parsed(found.svg)
        said = root.find(f"{SVG}desc").text
        assert "weight = softmax(q·k ÷ √32 + mask)" in said
        assert f"attnwidget {attnwidget.__version__}" in said
        assert TEXT in said
        assert (width is None) or root.get("width") == f"{width}in"
        inside(root)
    assert "animal" in figure(trace, view="lines", caption=False).svg
    assert "softmax" not in "".join(parsed(figure(trace, caption=False).svg).find(f"{SVG}g").itertext())


def inside(root: ET.Element) -> None:
    """All text that is not turned stands inside the picture, and no two lines of it in one place."""
    _, _, width, height = map(float, root.get("viewBox").split())

    def walk(node: ET.Element, dx: float, dy: float) -> None:
        moved = re.fullmatch(r"translate\((\S+) (\S+)\)", node.get("transform", ""))
        dx, dy = (dx + float(moved[1]), dy + float(moved[2])) if moved else (dx, dy)
        if node.tag == f"{SVG}text" and "rotate" not in node.get("transform", ""):
            x, y = dx + float(node.get("x")), dy + float(node.get("y"))
            assert 0 <= x <= width
            assert 0 < y <= height
        for child in node:
            walk(child, dx, dy)

    walk(root, 0, 0)


def test_long_texts_have_figures_too():
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 1, 2, 2000, 8, generator=generator)
    long = AttentionTrace.from_qkv(3 * q, k, v, [f"w{at}" for at in range(2000)], mask="causal")
    weights = long.weights(0, 1)  # (queries, keys)
    for options in ({}, {"queries": [1500]}, {"keys": [3]}, {"queries": [1500], "heads": [(0, 0), (0, 1)]}):
        for view in ("lines", "matrix", "text", "heads"):
            svg = figure(long, view=view, **{"heads": [(0, 1)]} | options).svg
            assert len(svg) < 150_000
            inside(parsed(svg))
    root = parsed(figure(long, heads=[(0, 1)], queries=[1500]).svg)
    of_pinned = {key for _, query, key in lines_in(root) if query == 1500}
    assert of_pinned == set(weights[1500].topk(6).indices.tolist())
    assert len(labels_in(root, "query")) <= 40


# -- files ----------------------------------------------------------------------------------------------------------


def size_of(png: bytes) -> tuple[int, int]:
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize("density", [1, 2, 3.5])
def test_a_png_is_as_wide_and_dense_as_was_asked(trace, density):
    found = figure(trace, width=3.3).png(density)
    assert size_of(found)[0] == round(3.3 * 96 * density)
    physical = dict(small.chunks(found))[b"pHYs"]
    assert struct.unpack(">IIB", physical)[0] == round(96 * density / 0.0254)


def test_files_by_their_endings(trace, tmp_path, monkeypatch):
    one = figure(trace)
    for ending, first in ((".svg", b"<svg"), (".png", small.SIGNATURE), (".pdf", b"%PDF")):
        one.save(tmp_path / f"a{ending}")
        assert (tmp_path / f"a{ending}").read_bytes().startswith(first)
    figure(trace, width=3.3).save(tmp_path / "narrow.pdf")
    box = re.search(rb"/MediaBox ?\[0 0 ([\d.]+) ", (tmp_path / "narrow.pdf").read_bytes())
    assert float(box[1]) == pytest.approx(3.3 * 72, abs=0.1)
    with pytest.raises(ValueError, match=r"\.svg, \.png or \.pdf, not as 'a\.jpg'"):
        one.save(tmp_path / "a.jpg")
    assert not (tmp_path / "a.jpg").exists()
    render._converter.cache_clear()
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ImportError, match=r"pip install 'attnwidget\[pdf\]'"):
        one.save(tmp_path / "b.pdf")
    render._converter.cache_clear()
    assert not (tmp_path / "b.pdf").exists()


def test_a_widget_saves_what_is_on_screen(trace, tmp_path):
    widget = AttentionWidget(trace, heads="L2-H6", queries="tired")
    widget.save_svg(tmp_path / "a.svg", width=3.3)
    widget.save_png(tmp_path / "a.png", width=3.3, density=3)
    widget.save_pdf(tmp_path / "a.pdf", theme="dark", background=False)
    assert (tmp_path / "a.svg").read_text() == figure(trace, heads="L2-H6", queries="tired", width=3.3).svg
    assert size_of((tmp_path / "a.png").read_bytes())[0] == round(3.3 * 96 * 3)
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    widget.view = "matrix"
    assert "data-query" in widget.figure().svg
    for wanted in ("svg", "png", "pdf"):
        _, make = FORMATS[wanted]
        assert make(widget._session, Save(id="a-1", format=wanted, width=3.3), lambda *_: None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "inches"),
        ({"width": "3in"}, "inches"),
        ({"theme": "blue"}, "theme"),
        ({"heads": "L9-H0"}, "out of range"),
        ({"view": "cake"}, "cake"),
        ({"queries": "zebra"}, "zebra"),
    ],
)
def test_what_is_wrong_is_said(trace, options, message):
    with pytest.raises(ValueError, match=message):
        figure(trace, **options)


def test_wrong_names_and_sources(trace):
    with pytest.raises(TypeError, match="unknown keyword 'head'; known: view"):
        figure(trace, head=3)
    with pytest.raises(TypeError, match="AttentionTrace or a Session, not of str"):
        figure("The cat")
    with pytest.raises(ValueError, match="density"):
        figure(trace).png(0)
    with pytest.raises(ValueError, match="less density"):
        figure(trace, width=60).png(20)


def test_a_machine_without_fonts_still_writes(trace):
    svg = figure(trace, heads="L2-H6").svg
    drawn = render.png(svg, 1, skip_system_fonts=True)
    silent = render.png(re.sub(r"<text.*?</text>", "", svg), 1, skip_system_fonts=True)
    assert len(drawn) > 1.2 * len(silent)  # the letters are there


def test_figures_on_many_threads(trace):
    one = figure(trace, heads="L2-H6").svg
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: figure(trace, heads="L2-H6").svg, range(24))) == {one}


# -- text is text ---------------------------------------------------------------------------------------------------

CLASSIC = [
    "<script>alert(1)</script>", "</text><script>", "]]>", "<![CDATA[", "<!--", "-->", "&lt;", "&#0;", "&#x1f;",
    '" onload="alert(1)', "' onload='x", "javascript:alert(1)", "<a xlink:href='x'>", "\x00", "\x0b\x0c", "\x1b[31m",
    "\ufffe\uffff", "\ud800", "\udfff\ud800", "\u202e\u2066", "<?xml?>", "<!DOCTYPE x [<!ENTITY y 'z'>]>", "&y;",
    "\\u003c", "%3Cscript%3E", "${1}", "{{x}}", "\r\n\t", "a" * 400, "e" + "\u0301" * 40, "👩\u200d👩\u200d👧",
    "東京", "שלום",
]  # fmt: skip


def hostile(count: int, seed: int = 0) -> list[str]:
    """Strings of what XML and its readers stumble over."""
    pick = random.Random(seed)
    letters = "<>&\"'=/\\;#!-[]()%{}xa0 \t\n\x00\x08\x1f\x7f\x85\u2028\ufeff\ufffe\ud800\udc00\u202e\U0001f600語ש"
    made = ["".join(pick.choices(letters, k=pick.randint(1, 12))) for _ in range(count)]
    return [*CLASSIC, *made][:count]


@pytest.mark.parametrize("view", ["lines", "matrix", "text"])
def test_hostile_tokens_are_text(view):
    strings = hostile(1700, seed=len(view))
    for start in range(0, len(strings), 34):
        tokens = strings[start : start + 34]
        weights = torch.full((1, 1, len(tokens), len(tokens)), 1 / len(tokens))
        one = AttentionTrace.from_attentions(weights, tokens=tokens, model_name=tokens[0])
        svg = figure(one, view=view, threshold=0.5, width=10).svg
        root = parsed(svg)
        for node in root.iter():
            assert node.tag.removeprefix(SVG) in ELEMENTS
            assert set(node.attrib) <= ATTRIBUTES
            assert node.get("href", "data:image/png;base64,").startswith("data:image/png;base64,")
        assert "<!" not in svg.replace("&#60;!", "")


def test_hostile_text_in_other_files():
    tokens = CLASSIC[:24]
    weights = torch.full((1, 1, 24, 24), 1 / 24)
    one = figure(AttentionTrace.from_attentions(weights, tokens=tokens, model_name=")>>/JavaScript(x)"), threshold=0.5)
    assert size_of(one.png(1))[0] == 560
    written = one.pdf()
    for word in (b"/JavaScript", b"/JS", b"/URI", b"/OpenAction", b"/Launch", b"/AA"):
        assert word not in written


# -- the picture in the output --------------------------------------------------------------------------------------


def test_the_output_holds_a_picture(trace):
    widget = AttentionWidget(trace, heads="L2-H6")
    bundle, metadata = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    png = base64.b64decode(bundle["image/png"])
    size = metadata["image/png"]
    assert size_of(png) == (2 * size["width"], pytest.approx(2 * size["height"], abs=1))
    assert len(png) <= 60_000
    assert "File → Trust Notebook" in bundle["text/plain"]
    assert "L2-H6" in bundle["text/plain"]


def test_it_takes_no_time_and_few_bytes():
    model, tokenizer = load_model("demo/causal")
    sentence = "The secret word of the captain is Zanzibar and nobody on the long ship knows it but him , he says"
    session = Session(probe=False)
    session.open(capture(model, sentence, tokenizer=tokenizer), Texts(), None)
    figures.output_picture(session)
    took = []
    for _ in range(5):
        began = time.process_time()
        png, _ = figures.output_picture(session)
        took.append(time.process_time() - began)
    assert len(png) <= 60_000
    assert min(took) < 0.4  # what it takes on a machine with nothing else to do: benchmarks/figures.py


def test_it_is_left_out_where_nobody_wants_it(trace, monkeypatch):
    assert "image/png" not in AttentionWidget(trace, picture=False)._repr_mimebundle_()[0]
    monkeypatch.setattr(AttentionWidget, "picture", False)
    assert "image/png" not in AttentionWidget(trace)._repr_mimebundle_()[0]
    assert "image/png" in AttentionWidget(trace, picture=True)._repr_mimebundle_()[0]


def test_it_is_left_out_where_it_fails(trace, monkeypatch, caplog):
    widget = AttentionWidget(trace)
    monkeypatch.setattr(render.resvg_py, "svg_to_bytes", lambda **_: 1 / 0)
    with caplog.at_level(logging.DEBUG, "attnwidget.widget"):
        bundle, metadata = widget._repr_mimebundle_()
    assert "image/png" not in bundle
    assert "image/png" not in metadata
    assert "no picture in the output" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_no_picture_of_a_model_that_is_still_loading(trace):
    widget = AttentionWidget(trace)
    widget._session.traces.clear()
    bundle, _ = widget._repr_mimebundle_()
    assert "image/png" not in bundle
    assert "still loading" in bundle["text/plain"]


def test_a_picture_in_few_colours_is_the_same_picture(trace):
    svg = figure(trace, heads="L2-H6", width=5).svg
    full, few = render.png(svg, 2), render.png(svg, 2, small=True)
    parts = dict(small.chunks(few))
    wide, high = size_of(full)
    assert size_of(few) == (wide, high)
    assert len(few) < len(full) / 2.5
    palette = np.frombuffer(parts[b"PLTE"], np.uint8).reshape(-1, 3)
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(high, wide + 1)
    there = dict(small.chunks(full))
    lines = np.frombuffer(zlib.decompress(there[b"IDAT"]), np.uint8).reshape(high, 1 + 4 * wide)
    exact = small._unfiltered(lines[:, 0], lines[:, 1:].reshape(high, wide, 4)[:, :, :3])  # (high, wide, 3)
    difference = np.abs(exact.astype(int) - palette[rows[:, 1:]])
    assert difference.max() <= 36
    assert tuple(palette[rows[0, 1]]) == (255, 255, 255)


def test_the_filters_of_a_png_are_undone():
    """All five of them, against a few lines that do it pixel by pixel."""
    generator = np.random.default_rng(0)
    filters = np.array([0, 1, 2, 3, 4, 4, 3, 2, 1, 0], np.uint8)
    given = generator.integers(0, 256, (len(filters), 7, 3), np.uint8)
    found = np.zeros((len(filters) + 1, 8, 3), int)
    for row, rule in enumerate(filters):
        for column in range(7):
            left, up, corner = found[row + 1, column], found[row, column + 1], found[row, column]
            guess = left + up - corner
            far = np.abs(np.stack([left, up, corner]) - guess)
            nearest = np.choose(far.argmin(0), [left, up, corner])
            told = [0, left, up, (left + up) // 2, nearest][rule]
            found[row + 1, column + 1] = (given[row, column].astype(int) + told) % 256
    np.testing.assert_array_equal(small._unfiltered(filters, given), found[1:, 1:])
