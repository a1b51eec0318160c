"""Questions: the rules that one writes, what they become in a trace, how an answer is judged and kept."""

import json
from pathlib import Path

import pytest

import attnwidget as aw
from attnwidget import asking
from attnwidget.wire.schema import Selection

CASES = json.loads(Path(__file__).with_name("judge.json").read_text(encoding="utf-8"))
TEXT = "The animal didn't cross the road because it was too tired"
RULE = {"heads": "L3-H0", "queries": "it", "keys": "animal"}


@pytest.fixture(scope="module")
def shared():
    widget = aw.AttentionWidget(TEXT)
    yield widget
    widget.close()


@pytest.fixture
def w(shared):
    shared.ask(None)
    shared.off, shared.mask, shared.what_if, shared.queries, shared.keys = [], None, {}, [], []
    if shared.text != TEXT:
        shared.text = TEXT
    return shared


@pytest.mark.parametrize("case", CASES, ids=[one["about"] for one in CASES])
def test_every_case_of_the_table_that_the_browser_is_held_against_too(case):
    assert asking.failing(case["rules"], case["selection"]) == case["failing"]


def test_a_question_is_told_with_its_words_looked_up(w):
    asked = w.ask("Pin *it*", RULE, hint="there", because="so")
    (told,) = w._posed["questions"]
    at = w.tokens.index("animal")
    assert told["rules"] == [
        {"heads": {"each": [[[3, 0]]]}, "queries": {"each": [[w.tokens.index("it")]]}, "keys": {"each": [[at]]}}
    ]
    assert told["show"] == {"heads": [(3, 0)], "queries": [w.tokens.index("it")], "keys": [at]}
    assert (told["text"], told["hint"], told["because"], told["elsewhere"]) == ("Pin *it*", "there", "so", False)
    assert asked.accepts(RULE)
    assert not asked.accepts({**RULE, "keys": "road"})
    assert not asked.accepts({**RULE, "keys": ["animal", "road"]})
    assert not asked.accepts()
    w.heads, w.queries, w.keys = "L3-H0", "it", "animal"
    assert asked.accepts()


def test_a_word_that_stands_twice_is_meant_at_either_place():
    trace = aw.AttentionWidget("the cat saw the dog").trace
    look = asking.Look(trace, "self", lambda: None)
    (rule,) = asking.resolve({"keys": "the"}, look)
    assert rule == {"keys": {"each": [[0, 3]]}}
    with pytest.raises(ValueError, match=r"strongest\(L0-H0, the, 1\).*several places"):
        asking.resolve({"keys": asking.strongest("L0-H0", "the")}, look)


def test_a_rule_about_a_side_reads_the_words_of_that_side():
    w = aw.compare("The cat sat", "The cat sat on the mat", heads="L2-H1", queries="sat", probe=False)
    asked = w.ask("Pin where it sat", {"side": "b", "keys": "mat"})
    assert w._posed["questions"][0]["show"] == {"side": "b", "keys": [5]}
    assert not asked.accepts({"side": "b", "keys": "sat"})
    w.set_state({"side": "b", "keys": [5]})  # as Show me does: "mat" has no partner in A, nor has A so many tokens
    assert (w.side, w.queries, w.keys) == ("b", [2], [5])
    assert asked.accepts()
    w.set_state({"side": "a"})
    assert (w.side, w.queries, w.keys) == ("a", [2], [])
    with pytest.raises(ValueError, match="mat"):
        w.ask("Pin where it sat in A", {"keys": "mat"})


