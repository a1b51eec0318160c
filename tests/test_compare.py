"""Two traces side by side: partners, the difference, how far heads are apart, and a session that shows both."""

import math

import pytest
import torch

import attnwidget as aw
import tiny
from attnwidget.comparison import Beside, align, divergences
from attnwidget.head_id import HeadId
from attnwidget.session import Session
from attnwidget.tokens import describe
from attnwidget.wire.schema import Texts

ONE, OTHER = "The cat sat on the mat.", "The old cat sat on a mat!"


@pytest.fixture(scope="module")
def model():
    return tiny.gpt2()


@pytest.fixture(scope="module")
def pair(model):
    return [aw.capture(model, text, tokenizer=tiny.tokenizer()) for text in (ONE, OTHER)]


def both(a, b, **how):
    seen = Beside(a, b, **how)
    return a.with_beside(seen), b.with_beside(seen.turned(a))


def jensen_shannon(p, q):
    middle = [(one + other) / 2 for one, other in zip(p, q, strict=True)]
    apart = [sum(x * math.log(x / m) for x, m in zip(row, middle, strict=True) if x > 0) for row in (p, q)]
    return sum(apart) / 2


def words(text):
    return describe(text.split())


def test_what_a_diff_keeps_has_a_partner():
    found = align(words("She sat by the river bank"), words("She went to the bank"))
    assert found.pairs == [(0, 0), (3, 3), (5, 4)]
    assert found.alone == ([1, 2, 4], [1, 2])
    assert found.partners.tolist() == [0, -1, -1, 3, -1, 4]
    assert found.across([5, 1, 0]) == [4, 0]
    assert found.reverse.pairs == [(0, 0), (3, 3), (4, 5)]
    assert found.stretches == [[0, 0, 1], [3, 3, 1], [5, 4, 1]]


def test_every_token_of_the_same_text_is_its_own_partner():
    text = "the the the cat the the"
    assert align(words(text), words(text)).pairs == [(at, at) for at in range(6)]


def test_two_tokenizers_meet_on_characters():
    a = describe(["[CLS]", "play", "##ing", "well", "[SEP]"], scheme="wordpiece")
    b = describe(["playing", "Ġwell", "Ġnow"], scheme="byte")
    assert "".join(b.parts) == "playing well now"
    found = align(a, b)
    assert found.pairs == [(3, 1)]  # the pieces of "playing" are none of b's tokens
    c = describe(["<s>", "▁playing", "▁well", "</s>"], scheme="sentencepiece")
    assert align(c, a).pairs == [(0, 0), (2, 3), (3, 4)]  # and marks at both ends


def test_a_trace_against_itself_is_zero_everywhere(pair):
    a = both(pair[0], pair[0])[0]
    for layer in range(a.n_layers()):
        found = a.measure("difference", layer)
        allowed = a.allowed(layer)
        assert (found[allowed] == 0).all()
        assert (found[~allowed] == -torch.inf).all()
    assert divergences(a, a.beside, "self").values.tolist() == [0.0] * 12


def test_the_difference_is_of_partners_and_antisymmetric(pair):
    a, b = both(*pair)
    turned, _ = both(pair[1], pair[0])
    pairs = dict(a.beside.sides("self")[0].pairs)
    found, other = a.measure("difference", 1), turned.measure("difference", 1)
    weights, theirs = (one.weights(1) for one in pair)
    for query in range(len(a.tokens)):
        for key in range(len(a.tokens)):
            if query not in pairs or key not in pairs or key > query:
                assert (found[:, query, key] == -torch.inf).all()
                continue
            at = pairs[query], pairs[key]
            expected = weights[:, query, key] - theirs[:, *at]
            torch.testing.assert_close(found[:, query, key], expected, rtol=0, atol=1e-6)
            torch.testing.assert_close(other[:, *at], -expected, rtol=0, atol=1e-6)
            # on B's own tokens it is still A − B
            torch.testing.assert_close(b.measure("difference", 1)[:, *at], expected, rtol=0, atol=1e-6)


def test_a_tile_is_a_part_of_the_whole(pair):
    a, _ = both(*pair)
    whole = a.measure("difference", 2)
    tile = a.measure("difference", 2, [3, 1], queries=[20, 4, 5], keys=slice(2, 9))
    torch.testing.assert_close(tile, whole[[3, 1]][:, [20, 4, 5], 2:9], rtol=0, atol=1e-6)


def test_a_difference_takes_something_beside(pair):
    assert "nothing stands beside" in pair[0].lacks("difference")
    with pytest.raises(ValueError, match="nothing stands beside"):
        pair[0].measure("difference", 0)


