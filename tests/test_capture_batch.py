"""Several texts in one pass equal one after the other, however they come padded."""

import pytest
import torch
import transformers as hf

import attnwidget as aw
import tiny
from attnwidget.capture import CaptureError, EmptyTextError
from test_inputs import T5

TOKENIZER = tiny.tokenizer(marks=True)
TEXTS = ["The cat", "on the mat it sat", "a"]
MAKE = {
    "GPT-2": lambda: tiny.gpt2(hf.GPT2LMHeadModel),
    "Llama": tiny.llama,
    "Mistral": tiny.mistral,
    "Gemma 2": tiny.gemma2,
    "gpt-oss": tiny.gpt_oss,
    "BERT": tiny.bert,
    "RoBERTa": tiny.roberta,
    "T5": lambda: tiny.build(T5, hf.T5ForConditionalGeneration),
}


def padded(side):
    tokenizer = tiny.tokenizer(marks=True)
    tokenizer.padding_side = side
    return tokenizer(TEXTS, padding=True, return_tensors="pt")


def check(found, one):
    assert (found.ids, found.source_ids, found.tokens) == (one.ids, one.source_ids, one.tokens)
    assert found.max_error < 1e-5
    for attention in one.attentions:
        for layer in range(one.n_layers(attention)):
            mine, theirs = (trace.weights(layer, attention=attention) for trace in (found, one))
            torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)
            assert torch.equal(found.allowed(layer, attention=attention), one.allowed(layer, attention=attention))


@pytest.mark.parametrize("name", MAKE)
def test_a_batch_equals_one_by_one(name):
    model = MAKE[name]()
    targets = ["le", "un chat noir", "x"] if name == "T5" else None
    alone = [
        aw.capture(model, text, tokenizer=TOKENIZER, text_target=targets and targets[row])
        for row, text in enumerate(TEXTS)
    ]
    for batch in (TEXTS, padded("left"), padded("right")):
        traces = aw.capture_batch(model, batch, tokenizer=TOKENIZER, text_target=targets)
        for found, one in zip(traces, alone, strict=True):
            check(found, one)
    attention = alone[1].attentions[-1]
    mine, theirs = (trace.breakdown(1, 2, 3, attention=attention) for trace in (traces[1], alone[1]))
    torch.testing.assert_close(mine.attention_output, theirs.attention_output, atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_real_tokens_attend_as_in_the_library_with_the_positions_of_generate(side):
    encoded = padded(side)
    model = tiny.gpt2(attn_implementation="eager")
    kept = encoded["attention_mask"]
    positions = (kept.cumsum(-1) - 1).clamp(min=0)
    with torch.no_grad():
        theirs = model(**encoded, position_ids=positions, output_attentions=True).attentions
    for row, trace in enumerate(aw.capture_batch(model, encoded, tokenizer=TOKENIZER)):
        at = kept[row].nonzero()[:, 0]
        for layer in range(3):
            found = theirs[layer][row][:, at][:, :, at]
            torch.testing.assert_close(trace.weights(layer), found, atol=1e-5, rtol=0)


def test_a_model_is_called_once():
    model, sizes = tiny.gpt2(), []
    model.wte.register_forward_hook(lambda *given: sizes.append(tuple(given[1][0].shape)))
    aw.capture_batch(model, [[7, 8], [9, 10, 11]], tokenizer=TOKENIZER)
    assert sizes == [(2, 3)]
    seen = []
    aw.capture_batch(model, [[7], [8, 9]], tokenizer=TOKENIZER, layers=[1], on_layer=lambda *at: seen.append(at))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_what_a_row_keeps_of_a_batch_is_its_own_size():
    small, large = aw.capture_batch(tiny.gpt2(), [[7], list(range(5, 55))], tokenizer=TOKENIZER)
    alone = aw.capture(tiny.gpt2(), [7], tokenizer=TOKENIZER)
    assert small.nbytes <= alone.nbytes
    assert small.nbytes * 20 < large.nbytes


def test_rows_of_every_kind_and_a_gap_within_one():
    model = tiny.bert()
    pair = TOKENIZER("cat", "it", return_tensors="pt")
    rows = [[7, 8, 9], "cat", {"input_ids": [0, 7, 8, 9, 0], "attention_mask": [0, 1, 0, 1, 0]}, pair]
    traces = aw.capture_batch(model, rows, tokenizer=TOKENIZER)
    alone = [aw.capture(model, row, tokenizer=TOKENIZER) for row in (rows[0], rows[1], rows[3])]
    for found, one in zip([*traces[:2], traces[3]], alone, strict=True):
        check(found, one)
    assert traces[3].segments == alone[2].segments
    gap = aw.capture(model, [7, 8, 9], tokenizer=TOKENIZER, attention_mask=[1, 0, 1])
    check(traces[2], gap)
    both = aw.capture_batch(model, TOKENIZER(["cat", "a"], ["it", "b"], padding=True), tokenizer=TOKENIZER)
    assert [trace.segments for trace in both] == [[0] * 5 + [1] * 3, [0] * 3 + [1] * 2]


def test_chats_and_models_outside_the_interface():
    neo = tiny.build(
        hf.GPTNeoConfig(
            **tiny.IDS, hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]],
            max_position_embeddings=64,
        )
    )  # fmt: skip
    for found, text in zip(aw.capture_batch(neo, TEXTS, tokenizer=TOKENIZER), TEXTS, strict=True):
        check(found, aw.capture(neo, text, tokenizer=TOKENIZER))
    talking = tiny.tokenizer()
    talking.chat_template = "{% for message in messages %}{{ message['content'] + eos_token }}{% endfor %}"
    chats = [[{"role": "user", "content": word}] * 2 for word in ("Hi", "Hello")]
    traces = aw.capture_batch(tiny.gpt2(), chats, tokenizer=talking)
    assert [trace.segments for trace in traces] == [[0] * 3 + [1] * 3, [0] * 6 + [1] * 6]


