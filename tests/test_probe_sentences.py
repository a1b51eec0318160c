"""The shipped sentences are sound: text, trees, the rules of Universal Dependencies, and enough variety.

The rules are those of https://universaldependencies.org/u/dep/ and /u/pos/, as far as a program can check them; what
is not listed here as allowed is an error.
"""

from collections import Counter, defaultdict
from importlib.resources import files

import pytest

from attnwidget.heads.conllu import Sentence, read, shipped

TAGS = {
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN",
    "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "VERB",
}  # fmt: skip
RELATIONS = {
    "root",
    "nsubj", "nsubj:pass", "obj", "iobj", "ccomp", "xcomp", "expl",
    "obl", "advcl", "advmod", "vocative", "discourse",
    "aux", "aux:pass", "cop", "mark",
    "det", "amod", "nummod", "nmod", "nmod:poss", "compound", "acl", "acl:relcl", "appos",
    "case", "cc", "conj", "compound:prt", "parataxis", "punct",
}  # fmt: skip
NOMINAL = {"NOUN", "PROPN", "PRON"}
# The tags that a word with this relation may have.
TAGS_OF = {
    "acl": {"VERB"},
    "advmod": {"ADV", "PART"},  # "not" and "n't" are particles
    "amod": {"ADJ"},
    "appos": {"NOUN", "PROPN"},
    "aux": {"AUX"},
    "aux:pass": {"AUX"},
    "case": {"ADP", "PART"},  # "'s" is a particle
    "cc": {"CCONJ"},
    "compound": {"NOUN", "PROPN"},
    "compound:prt": {"ADP"},
    "cop": {"AUX"},
    "det": {"DET"},
    "discourse": {"INTJ"},
    "expl": {"PRON"},
    "iobj": NOMINAL,
    "mark": {"SCONJ", "PART"},  # "to" is a particle
    "nmod": NOMINAL,
    "nmod:poss": NOMINAL,
    "nsubj": NOMINAL,
    "nsubj:pass": NOMINAL,
    "nummod": {"NUM"},
    "obj": NOMINAL,
    "obl": NOMINAL | {"NUM"},  # "since nine"
    "punct": {"PUNCT"},
    "vocative": {"PROPN"},
}
# And the relations that a word with this tag may have.
RELATIONS_OF = {
    "ADP": {"case", "compound:prt"},
    "AUX": {"aux", "aux:pass", "cop"},
    "CCONJ": {"cc"},
    "DET": {"det"},
    "INTJ": {"discourse"},
    "PUNCT": {"punct"},
    "SCONJ": {"mark"},
}
# Function words have no dependents, but for these.
FUNCTION = {"det", "case", "cc", "mark", "aux", "aux:pass", "cop", "punct", "expl", "compound:prt", "discourse"}
DEPENDENTS_OF_FUNCTION = {
    ("det", "advmod"),  # "nearly every meal"
}
CLAUSES = {"root", "ccomp", "xcomp", "advcl", "acl", "acl:relcl", "parataxis", "conj"}
# measured:  nsubj 268, det 373, punct 254, case 198, obj 181, amod 222, obl 126, nmod 73, advmod 76, aux 76, mark 46,
#            acl:relcl 45, nmod:poss 84, conj 48
LEAST = {"nsubj": 100, "det": 100, "punct": 100, "case": 100, "obj": 60, "amod": 60, "nmod": 60, "obl": 60} | {
    "advmod": 40,
    "aux": 40,
    "mark": 40,
    "acl:relcl": 40,
    "nmod:poss": 40,
    "conj": 40,
}


def raw_sentences():
    """Comments and rows, read without the reader under test."""
    source = files("attnwidget.heads").joinpath("probe.conllu").read_text(encoding="utf-8")
    assert source.endswith("\n\n")  # the format wants a blank line after the last sentence too
    for block in source[:-2].split("\n\n"):
        lines = block.split("\n")
        comments = [line for line in lines if line.startswith("#")]
        yield comments, [line.split("\t") for line in lines[len(comments) :]]


