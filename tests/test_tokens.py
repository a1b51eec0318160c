"""Labels are never empty, characters never halved, words contiguous."""

import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE, Unigram, WordLevel, WordPiece

from attnwidget.tokens import Tokens, describe, scheme_of

BUNDLED = Path(__file__).parents[1] / "src/attnwidget/bundled/causal/tokenizer.json"
SENTENCES = ["the cat didn't sit on the mat", "playing players played the unbelievable tune"] * 4


def byte_tokenizer():
    return Tokenizer.from_file(str(BUNDLED))


def wordpiece_tokenizer():
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=60, special_tokens=["[UNK]"]))
    return tokenizer


def sentencepiece_tokenizer():
    """Like Llama-2's: spaces as ▁, and bytes for the characters that it does not know."""
    letters = [(letter, -5.0) for letter in "abcdefghijklmnopqrstuvwxyz"]
    pieces = [("▁", -4.0), ("▁the", -2.0), ("ing", -2.0), ("▁play", -2.0)]
    byte_tokens = [(f"<0x{byte:02X}>", -9.0) for byte in range(256)]
    vocabulary = [("<unk>", 0.0), *pieces, *letters, *byte_tokens]
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(steps)
    return tokenizer


def plain_tokenizer():
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


TOKENIZERS = {
    "byte": byte_tokenizer(),
    "wordpiece": wordpiece_tokenizer(),
    "sentencepiece": sentencepiece_tokenizer(),
}


def words_of(tokens: Tokens) -> list[list[str]]:
    words = [[] for _ in range(max(tokens.words, default=-1) + 1)]
    for label, word in zip(tokens.text, tokens.words, strict=True):
        words[word].append(label)
    return words


# --- labels -----------------------------------------------------------------------------


def test_byte_tokens_read_as_text():
    tokens = describe(["The", "Ġcat", "Ã©", "ĠcafÃ©", "Ċ", "ĠĠĠĠ", "ĉ"], scheme="byte")
    assert tokens.text == ["The", "cat", "é", "café", "↵", "␣×4", "⇥"]


def test_a_split_character_is_shown_in_each_part():
    assert describe(["Ġð", "Ł", "ĺ", "Ģ"], scheme="byte").text == [f"😀 {part}/4" for part in (1, 2, 3, 4)]
    mixed = describe(["ĠaðŁĺ", "Ģb", "c"], scheme="byte")
    assert mixed.text == ["a 😀 1/2", "😀 2/2 b", "c"]
    assert mixed.words == [0, 0, 0]


def test_bytes_that_are_no_character_are_shown_as_hex():
    assert describe(["Ġð", "Ġcat"], scheme="byte").text == [r"\xf0", "cat"]
    assert describe(["<0xF0>", "<0x9F>"]).text == [r"\xf0", r"\x9f"]
    assert describe(["ï¿½ð"], scheme="byte").text == ["\ufffd\\xf0"]


def test_text_added_to_a_byte_vocabulary_stays():
    tokens = describe(["日本", "two words", "Ġcat"], scheme="byte")
    assert tokens.text == ["日本", "two words", "cat"]


def test_wordpiece_marks_are_stripped():
    tokens = describe(["[CLS]", "play", "##ing", "##", "[SEP]"])
    assert tokens.text == ["[CLS]", "play", "ing", "##", "[SEP]"]
    assert tokens.raw == ["[CLS]", "play", "##ing", "##", "[SEP]"]
    assert tokens.special == [True, False, False, False, True]
    assert tokens.words == [0, 1, 1, 2, 3]


