"""What crosses to the browser: names, arrays, tiles, pictures. No browser, no model of any size."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from attnwidget import AttentionTrace, maths
from attnwidget.wire import payload
from attnwidget.wire.envelope import encode_array
from attnwidget.wire.protocol import ASKS, FORBIDDEN
from attnwidget.wire.server import answer

PROTOCOL_TS = Path(__file__).parents[1] / "js" / "src" / "wire" / "protocol.ts"


def trace_of(n: int, *, layers: int = 2, heads: int = 3, seed: int = 0) -> AttentionTrace:
    """Causal attention of random queries and keys over n tokens."""
    torch.manual_seed(seed)
    q, k, v = torch.randn(3, layers, heads, n, 8)
    return AttentionTrace.from_qkv(q, k, v, [f"t{at}" for at in range(n)], mask="causal")


def test_both_sides_use_the_same_names() -> None:
    source = PROTOCOL_TS.read_text()
    asks = re.search(r"ASKS = \[(.*?)\]", source)
    forbidden = re.search(r"FORBIDDEN = (-?\d+)", source)
    assert asks
    assert tuple(re.findall(r'"(\w+)"', asks[1])) == ASKS
    assert forbidden
    assert float(forbidden[1]) == FORBIDDEN


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (torch.float16, "float32"),
        (torch.bfloat16, "float32"),
        (torch.float64, "float32"),
        (torch.int64, "int32"),
        (torch.bool, "uint8"),
        (torch.uint8, "uint8"),
    ],
)
def test_an_array_arrives_with_its_values(dtype: torch.dtype, name: str) -> None:
    tensor = torch.tensor([[0, 1, 2], [1, 0, 1]]).to(dtype)
    packed = encode_array(tensor.T)  # not contiguous: rows must still come out in order
    assert packed["dtype"] == name
    assert packed["shape"] == [3, 2]
    back = np.frombuffer(packed["data"], dtype=name).reshape(3, 2)
    assert back.tolist() == tensor.T.tolist()


def test_a_failing_request_is_answered_and_so_is_an_unknown_one() -> None:
    def broken(_: object) -> dict[str, object]:
        msg = "no such layer"
        raise IndexError(msg)

    reply, buffers = answer({"id": "7", "ask": "tile"}, {"tile": broken})
    assert reply == {"id": "7", "error": {"message": "no such layer"}}
    assert buffers == []
    reply, _ = answer({"id": "8", "ask": "nonsense"}, {"tile": broken})
    assert "nonsense" in reply["error"]["message"]


def test_a_tile_holds_the_weights_and_marks_forbidden_pairs() -> None:
    trace = trace_of(6)
    tile = payload.tile(trace, [(1, 2), (0, 0)], queries=(2, 5), keys=(1, 6))
    assert tile.shape == (2, 3, 5)
    for (layer, head), one in zip([(1, 2), (0, 0)], tile, strict=True):
        whole = trace.weights(layer, head)
        for query in range(2, 5):
            for key in range(1, 6):
                expected = FORBIDDEN if key > query else float(whole[query, key])
                assert float(one[query - 2, key - 1]) == pytest.approx(expected, abs=1e-7)


def test_a_tile_of_words_is_a_cut_of_the_whole() -> None:
    torch.manual_seed(1)
    q, k, v = torch.randn(3, 1, 2, 7, 4)
    tokens = ["un", "##believ", "##able", "things", "hap", "##pen", "."]
    trace = AttentionTrace.from_qkv(q, k, v, tokens)
    whole = payload.tile(trace, [(0, 1)], words=True)
    assert whole.shape == (1, 4, 4)
    weights = trace.weights(0, 1)
    pieces = [[0, 1, 2], [3], [4, 5], [6]]
    for at, query in enumerate(pieces):
        for to, key in enumerate(pieces):
            expected = weights[query][:, key].sum(1).mean()
            assert float(whole[0, at, to]) == pytest.approx(float(expected), abs=1e-6)
    part = payload.tile(trace, [(0, 1)], queries=(1, 3), keys=(2, 4), words=True)
    torch.testing.assert_close(part, whole[:, 1:3, 2:4])


def test_the_snapshot_shrinks_with_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = trace_of(8)
    heads, array = payload.snapshot(trace, 1, [(0, 2)], words=False)
    assert heads == [(0, 2), (1, 0), (1, 1), (1, 2)]
    assert array is not None
    assert array["shape"] == [4, 8, 8]
    monkeypatch.setattr(payload, "LAYER_BYTES", 4 * 8 * 8 * 3)
    heads, array = payload.snapshot(trace, 1, [(0, 2)], words=False)
    assert heads == [(0, 2)]
    monkeypatch.setattr(payload, "HEADS_BYTES", 10)
    assert payload.snapshot(trace, 1, [(0, 2)], words=False) == ([], None)


@pytest.mark.parametrize("n", [3, 16, 40, 700])
def test_pictures_keep_every_peak(n: int) -> None:
    trace = trace_of(n)
    packed = payload.pictures(trace)
    assert packed is not None
    side = min(n, payload.PICTURE_SIZE)
    assert packed["shape"] == [2, 3, side, side]
    picture = np.frombuffer(packed["data"], dtype="uint8").reshape(2, 3, side, side)
    if n <= payload.PICTURE_ROWS:
        peak = float(trace.weights(1, 2).max())
        assert picture[1, 2].max() == round(1 + 254 * peak)
    assert (picture[..., 0, -1] == 0).all()  # the first tokens may not see the last ones
    assert (picture[..., -1, 0] > 0).all()


@pytest.mark.parametrize(("heads", "n"), [(3, 40), (12, 512), (3, 700), (2, 5000)])
def test_pictures_of_long_texts_are_made_of_tiles(heads: int, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    q, k = torch.randn(2, 1, heads, n, 8) * 2
    trace = AttentionTrace.from_qkv(q, k, k, ["t"] * n, mask="causal")
    whole, asked = trace.weights, []

    def weights(*args: Any, **where: Any) -> torch.Tensor:
        found = whole(*args, **where)
        asked.append(found.numel())
        return found

    monkeypatch.setattr(trace, "weights", weights)
    packed = payload.pictures(trace)
    assert packed is not None
    assert max(asked) <= 1 << 20  # 4 MB, however long the text
    assert sum(asked) == heads * min(n, payload.PICTURE_ROWS) * n
    rows = torch.linspace(0, n - 1, min(n, payload.PICTURE_ROWS)).round().long().tolist()
    pooled, allowed = maths.max_pool(whole(0, queries=rows), trace.allowed(0, queries=rows), payload.PICTURE_SIZE)
    expected = (1 + 254 * pooled).round().masked_fill(~allowed, 0).to(torch.uint8)
    assert packed["data"] == expected.numpy().tobytes()


def test_pictures_stop_when_nobody_wants_them() -> None:
    assert payload.pictures(trace_of(5), alive=lambda: False) is None


def test_the_strongest_pairs_leave_out_what_must_be() -> None:
    weights = torch.tensor([[[1.0, FORBIDDEN, FORBIDDEN], [0.3, 0.7, FORBIDDEN], [0.5, 0.1, 0.4]]])
    labels = ["a", "b", "c"]
    lines = payload.strongest(weights, (labels, labels), [(2, 1)], count=2)
    assert lines == ["L2-H1 c → a 0.5000", "L2-H1 b → a 0.3000"]