def value(comments, key):
    [found] = [line for line in comments if line.startswith(f"# {key} = ")]
    return found.partition(" = ")[2]


def words():
    """Every word of the probe set: its sentence and its position in it."""
    return [(sentence, i) for sentence in shipped() for i in range(len(sentence.words))]


def names(found):
    """What is wrong, so that a failure can be read: the word, its relation, its sentence."""
    return [f"{s.words[i]} ({s.tags[i]}, {s.relations[i]}): {s.text}" for s, i in found]


def dependents(sentence, i):
    return [j for j, head in enumerate(sentence.heads) if head == i]


# --- the file ---------------------------------------------------------------------------------------------------------


def test_enough_sentences_with_ids_and_texts_of_their_own():
    comments = [comments for comments, _ in raw_sentences()]
    assert len(comments) >= 120
    assert [value(c, "sent_id") for c in comments] == [f"probe-{i:03d}" for i in range(1, len(comments) + 1)]
    assert len({value(c, "text").lower() for c in comments}) == len(comments)
    assert "MIT" in comments[0][0]


def test_columns():
    for _, rows in raw_sentences():
        assert [row[0] for row in rows] == [str(i) for i in range(1, len(rows) + 1)]
        for row in rows:
            assert len(row) == 10
            assert all(row)
            assert row[2] == row[2].lower()
            assert [row[i] for i in (4, 5, 8)] == ["_"] * 3
            assert row[9] in {"_", "SpaceAfter=No"}


def test_forms_rebuild_the_text():
    for comments, rows in raw_sentences():
        rebuilt = "".join(row[1] + ("" if row[9] == "SpaceAfter=No" else " ") for row in rows)
        assert rebuilt.rstrip() == value(comments, "text")


def test_the_reader_agrees_with_the_file():
    for (comments, rows), sentence in zip(raw_sentences(), shipped(), strict=True):
        assert sentence.text == value(comments, "text")
        assert sentence.words == [row[1] for row in rows] == [sentence.text[a:b] for a, b in sentence.spans]
        assert sentence.tags == [row[3] for row in rows]
        assert sentence.heads == [int(row[6]) - 1 for row in rows]
        assert sentence.relations == [row[7] for row in rows]


def test_lemmas_of_be_not_and_the_auxiliaries():
    lemmas = {"n't": "not", "ca": "can", "wo": "will", "'s": "'s", "an": "a"}
    for _, rows in raw_sentences():
        for _, form, lemma, tag, *_, relation, _, _ in rows:
            assert lemma == lemmas.get(form, lemma)
            if relation in {"cop", "aux:pass"}:
                assert lemma == "be"
            elif tag == "AUX":
                assert lemma in {"be", "can", "could", "do", "have", "must", "should", "will", "would"}


# --- trees ------------------------------------------------------------------------------------------------------------


def test_every_sentence_is_a_tree():
    for sentence in shipped():
        n = len(sentence.words)
        assert 6 <= n <= 25
        [root] = [i for i in range(n) if sentence.heads[i] == -1]
        assert [i for i in range(n) if sentence.relations[i] == "root"] == [root]
        for i in range(n):
            steps = 0
            while i != root:
                i = sentence.heads[i]  # noqa: PLW2901
                assert 0 <= i < n
                steps += 1
                assert steps < n, sentence.text  # else a cycle


def test_trees_are_projective():
    """No arc leaves the words that another one spans; there are no exceptions."""
    for sentence in shipped():
        arcs = [sorted(arc) for arc in enumerate(sentence.heads) if arc[1] >= 0]
        crossing = [(a, b) for a in arcs for b in arcs if a[0] < b[0] < a[1] < b[1]]
        assert not crossing, sentence.text
        root = sentence.heads.index(-1)
        assert not [a for a in arcs if a[0] < root < a[1]], sentence.text


# --- the rules of Universal Dependencies ------------------------------------------------------------------------------


def test_tags_and_relations_are_known():
    assert {s.tags[i] for s, i in words()} == TAGS
    assert {s.relations[i] for s, i in words()} == RELATIONS