def test_sentencepiece_tokens_read_as_text():
    tokens = describe(["<s>", "▁the", "▁", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "<0x0A>"])
    assert tokens.text == ["<s>", "the", "␣", "😀 1/4", "😀 2/4", "😀 3/4", "😀 4/4", "↵"]
    assert tokens.words == [0, 1, 2, 3, 3, 3, 3, 4]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("", "∅"),
        (" ", "␣"),
        ("   ", "␣␣␣"),
        (" \n", "␣↵"),
        ("\r\n", "␍↵"),
        ("\x00", "␀"),
        ("\x7f", "␡"),
        ("\x85", "⟨U+0085⟩"),
        ("\u200d", "⟨ZWJ⟩"),
        ("\ufeff", "⟨BOM⟩"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("\u3000", "⟨U+3000⟩"),
        ("\ud83d", "⟨U+D83D⟩"),
        ("\N{COMBINING ACUTE ACCENT}", "◌\N{COMBINING ACUTE ACCENT}"),
        ("👩\u200d🚀", "👩\u200d🚀"),  # joined: one picture
        ("کتاب\u200cها", "کتاب\u200cها"),  # noqa: RUF001 - Persian needs its joiners
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("שלום", "שלום"),
    ],
)
def test_every_label_can_be_seen(text, label):
    assert describe([text]).text == [label]


# --- which scheme -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["The", "Ġcat"], ["The", "cat"]),
        (["The", "Ġcat", "Ã©"], ["The", "cat", "é"]),
        (["ĺĢ", "Ġcat", "Ġð"], [r"\x98\x80", "cat", r"\xf0"]),  # cut out of a longer text
        (["<|endoftext|>", "A", "Ċ"], ["<|endoftext|>", "A", "↵"]),
        (["▁the", "▁cat"], ["the", "cat"]),
        (["un", "##believ", "##able"], ["un", "believ", "able"]),
        (["Ġorġ", "ħobża"], ["Ġorġ", "ħobża"]),  # Maltese
        (["##", "Title"], ["##", "Title"]),
        (["##Title", "text"], ["##Title", "text"]),
        (["café", "naïve"], ["café", "naïve"]),
    ],
)
def test_scheme_is_guessed_from_marks_only_where_they_are_clear(tokens, text):
    assert describe(tokens).text == text


@pytest.mark.parametrize("scheme", TOKENIZERS)
def test_scheme_of_a_fast_tokenizer(scheme):
    assert scheme_of(SimpleNamespace(backend_tokenizer=TOKENIZERS[scheme])) == scheme


def test_scheme_of_metaspace_and_of_none():
    metaspace = Tokenizer(BPE())
    metaspace.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    assert scheme_of(SimpleNamespace(backend_tokenizer=metaspace)) == "sentencepiece"
    assert scheme_of(SimpleNamespace(backend_tokenizer=plain_tokenizer())) is None


def test_scheme_of_a_slow_tokenizer():
    assert scheme_of(SimpleNamespace(sp_model=object())) == "sentencepiece"
    assert scheme_of(SimpleNamespace(byte_encoder={})) == "byte"
    assert scheme_of(SimpleNamespace(wordpiece_tokenizer=object())) == "wordpiece"
    assert scheme_of(SimpleNamespace()) is None


# --- words ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["The", "Ġanimal", "Ġdidn", "'t"], [0, 1, 2, 2]),
        (["Ġdidn", "'", "t", "Ġgo"], [0, 0, 0, 1]),
        (["Ġdidn", "âĢĻ", "t"], [0, 0, 0]),  # typographic apostrophe
        (["Ġdogs", "'", "Ġtails"], [0, 1, 2]),
        (["Ġ'", "n", "'", "Ġroll"], [0, 1, 2, 3]),
        (["Ġwell", "-", "known", "Ġcov", "id", "19", "."], [0, 1, 2, 3, 3, 3, 4]),
        (["snake", "_", "case"], [0, 1, 2]),
        (["Ġe", "Ìģ", "t"], [0, 0, 0]),  # e + combining acute
        (["æĹ¥", "æľ¬", "ãĤ«"], [0, 1, 2]),  # ideographs and kana
        (["Ċ", "Ċ", "a"], [0, 1, 2]),
        (["Ġ", "1", "2"], [0, 1, 1]),
    ],
)
def test_words_from_byte_tokens(tokens, words):
    assert describe(tokens, scheme="byte").words == words


