"""Numbers around a zero that means something: by size, with their sign, wherever a measure's numbers are taken."""

import json

import msgspec
import pytest
import torch

import tiny
from attnwidget import capture, measures
from attnwidget.measures import Measure
from attnwidget.session import Session
from attnwidget.trace.cells import About, Square
from attnwidget.wire import pictures as small
from attnwidget.wire import schema
from attnwidget.wire.lines import lines
from attnwidget.wire.outline import outline
from attnwidget.wire.profile import profile_rows
from attnwidget.wire.tiles import snapshot

INF = torch.inf


class Pull(Measure):
    """Weight × value along a direction: of either sign, and 0 is none."""

    name, label, domain = "pull", "pull", "signed"
    sentence = "What the head writes for this key along one direction."
    needs = frozenset({"values"})
    below, above = "pushes down", "pulls up"

    def tile(self, region):
        along = region.values() @ torch.linspace(-1, 1, region.values().shape[-1])  # (heads, keys)
        return region.weights() * along[:, None]  # (heads, queries, keys)


@pytest.fixture(autouse=True)
def pull(monkeypatch):
    monkeypatch.setattr(measures.register.__self__, "_own", {})
    measures.register(Pull)


@pytest.fixture(scope="module")
def trace():
    torch.manual_seed(3)
    return capture(tiny.gpt2(n_positions=64), "the cat sat on the mat and unhappily", tokenizer=tiny.tokenizer())


def numbers_of(trace):
    """All numbers, (layers, heads, queries, keys), made from the trace's own parts; and where they are forbidden."""
    found = []
    for layer in range(trace.n_layers()):
        v = torch.stack([trace.qkv(layer, head)[2] for head in range(trace.n_heads())])  # (heads, keys, d_v)
        along = v @ torch.linspace(-1, 1, v.shape[-1])  # (heads, keys)
        found.append(trace.weights(layer) * along[:, None])
    allowed = torch.stack([trace.allowed(layer) for layer in range(trace.n_layers())])
    return torch.stack(found), allowed


def farthest(some):
    return some[some.abs().argmax()]


def test_forbidden_is_no_zero(trace):
    numbers, allowed = numbers_of(trace)
    tile = trace.measure("pull", 1)
    torch.testing.assert_close(tile, numbers[1].masked_fill(~allowed[1], -INF))
    assert (tile[allowed[1]] < 0).any()
    assert (tile[allowed[1]] > 0).any()


def test_heads_are_ranked_by_size_and_keep_their_sign(trace):
    numbers, _ = numbers_of(trace)
    ranking = trace.rank(9, 4, measure="pull")
    expected = sorted(numbers[:, :, 9, 4].flatten().tolist(), key=abs, reverse=True)
    torch.testing.assert_close(ranking.values, torch.tensor(expected))
    assert {"+", "-"} <= {line.split()[1][0] for line in repr(ranking).splitlines()[1:] if line.strip() != "…"}
    open_side = trace.rank(9, None, measure="pull")
    row = numbers[:, :, 9, :10]
    assert [abs(value) for value in open_side.values.tolist()] == pytest.approx(
        row.abs().amax(-1).flatten().sort(descending=True).values.tolist()
    )
    for name, value, at in zip(open_side.heads, open_side.values.tolist(), open_side.strongest, strict=True):
        layer, head = (int(part[1:]) for part in name.split("-"))
        assert float(row[layer, head, at]) == pytest.approx(value)


@pytest.mark.parametrize("together", ["mean", "maximum"])
def test_many_heads_and_cells_keep_the_strongest_and_the_sum(trace, together):
    numbers, allowed = numbers_of(trace)
    heads = [(0, 0), (1, 2), (2, 1)]
    some = torch.stack([numbers[head] for head in heads])  # (heads, n, n): 0 where forbidden
    one = some.mean(0) if together == "mean" else some.gather(0, some.abs().argmax(0)[None])[0]
    n, cell = len(trace.tokens), 4
    found = trace.cells(About(heads, "self", "pull", together), Square((0, n), (0, n), cell)).cells
    for row in range(found.shape[1]):
        for column in range(found.shape[2]):
            where = slice(row * cell, (row + 1) * cell), slice(column * cell, (column + 1) * cell)
            part, sees = one[where], allowed[0, 0][where]
            if not sees.any():
                assert found[:, row, column].tolist() == [-INF, -INF]
                continue
            expected = torch.stack([farthest(part[sees]), part[sees].sum() / len(part)])
            torch.testing.assert_close(found[:, row, column], expected)


