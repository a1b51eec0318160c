"""Pages as files: what they carry, how large they are, and that a text in them is nothing but text."""

import base64
import gzip
import hashlib
import json
import re

import pytest
import torch

import attnwidget as aw
import tiny
from attnwidget.export import page_states
from attnwidget.export.carried import Errors
from attnwidget.export.dense import FIRST, dense
from attnwidget.export.page import page, save_html
from attnwidget.export.quantise import exponents_of, quantise, steps
from attnwidget.session import Session
from attnwidget.wire.schema import Texts


def opened(trace, **options):
    session = Session(options=options)
    session.open(trace, Texts(), None)
    return session


def gpt2_shaped(n, heads=12, layers=12):
    """Queries, keys and values as a trained model has them: dimensions of many sizes, some far from 0."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = []
        for _ in range(3):
            size = torch.exp(0.5 * torch.randn(layers, heads, 1, 64))
            parts.append(size * (torch.randn(layers, heads, n, 64) + torch.randn(layers, heads, 1, 64)))
    return aw.AttentionTrace.from_qkv(*parts, [f"w{at}" for at in range(n)], "causal")


def undense(text):
    bits = 0
    for at, unit in enumerate(text[1:]):
        bits |= (ord(unit) - FIRST) << (15 * at)
    size = (len(text) - 1) * 15 // 8
    return bits.to_bytes(size, "little")[: size - (ord(text[0]) - FIRST)]


def part(made, name):
    """Read a packed part of a page."""
    text = made.decode("utf-16")
    return gzip.decompress(undense(re.search(f'id="attnwidget-{name}">([^<]*)<', text)[1]))


@pytest.mark.parametrize("size", [0, 1, 14, 15, 16, 299, 300])
def test_dense_text_gives_its_bytes_back(size):
    data = bytes(7 * at % 256 for at in range(size))
    text = dense(data)
    assert undense(text) == data
    assert all(FIRST <= ord(unit) < 0xD800 for unit in text)
    assert len(text) <= size * 8 / 15 + 9


def test_steps_are_as_fine_as_wanted():
    numbers = torch.randn(2, 3, 50) * torch.tensor([1e-3, 1.0, 1e3])[:, None]
    wanted = torch.tensor([1e-5, 0.01, 3.0]).expand(2, 3)
    found = quantise(numbers, exponents_of(wanted))
    assert ((steps(found.exponents) / wanted).log2().abs() <= 1 / 8 + 1e-6).all()
    assert ((found.numbers() - numbers).abs() <= wanted[..., None] * 0.55).all()
    assert quantise(torch.full((1, 1, 2), torch.nan), torch.zeros(1, 1)) is None
    assert quantise(torch.full((1, 1, 2), 1e30), torch.zeros(1, 1)) is None


@pytest.mark.parametrize(("tokens", "values", "limit"), [(20, True, 1.05e6), (128, False, 2.11e6), (128, True, 5.1e6)])
def test_a_page_of_144_heads_is_small(tokens, values, limit):
    made = page(opened(gpt2_shaped(tokens)), values=values)
    assert len(made) < limit
    off = json.loads(part(made, "states"))["errors"]
    assert 0 < off["weights"] < 0.005


def test_a_thousand_tokens_take_30_mb(monkeypatch):
    """As many bytes for each of three heads as it would be among 144."""
    monkeypatch.setattr("attnwidget.export.page.numbers_of", lambda *_: 3 * 144 * 64 * 1000)
    one, four = (len(page(opened(gpt2_shaped(1000, layers=1, heads=heads)))) for heads in (1, 4))
    assert one + (four - one) / 3 * 143 < 30e6


def test_a_longer_text_is_carried_more_coarsely_and_says_so():
    off = [json.loads(part(page(opened(gpt2_shaped(n, layers=1))), "states"))["errors"]["weights"] for n in (20, 300)]
    assert off[0] < off[1] < 0.01


def test_the_sentence_of_the_bound_rounds_up():
    assert "at most 0.00081, scores" in page_states.bound(Errors(0.0008001, 0.003))
    assert "scores" not in page_states.bound(Errors(7.7e-6, 0))
    assert "0.0000077" in page_states.bound(Errors(7.7e-6, 0))
    assert page_states.bound(Errors()) == "Numbers here are the model's own."


def test_only_its_own_scripts_run():
    text = page(opened(gpt2_shaped(5, layers=1))).decode("utf-16")
    policy = re.search('Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    scripts = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    code = part(text.encode("utf-16"), "code").decode()
    assert len(scripts) == 1
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in (scripts[0], code)]
    assert re.findall("'sha256-([^']*)'", policy) == hashes


@pytest.mark.parametrize(
    "hostile",
    ["</script><script>alert(1)</script>", "<!--<script>", "\"'><img src=x>", "\u2028\u2029", "\ud800", "$x ${y}"],
)
def test_no_text_becomes_markup(hostile):
    def tags(tokens, name):
        trace = aw.AttentionTrace.from_attentions(torch.eye(3)[None, None], tokens, model_name=name)
        return re.findall("<[^>]*>", page(opened(trace)).decode("utf-16").replace("&quot;", ""))

    plain, found = tags(["a", "b", "c"], "m"), tags([hostile, "b", hostile], hostile)
    assert len(found) == len(plain)
    assert [one for one in found if "sha256" not in one] == [one for one in plain if "sha256" not in one]


def test_wrong_heads_and_layers_are_refused_and_the_old_file_stays(tmp_path):
    trace = gpt2_shaped(6, heads=2, layers=2)
    path = tmp_path / "page.html"
    save_html(trace, path, heads="L1-H1")
    before = path.read_bytes()
    for wrong, message in (
        ({"heads": [(0, 2)]}, "head 2 is out of range: 0 to 1"),
        ({"layers": 5}, "layer 5 is out of range"),
        ({"heads": [], "layers": []}, "nothing to see"),
    ):
        with pytest.raises((IndexError, ValueError), match=message):
            save_html(trace, path, **wrong)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_what_is_carried_goes_by_the_choice():
    trace = gpt2_shaped(6, heads=3, layers=3)
    data = json.loads(part(page(opened(trace, heads=[(0, 0)]), heads=[(1, 2)], layers=2), "states"))
    assert {one["number"]: one["heads"] for one in data["attentions"]["self"]["layers"]} == {1: [2], 2: [0, 1, 2]}
    assert data["selection"]["heads"] == [[2, 0]] or data["selection"]["heads"] == [[1, 2]]
    assert data["attentions"]["self"]["outline"]["kept"] == [1, 2]


def test_measures_of_ones_own_are_not_on_a_page():
    class Distance(aw.measures.Measure):
        name, label, sentence, domain = "far", "far", "How far.", "positive"

        def tile(self, region):
            return region.weights()

    aw.measures.register(Distance)
    try:
        session = opened(gpt2_shaped(6, layers=1), measure="far")
        data = json.loads(part(page(session), "states"))
    finally:
        aw.measures._REGISTRY._own.pop("far")
    assert data["selection"]["measure"] == "weights"
    (own,) = [one for one in data["attentions"]["self"]["outline"]["measures"] if one["name"] == "far"]
    assert "not on this page" in own["missing"]


def test_weights_that_take_too_much_room_are_left_out_and_that_is_said(monkeypatch):
    monkeypatch.setattr("attnwidget.export.page.WEIGHTS_LIMIT", 400)
    weights = torch.ones(3, 2, 10, 10) / 10
    session = opened(aw.AttentionTrace.from_attentions(weights, list("abcdefghij")), layer=1)
    outline = json.loads(part(page(session), "states"))["attentions"]["self"]["outline"]
    assert outline["kept"] == [1]
    assert "layer 0 is not on this page" in outline["notices"][0]


def test_what_the_model_expects_comes_along_for_a_short_text():
    from transformers import GPT2LMHeadModel

    trace = aw.capture(tiny.gpt2(GPT2LMHeadModel), "It was", tokenizer=tiny.tokenizer())
    data = json.loads(part(page(opened(trace)), "states"))
    assert [[one["token"] for one in row] for row in data["next"]] == [
        [token for token, _ in trace.next_tokens(row)] for row in range(6)
    ]
    trace.release_model()
    data = json.loads(part(page(opened(trace)), "states"))
    assert data["next"] is None
    assert "no model" in data["attentions"]["self"]["outline"]["predictsNothing"]


def test_saving_can_be_stopped():
    class EnoughError(Exception):
        pass

    def alive(done, total):
        assert total == 2
        if done == 1:
            raise EnoughError

    with pytest.raises(EnoughError):
        page(opened(gpt2_shaped(6, layers=2)), alive=alive)


def test_a_widget_saves_what_is_on_screen(tmp_path):
    widget = aw.AttentionWidget("The cat sat", probe=False, view="matrix", queries=[1])
    widget.save_html(tmp_path / "page.html", layers=[0])
    data = json.loads(part((tmp_path / "page.html").read_bytes(), "states"))
    assert data["selection"]["view"] == "matrix"
    assert data["selection"]["queries"] == [1]
    assert data["selection"]["layer"] == 0
    assert data["texts"]["text"] == "The cat sat"
    assert data["attentions"]["self"]["outline"]["editable"] is False