def test_an_emoji_sequence_is_one_word():
    encoded = TOKENIZERS["byte"].encode("hi 👩\u200d🚀 👍🏽❤\ufe0fok")
    tokens = describe(encoded.tokens, scheme="byte", spans=encoded.offsets)
    ends = [word[-1] for word in words_of(tokens)]
    assert ends == ["i", "␣", "🚀 4/4", "␣", "🏽 4/4", "⟨U+FE0F⟩ 3/3", "k"]


def test_spans_glue_what_marks_cannot():
    tokens = ["[CLS]", "don", "'", "t", "stop", "[SEP]", "go", "[SEP]"]
    spans = [(0, 0), (0, 3), (3, 4), (4, 5), (6, 10), (0, 0), (0, 2), (0, 0)]
    assert describe(tokens, spans=spans).words == [0, 1, 1, 1, 2, 3, 4, 5]
    assert describe(tokens).words == [*range(8)]


def test_plain_tokens_are_words():
    assert describe(["a", "b", "'t"]).words == [0, 1, 2]


def test_special_tokens_never_join():
    tokens = describe(["a", "b", "c"], scheme="byte", special=[False, True, False])
    assert tokens.words == [0, 1, 2]


def test_empty_and_wrong_input():
    assert describe([]) == Tokens([], [], [], [], [], [])
    with pytest.raises(ValueError, match="spans has 1 entries for 2 tokens"):
        describe(["a", "b"], spans=[(0, 1)])
    with pytest.raises(ValueError, match="special has 0 entries"):
        describe(["a"], special=[])
    with pytest.raises(ValueError, match="sentencepiece or None, got 'bpe'"):
        describe(["a"], scheme="bpe")


# --- any text ---------------------------------------------------------------------------

AWKWARD = st.sampled_from(
    [
        "😀",
        "👩\u200d🚀",
        "e\u0301",
        "שלום",
        "عليكم",
        "日本語",
        "カナ",
        "\x00",
        "\ufeff",
        "<b>",
        "'t",
        "##",
        "▁",
    ]
)
TEXTS = st.lists(st.one_of(AWKWARD, st.text(max_size=6), st.sampled_from([" ", "\n", "cat"])))


def check(tokens: Tokens, count: int) -> None:
    assert len(tokens.text) == len(tokens.raw) == len(tokens.special) == len(tokens.words) == count
    for label in tokens.text:
        shape = [c for c in label if unicodedata.category(c) not in {"Cc", "Zs", "Zl", "Zp", "Cs"}]
        assert shape, repr(label)
        assert "\n" not in label
    assert tokens.words[:1] in ([], [0])
    steps = [b - a for a, b in zip(tokens.words, tokens.words[1:], strict=False)]
    assert set(steps) <= {0, 1}


@pytest.mark.parametrize("scheme", TOKENIZERS)
@pytest.mark.parametrize("with_spans", [True, False])
@settings(max_examples=150, deadline=None)
@given(parts=TEXTS)
def test_any_text(scheme, with_spans, parts):
    encoded = TOKENIZERS[scheme].encode("".join(parts), add_special_tokens=False)
    spans = encoded.offsets if with_spans else None
    check(describe(encoded.tokens, scheme=scheme, spans=spans), len(encoded.tokens))


@given(tokens=st.lists(st.text(max_size=5)))
def test_any_tokens(tokens):
    for scheme in (None, *TOKENIZERS):
        check(describe(tokens, scheme=scheme), len(tokens))


VISIBLE = st.text(st.sampled_from("abcé日本😀שΩ .,"), max_size=30)


@pytest.mark.parametrize("scheme", ["byte", "sentencepiece"])
@given(text=VISIBLE)
def test_labels_together_are_the_text(scheme, text):
    encoded = TOKENIZERS[scheme].encode(text, add_special_tokens=False)
    labels = describe(encoded.tokens, scheme=scheme).text
    joined = "".join(labels)
    once = re.sub(r" ?(.) (\d)/\d ?", lambda part: part[1] if part[2] == "1" else "", joined)
    assert re.sub(r"␣(×\d+)?| ", "", once) == text.replace(" ", "")


def test_tokens_need_no_model_library():
    code = "import sys, attnwidget.tokens; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "tokenizers", "numpy"} & set(done.stdout.split())
