"""Captured is what the object that was handed over computes: each wrapper against what it returns itself."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import transformers as hf

import attnwidget
import tiny
import zoo
from attnwidget.capture import UnsupportedModelError, capture, twin
from attnwidget.capture.wrappers import core_of, unwrapped
from attnwidget.heads.probe import _State
from attnwidget.models import BUNDLED, ModelUnavailable, describe_model, load_model
from attnwidget.trace import AttentionTrace
from attnwidget.wire.tokens import in_one
from wrappers import PROMPT, SAME, VIRTUAL, WRAPPERS, adapt, llama, prompted, switched_off

pytestmark = pytest.mark.filterwarnings("ignore")  # other people's libraries deprecate themselves

TOKENIZER = tiny.tokenizer()
IDS = torch.tensor([TOKENIZER(tiny.TEXT)["input_ids"]])
NAMES = [f"[prompt {number}]" for number in range(1, VIRTUAL + 1)]
ROUGH = {"torchao, dynamic int8": 2e-2, "torch's dynamic int8": 2e-2, "bitsandbytes, 8 bits": 2e-2}  # see the table
NO_OUTPUT = set(ROUGH)


@contextmanager
def eager(model):
    config = core_of(model).config
    before, config._attn_implementation = config._attn_implementation, "eager"
    yield
    config._attn_implementation = before


def theirs(model, **options):
    """What the model itself returns when it is called."""
    ids = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}
    with torch.no_grad(), eager(model), torch.compiler.set_stance("force_eager"):
        return unwrapped(model)(**ids | options, output_attentions=True, return_dict=True)


def distance(trace, attentions, part=None):
    assert trace.n_layers(part) == len(attentions)
    return max(
        float((trace.weights(layer, attention=part) - one[0]).abs().max()) for layer, one in enumerate(attentions)
    )


def in_background(function, *args):
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function, *args).result()


@pytest.mark.parametrize("name", [name for name, (what, *_) in WRAPPERS.items() if what in {SAME, PROMPT}])
def test_what_is_captured_is_what_the_wrapped_model_returns(name):
    what, _, make = WRAPPERS[name]
    model = make()
    trace = capture(model, tiny.TEXT, tokenizer=TOKENIZER)
    assert trace.tokens[: -IDS.shape[1]] == (NAMES if what == PROMPT else [])
    bound = ROUGH.get(name, 1e-5)
    assert distance(trace, theirs(model).attentions) <= bound
    assert trace.max_error <= 1e-5
    assert not trace.missing
    # the same once more, behind the picture
    again = in_background(lambda: capture(twin(model), tiny.TEXT, tokenizer=TOKENIZER))
    assert again.tokens == trace.tokens
    assert distance(again, [trace.weights(layer)[None] for layer in range(trace.n_layers())]) <= bound
    steps = in_background(lambda: trace.breakdown(1, 2, -1))
    if name != "bitsandbytes, 4 bits":  # of which some processors multiply in bfloat16
        assert ("no module could be proven" in steps.missing) is (name in NO_OUTPUT), steps.missing


@pytest.mark.parametrize("name", [name for name, (what, *_) in WRAPPERS.items() if what not in {SAME, PROMPT}])
def test_what_cannot_be_captured_is_refused_in_a_sentence(name):
    reason, _, make = WRAPPERS[name]
    kind = TypeError if name.startswith("a module") else UnsupportedModelError
    model = make()
    for options in ({}, {"layers": [0]}):
        with pytest.raises(kind, match=reason):
            capture(model, tiny.TEXT, tokenizer=TOKENIZER, **options)


def test_the_docs_name_them_all():
    text = (Path(__file__).parents[1] / "docs/models.md").read_text()
    rows = [line for line in text.split("## What may stand around a model")[1].splitlines() if line.startswith("| ")]
    table = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows[1:]]
    refused = "refused"
    expected = [
        (name, what if what in {SAME, PROMPT} else refused, note.removeprefix("refused: ").removeprefix("refused"))
        for name, (what, note, _) in WRAPPERS.items()
    ]
    assert table == expected


# --- adapters -----------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: adapt("LoraConfig"), prompted], ids=["LoRA", "prompt tuning"])
def test_an_adapter_that_is_switched_off_is_not_captured(make):
    model = make()
    with switched_off(model):
        trace = capture(model, tiny.TEXT, tokenizer=TOKENIZER)
        assert distance(trace, theirs(model).attentions) <= 1e-5
        assert len(trace.tokens) == IDS.shape[1]
        off = _State.of(model)
    assert not off.is_of(model)  # what was known of its heads is no longer so
    assert distance(capture(model, tiny.TEXT, tokenizer=TOKENIZER), theirs(model).attentions) <= 1e-5


@pytest.mark.parametrize("name", ["GPT-2", "GPT-J", "BLOOM"])
def test_virtual_tokens_of_other_models(name):
    kinds = {"GPT-2": "GPT2LMHeadModel", "GPT-J": "GPTJForCausalLM", "BLOOM": "BloomForCausalLM"}
    model = prompted(zoo.ZOO[name][3](model=kinds[name], attn_implementation="eager"))
    trace = capture(model, tiny.TEXT, tokenizer=TOKENIZER)
    assert trace.tokens[:VIRTUAL] == NAMES
    assert trace.has_qkv
    assert distance(trace, theirs(model).attentions) <= 1e-5
    keep = torch.ones_like(IDS[0])
    keep[:5] = 0
    padded = capture(model, tiny.TEXT, tokenizer=TOKENIZER, attention_mask=keep)
    expected = theirs(model, attention_mask=keep[None]).attentions
    rows = torch.cat([torch.ones(VIRTUAL), keep]).bool()
    for layer, one in enumerate(expected):
        assert (padded.weights(layer) - one[0]).abs()[:, rows].max() <= 1e-5


@pytest.mark.parametrize("task", ["FEATURE_EXTRACTION", "SEQ_CLS", "TOKEN_CLS"])
def test_virtual_tokens_of_an_encoder(task):
    kinds = {
        "FEATURE_EXTRACTION": None, "SEQ_CLS": hf.BertForSequenceClassification,
        "TOKEN_CLS": hf.BertForTokenClassification,
    }  # fmt: skip
    model = prompted(tiny.bert(kinds[task]), task)
    trace = capture(model, "The cat sat", "on the mat", tokenizer=tiny.tokenizer(marks=True))
    assert trace.tokens[:VIRTUAL] == NAMES
    assert trace.segments[: VIRTUAL + 2] == [0] * (VIRTUAL + 2)
    assert len(trace.segments) == len(trace.tokens)
    one = capture(model, tiny.TEXT, tokenizer=TOKENIZER)
    assert distance(one, theirs(model).attentions) <= 1e-5


@pytest.mark.parametrize("kind", ["LoraConfig", "PromptTuningConfig"])
@pytest.mark.parametrize("name", ["T5", "BART"])
def test_an_adapter_around_an_encoder_decoder(kind, name):
    options = {"num_virtual_tokens": VIRTUAL} if kind == "PromptTuningConfig" else {}
    sizes = {"num_decoder_layers": 2} if name == "T5" else {"max_position_embeddings": 32}  # what is said stays short
    made = zoo.ZOO[name][3](attn_implementation="eager", **sizes)
    model = adapt(kind, made, "SEQ_2_SEQ_LM", **options)
    marks = tiny.tokenizer(marks=True)
    ids = torch.tensor([marks(tiny.TEXT)["input_ids"]])
    for target in ("le chat", None)[: 2 if name == "BART" else 1]:
        trace = capture(model, tiny.TEXT, text_target=target, tokenizer=marks)
        read = torch.tensor([marks.convert_tokens_to_ids(trace.raw_tokens)])
        given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        outputs = theirs(model, **given, decoder_input_ids=read)
        for part in ("encoder", "decoder", "cross"):
            assert distance(trace, outputs[f"{part}_attentions"], part) <= 1e-5
        assert trace.source_tokens[: -ids.shape[1]] == (NAMES if options else [])
        if target is None:  # what the adapted model says, word for word
            assert read[0, 1:].tolist() == outputs.logits[0, :-1].argmax(-1).tolist()


def test_what_is_generated_is_what_the_adapted_model_says():
    model = prompted()
    trace = capture(model, tiny.TEXT, tokenizer=TOKENIZER, generate=5)
    ids = IDS
    for _ in range(5):
        with torch.no_grad():
            ids = torch.cat([ids, model(input_ids=ids).logits[:, -1:].argmax(-1)], 1)
    assert trace.raw_tokens == [*NAMES, *TOKENIZER.convert_ids_to_tokens(ids[0].tolist())]
    assert trace.generated == [False] * (VIRTUAL + IDS.shape[1]) + [True] * 5
    with pytest.raises(UnsupportedModelError, match="generates without its virtual tokens"):
        capture(prompted(task="FEATURE_EXTRACTION"), tiny.TEXT, tokenizer=TOKENIZER, generate=5)


def test_virtual_tokens_take_positions():
    model = prompted(tiny.gpt2(hf.GPT2LMHeadModel))
    capture(model, "a" * (64 - VIRTUAL), tokenizer=TOKENIZER)
    with pytest.raises(attnwidget.capture.TextTooLongError, match=f"61 tokens, but the model has {64 - VIRTUAL} pos"):
        capture(model, "a" * 61, tokenizer=TOKENIZER)


def test_virtual_tokens_everywhere(tmp_path):
    model = prompted()
    shown = attnwidget.AttentionWidget(tiny.TEXT, model=model, tokenizer=TOKENIZER, heads=["L1-H1"])
    assert shown._outline["queries"]["tokens"].startswith(in_one([*NAMES, "T"]))
    shown.trace.save(tmp_path / "trace.safetensors")
    again = AttentionTrace.load(tmp_path / "trace.safetensors")
    assert again.tokens == shown.trace.tokens
    assert again.special[: VIRTUAL + 1] == [True] * VIRTUAL + [False]
    assert again.word_texts[: VIRTUAL + 1] == [*NAMES, "The"]
    table = attnwidget.categorize(shown.trace)
    assert table.here.shape[1:] == (3, 4)


def test_a_mask_of_pairs_does_not_fit_virtual_tokens():
    n = IDS.shape[1]
    with pytest.raises(UnsupportedModelError, match="takes no attention_mask of pairs"):
        capture(prompted(), tiny.TEXT, tokenizer=TOKENIZER, attention_mask=torch.ones(n, n).tril())


def test_a_model_is_called_what_it_is():
    model = prompted()
    core_of(model).name_or_path = "gpt2"
    assert describe_model(model) == "PeftModelForCausalLM(gpt2)"
    assert describe_model(core_of(model)) == "gpt2"


# --- past the user's own code --------------------------------------------------------------


class Unmasked(hf.GPTJForCausalLM):
    def forward(self, input_ids=None, **options):
        return super().forward(input_ids=input_ids, **options | {"attention_mask": None})


def test_a_mask_that_the_model_does_not_keep_to_is_refused():
    model = tiny.build(hf.GPTJConfig(**tiny.IDS, **zoo.GPT, rotary_dim=4), Unmasked)
    capture(model, tiny.TEXT, tokenizer=TOKENIZER)
    with pytest.raises(UnsupportedModelError, match="tokens that the attention_mask hides"):
        capture(model, tiny.TEXT, tokenizer=TOKENIZER, attention_mask=[0] * 4 + [1] * (IDS.shape[1] - 4))


MODEL = None  # as a notebook's cell knows it


def test_code_that_knows_the_model_by_name_knows_its_twin():
    global MODEL, BEFORE  # noqa: PLW0603 - that is what is tested
    MODEL = llama()
    BEFORE = MODEL.forward
    ran = []
    MODEL.model.register_forward_pre_hook(lambda module, _: ran.append(module))
    MODEL.forward = lambda input_ids, **options: BEFORE(
        inputs_embeds=MODEL.get_input_embeddings()(input_ids) * 2, **options
    )
    expected = capture(MODEL, tiny.TEXT, tokenizer=TOKENIZER)
    other = twin(MODEL)
    ran.clear()
    found = capture(other, tiny.TEXT, tokenizer=TOKENIZER)
    assert distance(found, [expected.weights(layer)[None] for layer in range(3)]) == 0
    assert ran == [other.model]


def test_logits_are_computed_only_where_somebody_may_want_them():
    sizes = []

    def look(_module, args):
        sizes.append(args[0].shape[1])

    for model, expected in ((llama(), []), (prompted(), [1]), (WRAPPERS["a hook upon the model"][2](), [IDS.shape[1]])):
        core_of(model).lm_head.register_forward_pre_hook(look)
        capture(model, tiny.TEXT, tokenizer=TOKENIZER)
        assert sizes == expected
        sizes.clear()


# --- folders --------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_a_folder_cannot_name_the_kernel(tmp_path, monkeypatch, key):
    folder = shutil.copytree(BUNDLED["demo/causal"], tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {key: "somebody/kernel"}))
    asked = []
    for where in (
        "modeling_utils.lazy_import_flash_attention",
        "integrations.hub_kernels.load_and_register_attn_kernel",
    ):
        monkeypatch.setattr(f"transformers.{where}", lambda *args, **_: asked.append(args))
    model, tokenizer = load_model(folder)
    assert not asked
    assert model.config._attn_implementation in {"sdpa", "eager"}
    capture(model, tiny.TEXT, tokenizer=tokenizer)
    assert not asked


def test_a_folder_with_an_adapter_says_how_to_load_it(tmp_path):
    model = adapt("LoraConfig")
    model.save_pretrained(tmp_path)
    with pytest.raises(ModelUnavailable, match=r"holds an adapter .*AutoPeftModelForCausalLM"):
        load_model(tmp_path)
