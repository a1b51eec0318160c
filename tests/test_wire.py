"""What crosses to the browser: names, arrays, tiles, pictures. No browser, no model of any size."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import numpy as np
import pytest
import torch

from attnwidget import AttentionTrace, AttentionWidget, maths, measures
from attnwidget.head_id import HeadId
from attnwidget.measures import Measure, Region
from attnwidget.session.requests import handlers
from attnwidget.wire import pictures as small
from attnwidget.wire import schema, server, tiles
from attnwidget.wire.envelope import encode_array
from attnwidget.wire.outline import outline
from attnwidget.wire.pictures import pictures
from attnwidget.wire.profile import profile
from attnwidget.wire.replies import Replies
from attnwidget.wire.server import RequestServer
from attnwidget.wire.strongest import strongest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
FORBIDDEN = -torch.inf


def trace_of(n: int, *, layers: int = 2, heads: int = 3, seed: int = 0) -> AttentionTrace:
    """Causal attention of random queries and keys over n tokens."""
    torch.manual_seed(seed)
    q, k, v = torch.randn(3, layers, heads, n, 8)
    return AttentionTrace.from_qkv(q, k, v, [f"t{at}" for at in range(n)], mask="causal")


def test_the_types_of_both_sides_are_the_same() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts/wire_types.py", "--check"], check=False)
    assert done.returncode == 0


def test_a_drift_of_the_types_is_found(tmp_path: Path) -> None:
    for name in ("scripts/wire_types.py", "js/src/wire/schema.ts"):
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(ROOT / name, tmp_path / name)
    types = tmp_path / "js/src/wire/schema.ts"
    types.write_text(types.read_text().replace("maxError: number | null", "maxError: number"))
    done = subprocess.run(
        [sys.executable, tmp_path / "scripts/wire_types.py", "--check"], check=False, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "make types" in done.stderr


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
    assert packed.dtype == name
    assert packed.shape == [3, 2]
    back = np.frombuffer(packed.data, dtype=name).reshape(3, 2)
    assert back.tolist() == tensor.T.tolist()


class Line:
    """A request server, and what it sends."""

    def __init__(self, handler: Callable[..., Any], **options: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self.buffers: list[list[bytes]] = []
        self.server = RequestServer({schema.Tile: handler}, self.send, **options)

    def send(self, reply: dict[str, Any], buffers: list[bytes]) -> None:
        self.sent.append(reply)
        self.buffers.append(buffers)

    def ask(self, number: str = "7", **changes: Any) -> dict[str, Any]:
        about = {"layer": 0, "head": 0, "queries": [0, 1], "keys": [0, 1]}
        self.server.receive({"id": number, "ask": "tile", **about, **changes})
        return self.sent[-1]


def raising(error: BaseException) -> Callable[..., Any]:
    def handler(*_: object) -> None:
        raise error

    return handler


def test_a_failing_request_is_answered() -> None:
    line = Line(raising(IndexError("no such layer")))
    assert line.ask() == {"id": "7", "error": {"message": "no such layer", "kind": "failed"}}
    assert line.buffers == [[]]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"ask": "nonsense"}, "nonsense"),
        ({}, "ask"),
        ({"layer": "two"}, r"\$.layer"),
        ({"queries": [0, 1, 2]}, r"\$.queries"),
        ({"colour": "red"}, "colour"),
        ({"head": None}, r"\$.head"),
    ],
)
def test_a_wrong_message_gets_an_error_that_names_what_is_wrong(message: dict[str, Any], says: str) -> None:
    line = Line(raising(AssertionError("it reached the handler")))
    if message:
        reply = line.ask(**message)
    else:
        line.server.receive({"id": "7"})
        reply = line.sent[-1]
    assert reply["id"] == "7"
    assert re.search(says, reply["error"]["message"])


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_while_a_request_is_answered_leaves_no_one_waiting(error: type[BaseException]) -> None:
    line = Line(raising(error()))
    with pytest.raises(error):
        line.ask()
    assert line.sent == [{"id": "7", "error": {"message": "interrupted", "kind": "failed"}}]


def test_a_request_can_be_cancelled_before_and_while_it_is_answered() -> None:
    """On the other thread stands a queue: what is cancelled there is never computed."""
    queue: list[Callable[[], None]] = []
    computed: list[str] = []

    def handler(request: schema.Tile, alive: Callable[[], None]) -> None:
        computed.append(request.id)
        line.server.receive({"id": "c2", "ask": "cancel", "requests": ["b"]})
        alive()
        pytest.fail("it went on")

    line = Line(handler, slow={schema.Tile}, start=queue.append)
    for number in ("a", "b"):
        line.server.receive({"id": number, "ask": "tile", "layer": 0, "head": 0, "queries": [0, 1], "keys": [0, 1]})
    line.server.receive({"id": "c1", "ask": "cancel", "requests": ["a", "long gone"]})
    for work in queue:
        work()
    assert computed == ["b"]
    assert {one["id"]: one.get("error", {}).get("kind") for one in line.sent} == {
        "c1": None,
        "a": "cancelled",
        "c2": None,
        "b": "cancelled",
    }


def test_a_request_that_is_sent_again_while_it_is_worked_on_is_answered_once() -> None:
    queue: list[Callable[[], None]] = []
    line = Line(lambda *_: None, slow={schema.Tile}, start=queue.append)
    for _ in range(2):
        line.server.receive({"id": "a", "ask": "tile", "layer": 0, "head": 0, "queries": [0, 1], "keys": [0, 1]})
    for work in queue:
        work()
    assert line.sent == [{"id": "a", "ok": {}}]


def test_heavy_work_lets_what_is_quick_pass_and_tells_how_far_it_is(monkeypatch) -> None:
    monkeypatch.setattr(server, "REPORT_EVERY", -1)
    monkeypatch.setattr(server, "PATIENCE", 60)
    order: list[str] = []
    quick: list[Callable[[], None]] = []
    threads: list[threading.Thread] = []
    begun, waiting = threading.Event(), threading.Event()

    def start(work: Callable[[], None], *, heavy: bool = False) -> None:
        if heavy:
            threads.append(threading.Thread(target=work))
            threads[-1].start()
        else:
            quick.append(work)

    def handler(request: schema.Request, alive: Callable[..., None]) -> None:
        if isinstance(request, schema.Tile):
            order.append("quick")
            return
        begun.set()
        assert waiting.wait(10)
        alive(1, 3)  # the quick one is under way by now
        order.append("heavy")

    line = Line(handler, slow={schema.Tile, schema.Rank}, heavy={schema.Rank}, start=start)
    line.server._handlers[schema.Rank] = handler
    line.server.receive({"id": "h", "ask": "rank", "queries": [0], "keys": [1]})
    assert begun.wait(10)
    line.server.receive({"id": "q", "ask": "tile", "layer": 0, "head": 0, "queries": [0, 1], "keys": [0, 1]})
    waiting.set()
    quick[0]()
    threads[0].join(10)
    assert order == ["quick", "heavy"]
    assert {"event": "progress", "id": "h", "done": 1, "total": 3} in line.sent
    assert line.sent[-1] == {"id": "h", "ok": {}}


def test_what_was_answered_is_kept_up_to_a_number_of_bytes() -> None:
    replies, made = Replies(limit=100), []

    def ask(key: str, size: int = 40) -> bytes:
        return replies.answer(key, lambda: made.append(key) or (schema.Wired(), bytes(size)))[1]

    ask("a"), ask("b"), ask("a"), ask("c")  # b is the one that was used longest ago
    assert made == ["a", "b", "c"]
    assert replies.nbytes == 80
    ask("a"), ask("c"), ask("b")
    assert made == ["a", "b", "c", "b"]
    ask("too large", 101), ask("too large", 101)
    assert made[-2:] == ["too large", "too large"]
    assert replies.nbytes <= 100
    replies.forget()
    ask("b")
    assert made[-1] == "b"
    assert replies.nbytes == 40


def test_an_answer_is_not_kept_beyond_its_text_or_its_measure(monkeypatch) -> None:
    monkeypatch.setattr(measures.register.__self__, "_own", {})
    widget = AttentionWidget("The cat sat")
    ask = handlers(widget._session)[schema.Tile]

    def tile(measure: str = "weights") -> bytes:
        request = schema.Tile(id="a-1", layer=0, head=0, queries=(0, 2), keys=(0, 2), measure=measure)
        return ask(request, lambda *_: None)[1]

    class Mine(Measure):
        name, label, sentence, domain = "mine_again", "mine", "Mine.", "share"
        value = 0.25

        def tile(self, region: Region) -> torch.Tensor:
            return torch.full(region.shape, self.value)

    first = tile()
    assert tile() is first
    measures.register(Mine())
    quarter = tile("mine_again")
    other = Mine()
    other.value = 0.5
    measures.register(other)  # while working on it, in a notebook
    assert tile("mine_again") != quarter
    widget.text = "A dog ran"
    assert tile() != first


def test_the_outline_tells_how_large_every_matrix_would_be_and_what_is_kept() -> None:
    trace = trace_of(6)
    about = {
        "run": 1,
        "trace": "main",
        "model": "",
        "editable": False,
        "seconds": 0.0,
        "translates": False,
        "demo": None,
        "changed_from": None,
    }
    told = outline(trace, "self", **about)
    assert told.matrices == [schema.Matrices(attention="self", queries=6, keys=6, layers=2, heads=3)]
    assert told.nbytes == trace.nbytes >= 3 * 2 * 3 * 6 * 8 * 4  # queries, keys and values


def test_a_tile_holds_the_weights_and_marks_forbidden_pairs() -> None:
    trace = trace_of(6)
    tile = tiles.tile(trace, [(1, 2), (0, 0)], queries=(2, 5), keys=(1, 6))
    assert tile.shape == (2, 3, 5)
    for (layer, head), one in zip([(1, 2), (0, 0)], tile, strict=True):
        whole = trace.weights(layer, head)
        for query in range(2, 5):
            for key in range(1, 6):
                expected = FORBIDDEN if key > query else float(whole[query, key])
                assert float(one[query - 2, key - 1]) == pytest.approx(expected, abs=1e-7)


def test_the_maximum_over_heads_says_whose_each_number_is() -> None:
    trace = trace_of(6)
    heads = [HeadId(layer, head) for layer in range(2) for head in range(3)]
    ask = schema.Profile(id="a-1", heads=heads, together="maximum", queries=[4, 3], keys=[], combine="sum")
    reply, data = profile(trace, "self", ask, 1, lambda: None)
    largest, whose = torch.frombuffer(bytearray(data), dtype=torch.float32).reshape(reply.shape)
    rows = torch.stack([trace.weights(*head, queries=[4, 3]).sum(0) for head in heads])  # (heads, keys)
    torch.testing.assert_close(largest[:5], rows.max(0).values[:5])
    assert whose[:5].tolist() == rows.argmax(0)[:5].tolist()
    assert largest[5] == FORBIDDEN


def test_a_tile_of_words_is_a_cut_of_the_whole() -> None:
    torch.manual_seed(1)
    q, k, v = torch.randn(3, 1, 2, 7, 4)
    tokens = ["un", "##believ", "##able", "things", "hap", "##pen", "."]
    trace = AttentionTrace.from_qkv(q, k, v, tokens)
    whole = tiles.tile(trace, [(0, 1)], words=True)
    assert whole.shape == (1, 4, 4)
    weights = trace.weights(0, 1)
    pieces = [[0, 1, 2], [3], [4, 5], [6]]
    for at, query in enumerate(pieces):
        for to, key in enumerate(pieces):
            expected = weights[query][:, key].sum(1).mean()
            assert float(whole[0, at, to]) == pytest.approx(float(expected), abs=1e-6)
    part = tiles.tile(trace, [(0, 1)], queries=(1, 3), keys=(2, 4), words=True)
    torch.testing.assert_close(part, whole[:, 1:3, 2:4])


def test_the_snapshot_shrinks_with_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = trace_of(8)
    selection = schema.Selection(layer=1, heads=[HeadId(0, 2)])
    snapshot = tiles.snapshot(trace, selection, 3, selection.heads)
    assert snapshot.heads == [(0, 2), (1, 0), (1, 1), (1, 2)]
    assert (snapshot.run, snapshot.shape) == (3, [4, 8, 8])
    monkeypatch.setattr(tiles, "SAVED_BYTES", 4 * 8 * 8 * 3)
    snapshot = tiles.snapshot(trace, selection, 3, selection.heads)
    assert (snapshot.heads, snapshot.dtype) == ([(0, 2)], "float32")
    monkeypatch.setattr(tiles, "SAVED_BYTES", 2 * 8 * 8)
    snapshot = tiles.snapshot(trace, selection, 3, selection.heads)
    assert (snapshot.heads, snapshot.dtype) == ([(0, 2)], "uint16")
    back = torch.frombuffer(bytearray(snapshot.data or b""), dtype=torch.uint16).reshape(1, 8, 8).long()
    allowed = trace.allowed(0, 2)
    assert ((back[0] == tiles.AHEAD_FORBIDDEN) == ~allowed).all()
    assert (back[0][allowed] / tiles.AHEAD_SCALE - trace.weights(0, 2)[allowed]).abs().max() <= 8e-6
    scores = msgspec.structs.replace(selection, measure="scores")
    assert tiles.snapshot(trace, scores, 3, scores.heads).heads == []  # no 16 bits for what has no bounds
    monkeypatch.setattr(tiles, "SAVED_BYTES", 10)
    snapshot = tiles.snapshot(trace, selection, 3, selection.heads)
    assert (snapshot.heads, snapshot.data) == ([], None)


def test_what_is_sent_ahead_is_within_half_a_step_of_16_bits() -> None:
    trace = trace_of(9)
    weights = torch.stack([trace.weights(layer) for layer in range(2)])  # (layers, heads, n, n)
    allowed = torch.stack([trace.allowed(layer) for layer in range(2)])
    sent = tiles.ahead(trace, "self", 1, lambda: None)
    back = torch.from_numpy(np.frombuffer(sent.data, dtype="uint16").reshape(sent.shape).astype("int64"))
    assert ((back == tiles.AHEAD_FORBIDDEN) == ~allowed).all()
    difference = (back[allowed] / tiles.AHEAD_SCALE - weights[allowed]).abs().max()
    assert difference <= 8e-6
    given = torch.tensor([[[1.0, 0.0], [torch.nan, 1.0]]])
    broken = AttentionTrace.from_attentions([given], ["a", "b"], mask="causal")
    sent = tiles.ahead(broken, "self", 1, lambda: None)
    assert np.frombuffer(sent.data, dtype="uint16").tolist() == [
        tiles.AHEAD_SCALE, tiles.AHEAD_FORBIDDEN, tiles.AHEAD_NAN, tiles.AHEAD_SCALE
    ]  # fmt: skip


@pytest.mark.parametrize("n", [3, 16, 40, 700])
def test_pictures_keep_every_peak(n: int) -> None:
    trace = trace_of(n)
    packed = pictures(trace)
    side = min(n, small.PICTURE_SIZE)
    assert packed.shape == [2, 3, side, side]
    picture = np.frombuffer(packed.data, dtype="uint8").reshape(2, 3, side, side)
    if n <= small.WHOLE:
        peak = float(trace.weights(1, 2).max())
        assert picture[1, 2].max() == round(1 + 254 * peak)
    assert (picture[..., 0, -1] == 0).all()  # the first tokens may not see the last ones
    assert (picture[..., -1, 0] > 0).all()


@pytest.mark.parametrize(("heads", "n"), [(3, 40), (12, 512), (3, 700), (2, 5000)])
def test_pictures_of_long_texts_are_made_of_tiles(heads: int, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    q, k = torch.randn(2, 1, heads, n, 8) * 2
    trace = AttentionTrace.from_qkv(q, k, k, ["t"] * n, mask="causal")
    whole, asked = trace.measure, []

    def measure(*args: Any, **where: Any) -> torch.Tensor:
        found = whole(*args, **where)
        asked.append(found.numel())
        return found

    monkeypatch.setattr(trace, "measure", measure)
    packed = pictures(trace)
    assert max(asked) <= 1 << 20  # 4 MB, however long the text
    rows = range(n) if n <= small.WHOLE else maths.spread(n, small.THEN, 4).tolist()
    assert packed.sampled == (None if n <= small.WHOLE else len(rows))
    assert sum(asked) <= 0.6 * heads * len(rows) * n + heads * n  # under a causal mask half of the keys are not there
    numbers = torch.full((heads, n, n), -torch.inf)
    numbers[:, list(rows)] = whole("weights", 0, queries=list(rows))
    pooled = maths.max_pool(numbers, small.PICTURE_SIZE)
    expected = (1 + 254 * pooled).round().masked_fill(pooled == -torch.inf, 0).to(torch.uint8)
    assert packed.data == expected.numpy().tobytes()


def test_pictures_of_a_signed_measure_are_shades_around_the_middle() -> None:
    trace = trace_of(6)
    packed = pictures(trace, measure="scores")
    scores = torch.stack([trace.scores(layer) for layer in range(2)])  # (layers, heads, n, n)
    finite = scores[scores > -torch.inf]
    assert (packed.domain, packed.limit) == ("real", pytest.approx(float(finite.abs().max())))
    picture = np.frombuffer(packed.data, dtype="uint8").reshape(scores.shape)
    expected = (1 + 254 * (scores / packed.limit + 1) / 2).nan_to_num(0, neginf=0).round()
    assert np.abs(picture - expected.numpy()).max() <= 1
    assert (picture == 0).sum() == (scores == -torch.inf).sum()


@pytest.mark.parametrize("measure", ["weights", "scores"])
def test_larger_pictures_are_the_same_in_finer_cells(measure: str) -> None:
    trace = trace_of(40)
    small_ones = pictures(trace, measure=measure)
    ask = schema.HeadPictures(id="a-1", layers=[1, 0], cells=20, limit=small_ones.limit, measure=measure)
    reply, data = small.head_pictures(trace, "self", ask, 7, lambda: None)
    assert (reply.run, reply.dtype, reply.shape, reply.sampled) == (7, "uint8", [2, 3, 20, 20], None)
    found = torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(reply.shape)
    numbers = trace.measure(measure, 1)
    pooled = maths.max_pool(numbers, 20)
    share = pooled if measure == "weights" else (pooled / small_ones.limit + 1) / 2
    expected = (1 + 254 * share.nan_to_num(0, neginf=0).clamp(0, 1)).round().masked_fill(pooled == -torch.inf, 0)
    assert torch.equal(found[0].float(), expected)
    right = {"layers": [0], "cells": 8, "limit": 1}
    for wrong in ({"layers": []}, {"cells": 500}, {"cells": 0}, {"limit": 0}):
        with pytest.raises(ValueError, match="1 to 96 cells"):
            small.head_pictures(trace, "self", schema.HeadPictures(id="a-2", **right | wrong), 7, lambda: None)


@pytest.mark.parametrize("mask", ["causal", None, torch.arange(3000) % 7 > 0])
def test_pictures_of_a_sample_show_every_peak_of_its_queries(mask: Any) -> None:
    n = 3000
    torch.manual_seed(0)
    q, k = torch.randn(2, 1, 2, n, 8) * 2
    trace = AttentionTrace.from_qkv(q, k, k, ["t"] * n, mask=mask)
    packed = pictures(trace, queries=small.FIRST)
    assert packed.sampled == small.FIRST
    rows = maths.spread(n, small.FIRST, 4).tolist()
    assert rows[-4:] == [n - 4, n - 3, n - 2, n - 1]
    numbers = torch.full((2, n, n), -torch.inf)
    numbers[:, rows] = trace.measure("weights", 0, queries=rows)
    pooled = maths.max_pool(numbers, 16)
    expected = (1 + 254 * pooled).round().masked_fill(pooled == -torch.inf, 0).to(torch.uint8)
    assert packed.data == expected.numpy().tobytes()
    ask = schema.HeadPictures(id="a-1", layers=[0], cells=48, limit=1)
    reply, _ = small.head_pictures(trace, "self", ask, 1, lambda: None)
    assert (reply.shape, reply.sampled) == ([1, 2, 48, 48], 192)


def test_pictures_stop_when_nobody_wants_them() -> None:
    with pytest.raises(KeyError, match="enough"):
        pictures(trace_of(5), alive=raising(KeyError("enough")))


def test_the_strongest_pairs_leave_out_what_must_be() -> None:
    weights = torch.tensor([[[1.0, FORBIDDEN, FORBIDDEN], [0.3, 0.7, FORBIDDEN], [0.5, 0.1, 0.4]]])
    labels = ["a", "b", "c"]
    lines = strongest(weights, (labels, labels), [(2, 1)], count=2)
    assert lines == ["L2-H1 c → a 0.5000", "L2-H1 b → a 0.3000"]


def test_every_kind_of_request_is_understood() -> None:
    assert set(get_args(schema.AnyRequest)) == set(schema.Request.__subclasses__())