def test_heads_without_a_counterpart_have_no_difference(pair):
    other = aw.capture(tiny.gpt2(n_layer=2), ONE, tokenizer=tiny.tokenizer())
    a, b = both(pair[0], other)
    assert "3 × 4 and 2 × 4" in a.lacks("difference")
    assert a.weights(2).shape == (4, 23, 23)  # each side can still be seen
    assert b.weights(1).shape == (4, 23, 23)
    named = pair[0].with_beside(Beside(pair[0], other, head=HeadId(1, 2)))
    assert not named.lacks("difference")


def test_a_head_against_another(pair):
    a = pair[0].with_beside(Beside(pair[0], pair[0], head=HeadId(2, 3)))
    weights = pair[0].weights(2, 3)
    allowed = pair[0].allowed(1, 0)
    torch.testing.assert_close(
        a.measure("difference", 1, 0)[allowed], (pair[0].weights(1, 0) - weights)[allowed], rtol=0, atol=1e-6
    )
    assert (a.measure("difference", 2, 3)[allowed] == 0).all()


def test_texts_without_a_common_token(pair, model):
    other = aw.capture(model, "xyz", tokenizer=tiny.tokenizer())
    a, _ = both(pair[0], other)
    assert "no token" in a.lacks("difference")
    with pytest.raises(ValueError, match="no token"):
        divergences(a, a.beside, "self")


def test_divergences_are_those_of_a_loop(pair):
    a, _ = both(*pair)
    rows = a.beside.sides("self")[0].pairs
    pairs = dict(rows)
    found = divergences(a, a.beside, "self")
    assert (found.queries, found.of) == (len(rows), len(rows))
    for layer, head in ((0, 1), (2, 3)):
        one, other = (trace.weights(layer, head).double() for trace in pair)
        numbers = []
        for query, partner in rows:
            if query == 0 and partner == 0:
                continue  # both see one key only
            # one outcome a key of either text, partners are one
            p = [*one[query].tolist(), *[0.0] * other.shape[1]]
            q = [0.0] * len(p)
            for key, value in enumerate(other[partner].tolist()):
                mine = next((at for at, there in pairs.items() if there == key), one.shape[1] + key)
                q[mine] = value
            numbers.append(jensen_shannon(p, q))
        expected = sum(numbers) / len(numbers)
        assert math.isclose(found.grid[layer, head], expected, abs_tol=1e-6)
        assert 0 < expected < math.log(2)
    assert found.values.tolist() == sorted(found.values.tolist(), reverse=True)


def opened(model, text=ONE):
    session = Session(tokenizer=tiny.tokenizer())
    session.open(text, Texts(text=text), model)
    return session


def test_a_session_shows_either_side_and_the_difference(model, pair):
    session = opened(model)
    session.select(queries=[4, 8], heads=[HeadId(1, 2)])
    session.put_beside(pair[1], "another text", "The text differs.")
    outline = session.states["outline"].comparison
    assert outline.names == [f"“{ONE}”", f"another text · “{OTHER}”"]
    assert (outline.shown, outline.missing) == ("a", "")
    assert session.trace.tokens == pair[0].tokens
    session.select(side="difference")
    assert session.selection.measure == "difference"
    assert session.states["snapshot"].measure == "difference"
    session.select(side="b")
    assert (session.selection.side, session.selection.measure) == ("b", "weights")
    assert session.trace.tokens == pair[1].tokens
    assert session.states["outline"].comparison.shown == "b"
    assert session.selection.queries == [8, 12]  # what stands there in the other text
    session.select(side="difference")
    assert session.trace.tokens == pair[0].tokens
    assert session.selection.queries == [4, 8]
    session.put_beside(None)
    assert (session.selection.side, session.selection.measure) == ("a", "weights")
    assert session.states["outline"].comparison is None
    assert set(session.traces) == {"main"}


def test_a_pin_without_a_partner_is_there_again_on_its_own_side(model, pair):
    session = opened(model)
    session.put_beside(pair[1])
    session.select(queries=[22])  # the full stop
    session.select(side="b")
    assert session.selection.queries == []
    session.select(side="a")
    assert session.selection.queries == [22]
    session.select(side="b")
    session.select(queries=[0])
    session.select(side="a")
    assert session.selection.queries == [0]


def test_sides_that_are_not_there(model, pair):
    session = opened(model)
    with pytest.raises(ValueError, match="nothing stands beside"):
        session.checked("side", "b", session.selection)
    session.put_beside(pair[1])
    with pytest.raises(ValueError, match="switch them on"):
        session.checked("off", ["L0-H0"], session.selection)