def test_rows_of_a_tensor_take_a_mask_beside_it():
    ids, mask = torch.tensor([[2, 7, 8], [9, 10, 11]]), torch.tensor([[0, 1, 1], [1, 1, 1]])
    traces = aw.capture_batch(tiny.gpt2(), ids, tokenizer=TOKENIZER, attention_mask=mask)
    assert [trace.ids for trace in traces] == [[7, 8], [9, 10, 11]]


@pytest.mark.parametrize(
    ("batch", "options", "error", "message"),
    [
        ("a", {}, TypeError, "a batch is a list of texts, .* not a text"),
        ([1, 2], {}, CaptureError, "one row of token ids, not a batch"),
        ([[1], []], {}, EmptyTextError, "row 1: there are no token ids"),
        (["a", 3.5], {}, TypeError, "row 1: text must be a str"),
        ([[1], [999]], {}, CaptureError, "row 1: token 999 is outside"),
        (torch.tensor([[1], [2]]), {"attention_mask": [[1]]}, ValueError, "one row for each of 2, got 1"),
        (torch.tensor([[1], [2]]), {"attention_mask": [[1], [0]]}, EmptyTextError, "row 1: .* keeps no token"),
        ({"input_ids": [[1], [2]], "attention_mask": [[1]]}, {}, ValueError, "different numbers of rows"),
        (["a", "b"], {"text_target": ["c"]}, ValueError, "one entry for each of the 2 rows"),
        (["a", "b"], {"layers": [9]}, ValueError, "layers must be numbers from 0 to 2"),
        ([{"role": "user", "content": "Hi"}], {}, TypeError, "not one chat"),
    ],
)
def test_what_cannot_be_is_refused(batch, options, error, message):
    with pytest.raises(error, match=message):
        aw.capture_batch(tiny.gpt2(), batch, tokenizer=TOKENIZER, **options)


def test_an_empty_batch_has_no_traces():
    assert aw.capture_batch(tiny.gpt2(), [], tokenizer=TOKENIZER) == []