def test_tags_fit_relations():
    assert not names((s, i) for s, i in words() if s.tags[i] not in TAGS_OF.get(s.relations[i], TAGS))
    assert not names((s, i) for s, i in words() if s.relations[i] not in RELATIONS_OF.get(s.tags[i], RELATIONS))


def test_particles():
    expected = {"'s": {"case"}, "to": {"mark"}, "n't": {"advmod"}, "not": {"advmod"}}
    assert not names((s, i) for s, i in words() if s.tags[i] == "PART" and s.relations[i] not in expected[s.words[i]])


def test_function_words_have_no_dependents():
    wrong = [
        (s, j)
        for s, i in words()
        if s.relations[i] in FUNCTION
        for j in dependents(s, i)
        if (s.relations[i], s.relations[j]) not in DEPENDENTS_OF_FUNCTION
    ]
    assert not names(wrong)


def test_subjects_and_objects_belong_to_predicates():
    """With a verb, or with what a copula makes a predicate: never with a function word."""
    core = {"nsubj", "nsubj:pass", "obj", "iobj", "expl", "aux", "aux:pass", "ccomp", "xcomp"}
    for s, i in words():
        head = s.heads[i]
        if s.relations[i] in core:
            copula = any(s.relations[j] == "cop" for j in dependents(s, head))
            allowed = copula and s.relations[i] in {"nsubj", "aux"}
            assert s.tags[head] == "VERB" or allowed, names([(s, i)])
            assert s.relations[head] in CLAUSES, names([(s, i)])


def test_no_predicate_has_two_of_a_kind():
    for s, i in words():
        relations = Counter(s.relations[j].replace("nsubj:pass", "nsubj") for j in dependents(s, i))
        for relation in ("nsubj", "obj", "iobj", "cop", "aux:pass", "ccomp", "compound:prt", "expl", "det", "cc"):
            assert relations[relation] <= 1, names([(s, i)])


def test_passives():
    """Where there is a passive auxiliary the subject is one of a passive, and the other way round."""
    for s, i in words():
        relations = {s.relations[j] for j in dependents(s, i)}
        assert not ("aux:pass" in relations and "nsubj" in relations), names([(s, i)])
        assert "aux:pass" in relations or "nsubj:pass" not in relations, names([(s, i)])


def test_an_indirect_object_has_an_object_beside_it():
    for s, i in words():
        if s.relations[i] == "iobj":
            siblings = {s.relations[j] for j in dependents(s, s.heads[i])}
            # "the medicine the nurse gave him": the object is the noun above the clause
            assert "obj" in siblings or s.relations[s.heads[i]] == "acl:relcl", names([(s, i)])


def test_modifiers_of_nouns_and_of_predicates():
    for s, i in words():
        relation, head = s.relations[i], s.heads[i]
        if relation in {"det", "amod", "nmod", "nmod:poss", "compound", "nummod", "acl", "acl:relcl", "appos"}:
            assert s.tags[head] in NOMINAL, names([(s, i)])
            # "the living room sofa": what stands before a compound is the whole one's, but for another part of it
            assert s.relations[head] != "compound" or relation == "compound", names([(s, i)])
        elif relation in {"obl", "advcl", "compound:prt", "vocative", "discourse", "mark"}:
            copula = any(s.relations[j] == "cop" for j in dependents(s, head))
            adjective = s.tags[head] == "ADJ" and relation == "obl"  # "full of toys", "happy with his job"
            assert s.tags[head] == "VERB" or copula or adjective, names([(s, i)])
        elif relation == "advmod":
            predicate_noun = any(s.relations[j] == "cop" for j in dependents(s, head))
            # a determiner in "nearly every"
            assert s.tags[head] in {"VERB", "ADJ", "ADV", "DET"} or predicate_noun, names([(s, i)])