def test_lines_are_the_strongest_of_either_sign(trace):
    numbers, _ = numbers_of(trace)
    ask = schema.Lines(id="", heads=[(1, 2)], spans=[(5, 12)], count=3, measure="pull")
    reply, data = lines(trace, "self", msgspec.convert(msgspec.to_builtins(ask), schema.Lines), 1, lambda *_: None)
    found = torch.frombuffer(bytearray(data), dtype=torch.float32)[: reply.shape[0] * reply.shape[1]]
    found = found.reshape(reply.shape)
    for row in range(5, 12):
        expected = sorted(numbers[1, 2, row, : row + 1].tolist(), key=abs)[-3:]
        assert sorted(found[3, found[0] == row].tolist()) == pytest.approx(sorted(expected))
    assert (found[3] < 0).any()


def test_words_add_up_over_keys(trace):
    numbers, _ = numbers_of(trace)
    words = torch.tensor(trace.words)
    ask = schema.Profile(id="", heads=[(0, 1)], queries=[len(words) - 1], keys=[], measure="pull", words=True)
    found = profile_rows(trace, "self", ask, lambda *_: None)[0]  # (words,)
    expected = torch.zeros(len(trace.word_texts)).index_add_(0, words, numbers[0, 1, -1])
    torch.testing.assert_close(found, expected)
    assert len(expected) < len(words)


def test_pictures_keep_the_strongest_of_either_sign(trace):
    numbers, allowed = numbers_of(trace)
    packed = small.pictures(trace, measure="pull")
    n, size = len(trace.tokens), small.PICTURE_SIZE
    assert packed.domain == "signed"
    shades = torch.frombuffer(bytearray(packed.data), dtype=torch.uint8).reshape(packed.shape)
    cell = torch.arange(n) * size // n
    for row, column in ((3, 1), (15, 2), (15, 14), (2, 9)):
        rows, columns = (cell == row).nonzero()[:, 0], (cell == column).nonzero()[:, 0]
        sees = allowed[0, 0][rows][:, columns]
        for layer in range(trace.n_layers()):
            part = numbers[layer, 1][rows][:, columns][sees]
            shade = int(shades[layer, 1, row, column])
            expected = 1 + 254 * (float(farthest(part)) / packed.limit + 1) / 2 if len(part) else 0
            assert shade == pytest.approx(expected, abs=0.51)


def test_it_says_what_its_signs_are(trace):
    said = json.loads(msgspec.json.encode(outline(trace, "self", **ABOUT)))
    told = {one["name"]: one for one in said["measures"]}
    assert (told["pull"]["domain"], told["pull"]["below"], told["pull"]["above"]) == (
        "signed",
        "pushes down",
        "pulls up",
    )
    assert (told["scores"]["below"], told["scores"]["above"]) == ("below 0", "above 0")


ABOUT = {
    "run": 1,
    "trace": "main",
    "model": "",
    "revision": "",
    "editable": False,
    "seconds": None,
    "translates": False,
    "changed_from": None,
    "demo": None,
}


def test_a_notebook_and_a_figure_have_it(trace):
    from attnwidget.export.figure import figure

    session = Session(probe=False, options={"measure": "pull", "heads": ["L1-H2"]})
    session.open(trace, schema.Texts(), None)
    kept = snapshot(trace, session.selection, 1, [(1, 2)])
    assert (kept.measure, kept.shape[0]) == ("pull", trace.n_heads())
    for view in ("lines", "matrix", "text", "heads"):
        svg = figure(trace, view=view, measure="pull", heads=["L1-H2"]).svg
        assert "pushes down" in svg, view
        assert "pulls up" in svg, view
        assert "NaN" not in svg, view


def test_its_words_are_checked():
    for wrong in ("", 3, None):
        with pytest.raises(ValueError, match="must have a below, a string"):
            measures.register(type("Wrong", (Pull,), {"below": wrong}))
