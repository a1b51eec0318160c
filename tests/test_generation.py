"""How a model writes before it is captured: sampled, with beams, told of step by step, ended at any time."""

import pytest
import torch
import transformers as hf
from transformers import GenerationConfig

import tiny
from attnwidget.capture import TextTooLongError, capture
from zoo import make

TOKENIZER = tiny.tokenizer()
TEXT = "The cat"
IDS = torch.tensor([TOKENIZER(TEXT)["input_ids"]])
SAMPLED = {"max_new_tokens": 8, "do_sample": True, "temperature": 1.5, "top_k": 0, "top_p": 0.9}
BEAMS = {"max_new_tokens": 6, "num_beams": 4, "num_return_sequences": 3, "do_sample": False}
T5 = {"num_layers": 2, "num_heads": 4, "d_model": 32, "d_kv": 8, "d_ff": 64, "decoder_start_token_id": tiny.PAD}


def gpt2():
    return tiny.gpt2(hf.GPT2LMHeadModel)


def t5():
    return make("T5", T5, model="T5ForConditionalGeneration")


def written(model, **how):
    return model.generate(IDS, attention_mask=torch.ones_like(IDS), pad_token_id=tiny.PAD, **how)


def raw(ids):
    return TOKENIZER.convert_ids_to_tokens(ids.tolist())


@pytest.mark.parametrize("form", [dict, GenerationConfig])
def test_sampled_as_the_model_samples(form):
    model = gpt2()
    own = model.generation_config.to_dict()
    torch.manual_seed(5)
    ids = written(model, **SAMPLED)[0]
    torch.manual_seed(5)
    trace = capture(model, TEXT, tokenizer=TOKENIZER, generate=form(**SAMPLED))
    assert trace.raw_tokens == raw(ids)
    assert trace.raw_tokens != capture(model, TEXT, tokenizer=TOKENIZER, generate=8).raw_tokens
    assert trace.generated == [False] * 7 + [True] * (len(ids) - 7)
    assert model.generation_config.to_dict() == own
    assert trace.notices == []
    model.set_attn_implementation("eager")
    weights = model(ids[None], output_attentions=True).attentions
    for layer in range(3):
        torch.testing.assert_close(trace.weights(layer), weights[layer][0], atol=1e-5, rtol=0)


def test_a_seed_leaves_other_random_numbers_alone():
    model = gpt2()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, second = (capture(model, TEXT, tokenizer=TOKENIZER, generate=SAMPLED | {"seed": 3}) for _ in range(2))
    other = capture(model, TEXT, tokenizer=TOKENIZER, generate=SAMPLED | {"seed": 4})
    assert torch.equal(torch.rand(3), expected)
    assert first.tokens == second.tokens != other.tokens


def test_beams_are_named_and_chosen():
    model = gpt2()
    all_of_them = written(model, **BEAMS, output_scores=True, return_dict_in_generate=True)
    for number, (ids, score) in enumerate(zip(all_of_them.sequences, all_of_them.sequences_scores, strict=True)):
        trace = capture(model, TEXT, tokenizer=TOKENIZER, generate=BEAMS | {"sequence": number})
        assert trace.raw_tokens == raw(ids)
        said = f"{score:.2f}".replace("-", "−")
        assert trace.notices == [
            f"Beam {number + 1} of 4, score {said}; sequence= chooses another of the 3 that came back."
        ]
    best = capture(model, TEXT, tokenizer=TOKENIZER, generate={"max_new_tokens": 6, "num_beams": 4})
    assert best.raw_tokens == raw(all_of_them.sequences[0])
    assert best.notices[0].startswith("The best of 4 beams, score −")
    three = SAMPLED | {"num_return_sequences": 3}
    torch.manual_seed(1)
    ids = written(model, **three)
    torch.manual_seed(1)
    third = capture(model, TEXT, tokenizer=TOKENIZER, generate=three | {"sequence": 2})
    assert third.raw_tokens == raw(ids[2])
    assert third.notices == ["Text 3 of the 3 that were written; sequence= chooses another."]


