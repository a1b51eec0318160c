"""What `model.generate` returned, put together: against one forward pass over the same sequence."""

import pytest
import torch
import transformers as hf

import tiny
from attnwidget import AttentionTrace
from attnwidget.capture import capture
from zoo import make

IDS = torch.tensor([[40, 41, 60, 12, 13, 99]])
PADDED = torch.tensor([[tiny.PAD, tiny.PAD, 60, 12], [40, 41, 60, 13]])
TOKENIZER = tiny.tokenizer()
DECODERS = {
    "GPT-2": lambda **more: tiny.gpt2(hf.GPT2LMHeadModel, **more),
    "Llama": lambda **more: tiny.llama(hf.LlamaForCausalLM, **more),
    "Mistral": lambda **more: tiny.build(
        hf.MistralConfig(**tiny.IDS, **tiny.SIZES, num_key_value_heads=2, sliding_window=5, **more),
        hf.MistralForCausalLM,
    ),
}
GREEDY = {"do_sample": False}
WAYS = {
    "greedy": GREEDY,
    "a static cache": GREEDY | {"cache_implementation": "static"},
    "no cache": GREEDY | {"use_cache": False},
    "samples": {"do_sample": True, "num_return_sequences": 3},
    "beams": {"do_sample": False, "num_beams": 4, "num_return_sequences": 4, "output_scores": True},
    "sampled beams": {"do_sample": True, "num_beams": 3},
}


def eager(model):
    model.set_attn_implementation("eager")
    return model


def generate(model, ids=IDS, mask=None, **how):
    torch.manual_seed(1)
    mask = torch.ones_like(ids) if mask is None else mask
    wanted = {"output_attentions": True, "return_dict_in_generate": True, "max_new_tokens": 7, "pad_token_id": tiny.PAD}
    return model.generate(ids, attention_mask=mask, **wanted | how)


def names(ids):
    return TOKENIZER.convert_ids_to_tokens(ids)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", DECODERS)
def test_every_row_is_that_of_one_pass(kind, way):
    model = eager(DECODERS[kind]())
    outputs = generate(model, **WAYS[way])
    for number, ids in enumerate(outputs.sequences):
        trace = AttentionTrace.from_generate(outputs, names(ids), sequence=number)
        n = len(trace.tokens)
        expected = model(ids[None, :n], output_attentions=True).attentions
        for layer, weights in enumerate(expected):
            found = trace.weights(layer)
            torch.testing.assert_close(found[:, :-1], weights[0, :, :-1], atol=1e-5, rtol=0)
            assert not trace.allowed(layer)[:, -1].any()  # the last was never read
        window = getattr(model.config, "sliding_window", None) or n
        at = torch.arange(n)
        pairs = (at <= at[:, None]) & (at > at[:, None] - window) & (at[:, None] < n - 1)
        if way != "no cache":  # there a window shows by its zeros alone
            assert torch.equal(trace.allowed(0, 0), pairs)
        assert trace.generated == [False] * 6 + [True] * (n - 6)
        assert trace.causal
        assert "written and never read" in trace.notices[-1]


@pytest.mark.parametrize("way", ["greedy", "samples", "beams"])
def test_an_encoder_and_a_decoder(way):
    sizes = {"num_layers": 2, "num_heads": 4, "d_model": 32, "d_kv": 8, "d_ff": 64, "decoder_start_token_id": tiny.PAD}
    model = eager(make("T5", sizes, model="T5ForConditionalGeneration"))
    texts = torch.tensor([[40, 41, 60, 1], [50, 60, 1, tiny.PAD]])
    mask = (texts != tiny.PAD).long()
    outputs = generate(model, texts, mask, **WAYS[way])
    for number, ids in enumerate(outputs.sequences):
        text = number * 2 // len(outputs.sequences)
        options = {"source_tokens": names(texts[text]), "sequence": number, "attention_mask": mask}
        trace = AttentionTrace.from_generate(outputs, names(ids), **options)
        n = len(trace.tokens)
        whole = model(
            input_ids=texts[[text]],
            attention_mask=mask[[text]],
            decoder_input_ids=ids[None, :n],
            output_attentions=True,
        )
        last = {"encoder": None, "decoder": -1, "cross": -1}
        for name, stop in last.items():
            for layer, weights in enumerate(whole[f"{name}_attentions"]):
                found = trace.weights(layer, attention=name)
                torch.testing.assert_close(found[:, :stop], weights[0, :, :stop], atol=1e-5, rtol=0)
        assert trace.allowed(0, 0, attention="cross")[:-1].all(0).tolist() == mask[text].bool().tolist()
        assert trace.generated == [False] + [True] * (n - 1)