def test_predicates_are_the_numbers_of_the_trace_on_screen(w):
    trace, it = w.trace, w.tokens.index("it")
    row = trace.weights(2, 3)[it]
    look = asking.Look(trace, "self", lambda: aw.categorize(trace))

    def found(**rule):
        return asking.resolve(rule, look)[0]

    best = row.topk(2).indices.tolist()
    assert found(keys=asking.strongest("L2-H3", "it")) == {"keys": {"each": [[best[0]]]}}
    assert found(keys={"any": "strongest(L2-H3, it, 2)"}) == {"keys": {"any": [[one] for one in best]}}
    most = int(trace.weights(2, 3)[:, 1].argmax())
    pieces = [at for at, word in enumerate(trace.words) if word == trace.words[most]]  # any of which will do
    assert len(pieces) > 1
    assert found(queries="looking_most(L2-H3, animal)") == {"queries": {"each": [pieces]}}
    top = trace.rank("it", "animal").heads[:3]
    heads = [[list(map(int, one[1:].split("-H")))] for one in top]
    assert found(heads={"any": asking.top_heads("it", "animal", 3)}) == {"heads": {"any": heads}}
    named = aw.categorize(trace).heads("Previous-Token")
    assert len(found(off=asking.heads_of("Previous-Token"))["off"]["each"]) == len(named) > 0


def test_what_a_predicate_reads_as_is_what_it_is_read_from():
    for one in (asking.strongest((3, 0), "it", 2), asking.top_heads("a, b", "c"), asking.heads_of("Other")):
        assert asking.Predicate.read(str(one)) == one


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "expected what to select"),
        ("animal", "expected a mapping"),
        ({"kyes": "animal"}, "there is no 'kyes'; there is view"),
        ({"keys": "elephant"}, "no token or word reads 'elephant'"),
        ({"heads": "L9-H0"}, "there is no head L9-H0: 4 layers of 8 heads"),
        ({"heads": "heads_of(Prev)"}, "no category 'Prev'"),
        ({"keys": "strongest(L3-H0)"}, r"expected strongest\(head, query, k=1\)"),
        ({"queries": "strongest(L3-H0, it)"}, "names keys, not queries"),
        ({"heads": "strongest(L3-H0, it)"}, "names tokens, not heads"),
        ({"threshold": [0.5, 0.1]}, "expected a number or a range"),
        ({"layer": {"all": [1]}}, "'all' is for sets"),
        ({"what_if": {"temprature": 2}}, "expected some of scaled"),
        ({"words": "yes"}, "expected true or false"),
        ({"measure": {"not": "weights"}}, "give show= fields"),
    ],
)
def test_a_wrong_rule_is_refused_with_what_to_write(w, answer, message):
    with pytest.raises((ValueError, TypeError, IndexError, KeyError), match=message):
        w.ask("?", answer)
    assert not w.questions
    assert w._posed == {"questions": []}


def test_what_show_me_selects_must_answer_the_question(w):
    w.ask("?", {"measure": {"not": "weights"}}, show={"measure": "norms"})
    with pytest.raises(ValueError, match="what show= selects answers"):
        w.ask("?", {"measure": {"not": "weights"}}, show={"measure": "weights"})


def test_each_field_has_its_rule(w):
    accepted = [
        ({"threshold": [0.1, 0.3]}, {"threshold": 0.2}, {"threshold": 0.4}),
        ({"layer": [2, 3]}, {"layer": 3}, {"layer": 1}),
        ({"view": {"any": ["matrix", "text"]}}, {"view": "text"}, {"view": "lines"}),
        ({"category": "Syntactic"}, {"category": "Syntactic"}, {"category": "Other"}),
        ({"words": True}, {"words": True}, {"words": False}),
        ({"what_if": {"masked": "animal"}}, {"what_if": {"masked": "animal"}}, {"what_if": {"masked": "road"}}),
        ({"what_if": {"masked": "animal"}}, {"what_if": {"masked": [1]}}, {"what_if": {"removed": [1]}}),
        ({"what_if": {"temperature": {"not": 1}}}, {"what_if": {"temperature": 2}}, {"what_if": {"scaled": False}}),
        ({"off": {"any": ["L3-H0", "L2-H6"]}}, {"off": "L2-H6"}, {"off": ["L2-H6", "L0-H0"]}),
        ({"keys": {"all": ["animal"]}}, {"keys": ["animal", "road"]}, {"keys": "road"}),
        ({"target": "loss"}, {"target": "loss"}, {"target": "output"}),
        ([{"keys": "animal"}, {"queries": "tired"}], {"queries": "tired"}, {"queries": "it"}),
    ]
    for answer, right, wrong in accepted:
        shown = {} if "temperature" not in str(answer) else {"show": right}
        asked = w.ask("?", answer, **shown)
        assert asked.accepts(right), answer
        assert not asked.accepts(wrong), answer


