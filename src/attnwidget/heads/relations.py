"""Grammatical relations in plain words: from what a head looks, and at what."""

from __future__ import annotations

# From a dependent, at its head; from a head, at its dependent. Relations of Universal Dependencies:
# https://universaldependencies.org/u/dep/
_PHRASES = {
    "acl": ("the verb of a clause about a noun", "that noun", "a noun", "the verb of a clause about it"),
    "advcl": ("the verb of a side clause", "the main clause’s verb", "a verb", "its side clause’s verb"),
    "advmod": ("an adverb", "the word it modifies", "a word", "its adverb"),
    "amod": ("an adjective", "its noun", "a noun", "its adjective"),
    "appos": ("a noun that names another again", "that other noun", "a noun", "the noun that names it again"),
    "aux": ("a helping verb (has, will)", "its main verb", "a main verb", "its helping verb (has, will)"),
    "case": ("a preposition", "its noun", "a noun", "its preposition"),
    "cc": ("“and”, “or” or “but”", "the word it joins on", "a joined word", "the “and”, “or” or “but” before it"),
    "ccomp": ("the verb of a that-clause", "the verb above it", "a verb", "the verb of its that-clause"),
    "compound": (
        "the first part of a compound noun",
        "the last part",
        "the last part of a compound noun",
        "the first part",
    ),
    "conj": ("the later of two joined words", "the earlier", "the earlier of two joined words", "the later"),
    "cop": ("a form of “to be”", "what the subject is", "what the subject is", "the form of “to be”"),
    "det": ("a determiner (the, a, every)", "its noun", "a noun", "its determiner (the, a, every)"),
    "iobj": ("a receiver (gave him …)", "its verb", "a verb", "its receiver (gave him …)"),
    "mark": (
        "an introducing word (because, that, to)",
        "its clause’s verb",
        "a clause’s verb",
        "its introducing word (because, that, to)",
    ),
    "nmod": (
        "an owner, or a noun after “of” or “in”",
        "the noun it describes",
        "a noun",
        "its owner, or the noun that describes it",
    ),
    "nsubj": ("a subject", "its verb", "a verb", "its subject"),
    "nummod": ("a number", "its noun", "a noun", "its number"),
    "obj": ("an object", "its verb", "a verb", "its object"),
    "obl": ("a noun that says where, when or how", "its verb", "a verb", "the noun that says where, when or how"),
    "xcomp": ("a verb that completes another", "that other verb", "a verb", "the verb that completes it"),
}  # fmt: skip


def in_words(relation: str, direction: str) -> tuple[str, str]:
    """Say from what a head looks along a relation, and at what.

    Parameters
    ----------
    relation : str
        Of Universal Dependencies, without subtype; of another scheme, or any, more general words are found.
    direction : str
        ``"to its head"`` or ``"to its dependent"``.

    Returns
    -------
    (str, str)
        ``("an object", "its verb")``.
    """
    up = direction == "to its head"
    if relation not in _PHRASES:
        kind = "" if relation == "any relation" else f" (relation “{relation}”)"
        return ("a word", f"the word it depends on{kind}") if up else ("a word", f"a word that depends on it{kind}")
    of_dependent, at_head, of_head, at_dependent = _PHRASES[relation]
    return (of_dependent, at_head) if up else (of_head, at_dependent)