def test_prepositions_stand_before_their_noun():
    """And 's directly behind it."""
    for s, i in words():
        if s.relations[i] == "case":
            if s.tags[i] == "ADP":
                assert s.heads[i] > i, names([(s, i)])
                predicate = any(s.relations[j] == "cop" for j in dependents(s, s.heads[i]))  # "is behind the office"
                assert s.relations[s.heads[i]] in {"nmod", "obl"} or predicate, names([(s, i)])
            else:
                assert s.heads[i] == i - 1, names([(s, i)])
                assert s.relations[s.heads[i]] == "nmod:poss", names([(s, i)])


def test_a_nmod_has_a_preposition_and_an_obl_too_unless_it_is_a_time():
    times = {"afternoon", "evening", "month", "morning", "night", "summer", "today", "week", "winter", "yesterday"}
    for s, i in words():
        if s.relations[i] in {"nmod", "obl"} and "case" not in {s.relations[j] for j in dependents(s, i)}:
            assert s.relations[i] == "obl", names([(s, i)])
            assert s.words[i].lower() in times, names([(s, i)])


def test_possessors():
    """A pronoun, or a noun with 's."""
    for s, i in words():
        if s.relations[i] == "nmod:poss":
            marked = "case" in {s.relations[j] for j in dependents(s, i)}
            assert marked == (s.tags[i] != "PRON"), names([(s, i)])
            assert i < s.heads[i], names([(s, i)])


def test_coordination():
    """Conjuncts hang on the first one, to their left, and are of its kind; `cc` hangs on the conjunct that follows."""
    for s, i in words():
        head = s.heads[i]
        if s.relations[i] == "conj":
            assert head < i, names([(s, i)])
            assert s.relations[head] != "conj", names([(s, i)])
            kinds = [tag if tag not in NOMINAL else "nominal" for tag in (s.tags[i], s.tags[head])]
            clause = "cop" in {s.relations[j] for j in dependents(s, i)}  # "..., and taxis are expensive"
            assert kinds[0] == kinds[1] or clause, names([(s, i)])
        elif s.relations[i] == "cc":
            assert s.relations[head] == "conj", names([(s, i)])
            assert head > i, names([(s, i)])
            assert i == min([head, *(j for j in dependents(s, head) if s.tags[j] != "PUNCT")]), names([(s, i)])


def test_markers_open_their_clause():
    for s, i in words():
        if s.relations[i] == "mark":
            assert s.relations[s.heads[i]] in {"ccomp", "xcomp", "advcl", "acl"}, names([(s, i)])
            others = [j for j in dependents(s, s.heads[i]) if s.tags[j] != "PUNCT"]
            assert i == min(others), names([(s, i)])


def test_relative_clauses_follow_their_noun():
    for s, i in words():
        if s.relations[i] in {"acl", "acl:relcl", "nmod", "appos"}:
            assert s.heads[i] < i, names([(s, i)])


def test_punctuation():
    """The last mark hangs on the root; commas around a phrase come in pairs on its head."""
    for s in shipped():
        assert s.words[-1] in {".", "?"}
        assert s.relations[s.heads[-1]] == "root", s.text
        for i, head in enumerate(s.heads[:-1]):
            if s.tags[i] == "PUNCT":
                assert s.relations[head] in CLAUSES | {"appos"}, names([(s, i)])
                if s.relations[head] in {"appos", "acl:relcl", "parataxis"}:
                    marks = [j for j in dependents(s, head) if s.tags[j] == "PUNCT"]
                    assert len(marks) == 2, names([(s, i)])
                    assert marks[0] < head < marks[1], names([(s, i)])


# --- variety ----------------------------------------------------------------------------------------------------------


def test_there_is_enough_of_each_relation():
    counts = Counter(s.relations[i] for s, i in words())
    assert {relation: counts[relation] for relation in LEAST if counts[relation] < LEAST[relation]} == {}