def test_a_painted_mask_is_the_one_with_the_name(w):
    asked = w.ask("?", {"mask": "window:4"})
    painted = aw.masks.preset("window:4", len(w.tokens))
    assert asked.accepts({"mask": painted.tolist()})
    painted[3, 0] = not painted[3, 0]
    assert not asked.accepts({"mask": painted.tolist()})


def test_another_text_is_said_to_be_one_and_the_first_can_be_put_back(w):
    asked = w.ask("?", RULE)
    w.text = "The cat sat on the mat"
    assert w._posed["questions"][0]["elsewhere"]
    assert w._posed["questions"][0]["about"] == TEXT
    assert asked.accepts(RULE)  # of its own text
    w._session.questions.put_back("1")
    assert w.text == TEXT
    assert not w._posed["questions"][0]["elsewhere"]
    w.text = "The cat sat"
    w.text = TEXT  # run anew, and the same
    assert not w._posed["questions"][0]["elsewhere"]


def test_numbers_are_those_without_the_heads_that_are_off(w):
    w.ask("?", {"heads": "top_heads(tired, animal)"})
    before = w._posed["questions"][0]["rules"]
    (best,) = before[0]["heads"]["each"][0]
    w.off = [(layer, head) for layer in range(3) for head in range(8) if [layer, head] != best]
    heads = w.trace.rank("tired", "animal").heads
    now = w._posed["questions"][0]["rules"][0]["heads"]["each"][0][0]
    assert f"L{now[0]}-H{now[1]}" == heads[0]
    assert not w._posed["questions"][0]["elsewhere"]


def test_answers_are_noted_in_words(w):
    asked = w.ask("?", RULE)
    note = w._session.questions.note
    at = w.tokens.index
    note("1", "check", Selection(heads=[(3, 0)], queries=[at("it")], keys=[at("road")]))
    assert asked.row == ("heads: L3-H0; queries: it; keys: road", "not yet", 1, False, False)
    note("1", "hint", Selection())
    note("1", "check", Selection(heads=[(3, 0)], queries=[at("it")], keys=[at("animal")]))
    assert asked.row == ("heads: L3-H0; queries: it; keys: animal", "right", 2, True, False)
    told = w._posed["questions"][0]
    assert (told["right"], told["tries"], told["hinted"], told["shown"]) == (True, 2, True, False)
    note("nobody", "check", Selection())


def test_questions_are_added_replaced_and_taken_away(w):
    w.ask("one", {"keys": "it"})
    w.ask("two", {"keys": "it"}, name="b")
    w.ask("other", {"keys": "it"}, name="b")
    assert [one.text for one in w.questions] == ["one", "other"]
    assert w.ask(None) is None
    assert w.questions == []


def test_of_several_attentions_the_one_that_is_meant_counts():
    widget = aw.AttentionWidget("Le chat dort", model="demo/fr-en")
    asked = widget.ask("?", {"attention": "cross", "keys": "chat"})
    assert asked.accepts({"attention": "cross", "keys": "chat"})
    assert not asked.accepts({"attention": "encoder", "keys": "chat"})
    implied = widget.ask("?", {"keys": "chat"})
    assert implied.rules[0]["attention"] == {"is": "cross"}
    widget.close()