def test_an_end_mark_ends_one_of_several():
    model = gpt2()
    ends = list(range(2, 200, 5))
    lengths = set()
    for number in range(3):
        how = BEAMS | {"eos_token_id": ends, "sequence": number}
        trace = capture(model, TEXT, tokenizer=TOKENIZER, generate=how)
        ids = TOKENIZER.convert_tokens_to_ids(trace.raw_tokens)
        assert not set(ids[7:-1]) & set(ends)
        assert tiny.PAD not in ids
        lengths.add(len(ids))
    assert len(lengths) > 1


@pytest.mark.parametrize("how", [8, SAMPLED | {"seed": 1}, BEAMS | {"max_new_tokens": 8}])
def test_every_token_is_told_and_the_writing_ended(how):
    told = []
    trace = capture(
        gpt2(), TEXT, tokenizer=TOKENIZER, generate=how, on_token=lambda *at: told.append(at) or len(told) == 3
    )
    assert [at[1:] for at in told] == [(1, 8), (2, 8), (3, 8)]
    assert sum(trace.generated) == 3
    ids = TOKENIZER.convert_tokens_to_ids(trace.raw_tokens)[7:]
    assert told[-1][0] == TOKENIZER.decode(ids, skip_special_tokens=True)
    assert trace.notices[-1] == "The writing was stopped after 3 of up to 8 tokens."


def test_what_is_raised_on_the_way_leaves_the_model_as_it_was():
    model = gpt2().train()

    def fail(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        capture(model, TEXT, tokenizer=TOKENIZER, generate=8, on_token=fail)
    assert all(module.training for module in model.modules())


def test_an_encoder_decoder_writes_its_target_so():
    model = t5()
    short = capture(model, TEXT, tokenizer=TOKENIZER, generate=4)
    assert len(short.tokens) == 5
    assert short.tokens == capture(model, TEXT, tokenizer=TOKENIZER).tokens[:5]
    torch.manual_seed(2)
    ids = written(model, **SAMPLED)[0]
    torch.manual_seed(2)
    trace = capture(model, TEXT, tokenizer=TOKENIZER, generate=SAMPLED)
    assert trace.raw_tokens == raw(ids[ids != 1])  # without its end mark
    beams = capture(model, TEXT, tokenizer=TOKENIZER, generate=BEAMS | {"sequence": 1})
    assert beams.notices[0].startswith("Beam 2 of 4, score −")
    told = []
    capture(model, TEXT, tokenizer=TOKENIZER, generate=4, on_token=lambda *at: told.append(at[1:]))
    assert told == [(number, 4) for number in range(1, len(told) + 1)]
    with pytest.raises(ValueError, match="nothing is left for generate to write"):
        capture(model, TEXT, text_target="cat", tokenizer=TOKENIZER, generate=4)


@pytest.mark.parametrize(
    ("how", "error", "why"),
    [
        ({"do_sample": True}, ValueError, "how many tokens; add max_new_tokens"),
        ({"max_tokens": 3}, ValueError, "no option 'max_tokens'"),
        ({"max_new_tokens": 3, "temperature": 0.5}, ValueError, "temperature .* nothing without do_sample=True"),
        ({"max_new_tokens": 0}, ValueError, "max_new_tokens"),
        ({"max_length": 7}, ValueError, "max_length=7, which counts the 7 tokens of the prompt"),
        ({"max_new_tokens": 3, "sequence": 1}, ValueError, "sequence must be from 0 to 0"),
        ({"max_new_tokens": 99}, TextTooLongError, "106 tokens"),
        ({"max_new_tokens": 3, "seed": "x"}, ValueError, "generate: "),
        (True, ValueError, "0 or more tokens"),
        ("20", TypeError, "a number of tokens, a dict"),
    ],
)
def test_what_cannot_be_is_refused(how, error, why):
    with pytest.raises(error, match=why):
        capture(gpt2(), TEXT, tokenizer=TOKENIZER, generate=how)


def test_a_length_of_all_and_strings_that_end():
    model = gpt2()
    assert sum(capture(model, TEXT, tokenizer=TOKENIZER, generate={"max_length": 10}).generated) == 3
    greedy = capture(model, TEXT, tokenizer=TOKENIZER, generate=8)
    assert "r" in greedy.tokens[8:-1]
    ended = capture(model, TEXT, tokenizer=TOKENIZER, generate={"max_new_tokens": 8, "stop_strings": ["r"]})
    assert ended.tokens == greedy.tokens[: greedy.tokens.index("r") + 1]