def test_texts_in_a_batch_with_padding_before_them():
    model = eager(DECODERS["Llama"]())
    mask = (PADDED != tiny.PAD).long()
    outputs = generate(model, PADDED, mask, do_sample=True, num_return_sequences=2)
    for number, ids in enumerate(outputs.sequences):
        own = mask[number // 2]
        trace = AttentionTrace.from_generate(outputs, names(ids), sequence=number, attention_mask=mask)
        whole = torch.cat([own, own.new_ones(7)])[None]
        weights = model(ids[None], attention_mask=whole, output_attentions=True).attentions[1][0]
        real = own.tolist().index(1)
        torch.testing.assert_close(trace.weights(1)[:, real:-1], weights[:, real:-1], atol=1e-5, rtol=0)
        assert not trace.allowed(0)[..., :real].any()
        assert trace.notices[0].startswith(f"Sequence {number + 1} of the 4 in the output")


def test_beams_that_end_are_cut_and_named():
    model = eager(DECODERS["GPT-2"]())
    model.generation_config.eos_token_id = [one for one in range(3, 200) if one % 3]
    outputs = generate(model, torch.cat([IDS, IDS + 1]), **WAYS["beams"])
    lengths = set()
    for number, ids in enumerate(outputs.sequences):
        trace = AttentionTrace.from_generate(outputs, names(ids), sequence=number)
        n = len(trace.tokens)
        lengths.add(n)
        assert set(ids[n:].tolist()) <= {tiny.PAD}
        score = f"{outputs.sequences_scores[number]:.2f}".replace("-", "−")
        assert trace.notices[0].startswith(f"Beam {number % 4 + 1} of 4, score {score}; sequence=")
        weights = model(ids[None, :n], output_attentions=True).attentions[-1][0]
        torch.testing.assert_close(trace.weights(2)[:, :-1], weights[:, :-1], atol=1e-5, rtol=0)
    assert len(lengths) > 1
    best = generate(model, num_beams=3, output_scores=True, do_sample=False)
    notice = AttentionTrace.from_generate(best, names(best.sequences[0])).notices[0]
    assert notice == f"The best of 3 beams, score {float(best.sequences_scores[0]):.2f}.".replace("-", "−")


def test_less_of_the_end_and_a_prompt_from_a_cache():
    model = eager(DECODERS["Llama"]())
    outputs = generate(model, **GREEDY)
    ids = outputs.sequences[0]
    part = AttentionTrace.from_generate(outputs, names(ids[:9]))  # all of its rows were computed
    assert part.allowed(0, 0).diagonal().all()
    assert part.notices == []
    weights = model(ids[None, :9], output_attentions=True).attentions[0][0]
    torch.testing.assert_close(part.weights(0), weights, atol=1e-5, rtol=0)
    cache = model(IDS[:, :4], use_cache=True).past_key_values
    outputs = generate(model, past_key_values=cache, **GREEDY)
    later = AttentionTrace.from_generate(outputs, names(outputs.sequences[0]))
    assert later.allowed(0, 0).any(1).tolist() == [False] * 4 + [True] * 8 + [False]
    assert "rows of the first 4 tokens" in later.notices[0]
    torch.testing.assert_close(later.weights(0)[:, 4:9, :9], weights[:, 4:], atol=1e-5, rtol=0)


def test_what_was_written_from_embeddings():
    model = eager(DECODERS["Llama"]())
    given = model.get_input_embeddings()(IDS).detach()
    outputs = model.generate(
        inputs_embeds=given, attention_mask=torch.ones_like(IDS), max_new_tokens=3, do_sample=False,
        output_attentions=True, return_dict_in_generate=True,
    )  # fmt: skip
    ids = torch.cat([IDS[0], outputs.sequences[0]])
    trace = AttentionTrace.from_generate(outputs, names(ids))
    weights = model(ids[None], output_attentions=True).attentions[0][0]
    torch.testing.assert_close(trace.weights(0)[:, :-1], weights[:, :-1], atol=1e-5, rtol=0)
    assert trace.generated == [False] * 6 + [True] * 3


def test_it_is_told_what_is_wrong():
    model = DECODERS["GPT-2"]()  # SDPA
    ids = generate(model, **GREEDY).sequences[0]
    for wrong in (generate(model, **GREEDY), generate(eager(model), output_attentions=False, **GREEDY)):
        with pytest.raises(ValueError, match=r'attn_implementation="eager".*output_attentions=True.*return_dict'):
            AttentionTrace.from_generate(wrong, names(ids))
    outputs = generate(model, **GREEDY)
    for wrong in (outputs.sequences, outputs.attentions, names(ids)):
        with pytest.raises(TypeError, match=r"expected the output of model\.generate\(…, output_attentions=True"):
            AttentionTrace.from_generate(wrong, names(ids))
    with pytest.raises(ValueError, match=r"6 of the prompt and 7 that were written, got 3; .*sequences\[0\]"):
        AttentionTrace.from_generate(outputs, names(ids[:3]))
    with pytest.raises(ValueError, match="sequence must be a number from 0 to 0, got 1"):
        AttentionTrace.from_generate(outputs, names(ids), sequence=1)
    with pytest.raises(ValueError, match=r"attention_mask as generate was given it, for 6 tokens, got \(5,\)"):
        AttentionTrace.from_generate(outputs, names(ids), attention_mask=[1] * 5)
    with pytest.raises(TypeError, match="of a model with one text"):
        AttentionTrace.from_generate(outputs, names(ids), source_tokens=["a"])
    with pytest.raises(TypeError, match="one string"):
        AttentionTrace.from_generate(outputs, "abc")


def test_it_is_what_capture_shows(tmp_path):
    model = eager(DECODERS["Llama"]())
    prompt = "The cat"
    ids = torch.tensor([TOKENIZER(prompt)["input_ids"]])
    outputs = generate(model, ids, **GREEDY)
    trace = AttentionTrace.from_generate(outputs, names(outputs.sequences[0]))
    other = capture(model, prompt, tokenizer=TOKENIZER, generate=7)
    assert (trace.raw_tokens, trace.generated) == (other.raw_tokens, other.generated)
    for layer in range(3):
        torch.testing.assert_close(trace.weights(layer)[:, :-1], other.weights(layer)[:, :-1], atol=1e-5, rtol=0)
    trace.save(tmp_path / "a.safetensors")
    again = AttentionTrace.load(tmp_path / "a.safetensors")
    assert (again.generated, again.notices) == (trace.generated, trace.notices)
    assert torch.equal(again.weights(0), trace.weights(0))