# The most frequent offset (head minus dependent) and its share, measured: nsubj +1 47 %, obj -2 31 %, det +1 56 %,
# amod +1 69 %, case +2 45 %, aux +1 50 %, nmod:poss +1 61 %, advmod +1 64 %, mark +1 30 %, nmod -3 53 %, obl -3 28 %,
# acl:relcl -3 42 %, conj -2 23 %, punct -6 14 %. A compound stands directly before its head nearly always (95 %).
@pytest.mark.parametrize("relation", sorted(LEAST))
def test_no_fixed_offset_explains_a_relation(relation):
    offsets = Counter(s.heads[i] - i for s, i in words() if s.relations[i] == relation)
    assert max(offsets.values()) < 0.75 * offsets.total()


def test_lengths_vary():
    lengths = Counter(len(s.words) for s in shipped())
    assert min(lengths) <= 7
    assert max(lengths) >= 22
    assert max(lengths.values()) < len(shipped()) / 4


def test_few_sentences_begin_alike():
    starts = defaultdict(set)
    for s in shipped():
        starts[" ".join(s.words[:3]).lower()].add(s.text)
    assert max(map(len, starts.values())) <= 2


# --- the reader -------------------------------------------------------------------------------------------------------


def row(number, form, head, relation="dep", *, misc="_"):
    return "\t".join([str(number), form, form.lower(), "X", "_", "_", str(head), relation, "_", misc])


def test_read():
    source = "\n".join(
        [
            "# text_en = another comment",
            "# text = We can't  go.",
            row(1, "We", 4, "nsubj"),
            row("2-3", "can't", "_", "_"),
            row(2, "ca", 4, "aux"),
            row(3, "n't", 4, "advmod"),
            row(4, "go", 0, "root", misc="SpaceAfter=No"),
            row("4.1", "there", "_", "_"),
            row(5, ".", 4, "punct"),
        ]
    )
    expected = Sentence(
        text="We can't  go.",
        words=["We", "ca", "n't", "go", "."],
        spans=[(0, 2), (3, 5), (5, 8), (10, 12), (12, 13)],
        heads=[3, 3, 3, -1, 3],
        relations=["nsubj", "aux", "advmod", "root", "punct"],
        tags=["X"] * 5,
        features=[{}] * 5,
        entities=[""] * 5,
    )
    assert read(source) == [expected]
    assert read(f"# about the file\n\n{source}\n\n\n{source}\n") == [expected] * 2
    assert read(source.replace("\n", "\r\n")) == [expected]
    assert read("") == read("\n# nothing here\n\n") == []


def test_a_text_is_rebuilt_where_there_is_none():
    rows = [
        row("1-2", "Don't", "_", "_", misc="SpaceAfter=No"),
        row(1, "Do", 4),
        row(2, "n't", 4),
        row(3, ",", 4),
        row(4, "Ann", 0, misc="Gloss=x|SpaceAfter=No"),
        row(5, "!", 4),
    ]
    [sentence] = read("\n".join(rows))
    assert sentence.text == "Don't, Ann!"
    assert sentence.spans == [(0, 2), (2, 5), (5, 6), (7, 10), (10, 11)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2\tsleeps", "line 3: expected 10 columns with tabs between them, got 2"),
        (row(2, "sleeps", 0) + "\t", "line 3: expected 10 columns with tabs between them, got 11"),
        (row(3, "sleeps", 0), "line 3: expected the ID 2, got '3'"),
        (row("two", "sleeps", 0), "line 3: expected the ID 2, got 'two'"),
        (row(2, "sleeps", 3), "line 3: expected a head from 0 to 2, got '3'"),
        (row(2, "sleeps", -1), "line 3: expected a head from 0 to 2, got '-1'"),
        (row(2, "sleeps", "_"), "line 3: expected a head from 0 to 2, got '_'"),
        (row(2, "slept", 0), "line 3: expected 'slept' to come next in the text, got 'sleeps'"),
        (row(2, "leeps", 0), "line 3: expected 'leeps' to come next in the text, got 'sleeps'"),
    ],
)
def test_errors_name_the_line(line, message):
    with pytest.raises(ValueError, match="line") as error:
        read(f"# text = She sleeps\n{row(1, 'She', 2)}\n{line}\n")
    assert str(error.value) == message


def test_the_shipped_sentences_are_read_once():
    assert shipped() is shipped()
