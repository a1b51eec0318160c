"""A capture leaves the model as it was, whatever happens, and keeps to itself."""

import copy
import gc
import threading
import weakref

import accelerate
import pytest
import torch
import transformers as hf

import attnwidget
import tiny
from attnwidget.capture import capture, temporary
from zoo import PAIR, ZOO

TOKENIZER = tiny.tokenizer()
TEXT = "The cat sat on the mat, and the mat did not mind."


def state(model):
    """Everything about a model that a capture could have changed."""
    modules = list(model.modules())
    hooks = [sum(len(value) for name, value in vars(module).items() if "hooks" in name) for module in modules]
    return {
        "implementation": [module.config._attn_implementation for module in modules if hasattr(module, "config")],
        "config": copy.deepcopy(model.config.to_dict()),
        "training": [module.training for module in modules],
        "attributes": [sorted(vars(module)) for module in modules],
        "hooks": hooks,
        "gradients": [(p.grad, p.requires_grad) for p in model.parameters()],
    }


def output(model):
    ids = torch.tensor([TOKENIZER(TEXT)["input_ids"]])
    with torch.no_grad():
        return model(input_ids=ids)[0]


def mixed(model):
    """Some modules in training mode, some not."""
    for number, module in enumerate(model.modules()):
        module.training = number % 3 == 0
    return model


@pytest.fixture(params=["gpt2", "llama", "bert", "gpt_neox", "mistral"])
def model(request):
    return mixed(getattr(tiny, request.param)())


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_model_is_as_before(model, implementation):
    model.set_attn_implementation(implementation)
    before, random = state(model), torch.get_rng_state()
    capture(model, TEXT, tokenizer=TOKENIZER)
    assert state(model) == before
    assert torch.equal(torch.get_rng_state(), random)
    model.eval()
    expected = output(model)
    capture(model, TEXT, tokenizer=TOKENIZER)
    assert torch.equal(output(model), expected)
    assert not temporary._changed


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("where", ["hook", "progress"])
def test_model_is_as_before_when_it_fails(model, error, where):
    def fail(*_):
        raise error("in the middle")

    layer = list(model.modules())[-1]
    handle = layer.register_forward_hook(fail) if where == "hook" else None
    before = state(model)
    with pytest.raises(error, match="in the middle"):
        capture(model, TEXT, tokenizer=TOKENIZER, on_layer=fail if where == "progress" else None)
    assert state(model) == before
    assert not temporary._changed
    if handle is not None:
        handle.remove()
    capture(model, TEXT, tokenizer=TOKENIZER)


def test_sub_configs_are_given_back():
    text = {**tiny.SIZES, "vocab_size": tiny.VOCABULARY, "num_key_value_heads": 2, "head_dim": 8}
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
              "num_attention_heads": 2, "image_size": 28, "patch_size": 14}  # fmt: skip
    config = hf.Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4)
    model = tiny.build(config, attn_implementation={"": "sdpa", "text_config": "eager"})
    before = [c._attn_implementation for c in (config, config.text_config, config.vision_config)]
    capture(model, TEXT, tokenizer=TOKENIZER)
    after = [c._attn_implementation for c in (config, config.text_config, config.vision_config)]
    assert after == before


def test_gradients_can_be_taken_afterwards():
    model = tiny.gpt2()
    trace = capture(model, TEXT, tokenizer=TOKENIZER)
    assert not trace.weights(0).requires_grad
    model(input_ids=torch.tensor([[5, 6, 7]]))[0].sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def weights_of(trace):
    return torch.stack([trace.weights(layer) for layer in range(trace.n_layers())])


def test_threads_do_not_mix():
    """Two models and one that both share, each pass held open until all are inside."""
    models = [tiny.gpt2(), tiny.llama(), tiny.gpt2(n_layer=2)]
    models.append(models[0])
    texts = [TEXT, TEXT[:20], TEXT[5:30], TEXT[::-1]]
    expected = [
        weights_of(capture(model, text, tokenizer=TOKENIZER)) for model, text in zip(models, texts, strict=True)
    ]
    for model in models:
        model.train()
    before = [state(model) for model in models]
    barrier = threading.Barrier(len(models), timeout=30)
    found = [None] * len(models)

    def run(number):
        def wait(done, _):
            if done <= 2:
                barrier.wait()

        trace = capture(models[number], texts[number], tokenizer=TOKENIZER, on_layer=wait)
        found[number] = weights_of(trace)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(models))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs)
    assert [state(model) for model in models] == before


def test_first_out_does_not_wake_the_other():
    """One capture ends in the middle of another, of the same model in training mode."""
    model = tiny.gpt2(attn_pdrop=0.5, resid_pdrop=0.5, embd_pdrop=0)
    expected = weights_of(capture(model, TEXT, tokenizer=TOKENIZER))
    before = state(model.train())
    inside, first_is_out, found = threading.Event(), threading.Event(), []

    def second():
        def wait(done, _):
            if done == 1:
                inside.set()
                first_is_out.wait(30)

        found.append(weights_of(capture(model, TEXT, tokenizer=TOKENIZER, on_layer=wait)))

    thread = threading.Thread(target=second)

    def start(done, _):
        if done == 1:
            thread.start()
            inside.wait(30)

    capture(model, TEXT, tokenizer=TOKENIZER, on_layer=start)
    first_is_out.set()
    thread.join()
    torch.testing.assert_close(found[0], expected)
    assert state(model) == before


@pytest.mark.parametrize("same", [True, False])
def test_nested_capture(same):
    outer, text = tiny.gpt2(), TEXT[:12]
    inner = outer if same else tiny.llama()
    expected = [weights_of(capture(m, t, tokenizer=TOKENIZER)) for m, t in ((outer, TEXT), (inner, text))]
    traces = []

    def nest(done, _):
        if done == 2:
            traces.append(capture(inner, text, tokenizer=TOKENIZER))

    outer.train()
    before = state(outer)
    traces.insert(0, capture(outer, TEXT, tokenizer=TOKENIZER, on_layer=nest))
    assert state(outer) == before
    for trace, weights in zip(traces, expected, strict=True):
        torch.testing.assert_close(weights_of(trace), weights)


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "gpt_oss", "mistral", "t5_encoder"])
def test_used_outside_a_capture_it_is_plain_attention(name):
    """Another thread may use the model, in batches, while it is captured."""
    model = getattr(tiny, name)()
    ids = torch.randint(4, tiny.VOCABULARY, (2, 9))
    keep = torch.ones(2, 9).long()
    keep[0, 6:] = 0

    def run():
        with torch.no_grad():
            return model(input_ids=ids, attention_mask=keep)[0][keep.bool()]

    expected, found = run(), []

    def on_layer(done, _):
        if done == 1:
            thread = threading.Thread(target=lambda: found.append(run()))
            thread.start()
            thread.join()

    trace = capture(model, TEXT, tokenizer=TOKENIZER, on_layer=on_layer)
    assert trace.n_layers() == 3
    torch.testing.assert_close(found[0], expected)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gpt_neox", "mistral", "bert"])
@pytest.mark.parametrize("padded", [False, True])
def test_nothing_of_size_n_squared_is_kept(name, padded):
    n = 600
    options = {"n_positions": n} if name == "gpt2" else {}
    model = tiny.bert() if name == "bert" else getattr(tiny, name)(**options)
    if name == "bert":
        n = 64
    keep = torch.ones(n).long()
    keep[: n // 4 if padded else 0] = 0
    trace = capture(model, "a" * n, tokenizer=TOKENIZER, attention_mask=keep)
    layers = trace._layers["self"]
    floats = sum(layer.q.numel() + layer.k.numel() + layer.v.numel() for layer in layers)
    rows = len(layers) * n * (4 * 4 + 1)  # log-sum-exp of four heads, and a padding mask
    assert 4 * floats <= trace.nbytes <= 4 * floats + rows
    for layer in layers:
        for tensor in layer.tensors:
            assert tensor is None or tensor.numel() < n * n


def test_a_model_that_is_released_is_gone():
    model = tiny.gpt2()
    trace = capture(model, TEXT, tokenizer=TOKENIZER)
    gone = weakref.ref(model)
    del model
    assert not trace.breakdown(0, 0, 1).missing
    trace.effects("output")
    trace.release_model()
    assert not trace.breakdown(0, 0, 1).missing  # what was found stays
    gc.collect()
    assert gone() is None
    assert trace.weights(0).shape == (4, len(TEXT), len(TEXT))


def test_not_a_number_is_shown():
    model = tiny.gpt2()
    with torch.no_grad():
        model.h[1].attn.c_attn.weight[0, 0] = torch.nan  # in the queries of head 0
    trace = capture(model, TEXT, tokenizer=TOKENIZER)
    assert trace.weights(1, 0)[trace.allowed(1, 0)].isnan().all()
    assert not trace.weights(0).isnan().any()
    assert trace.max_error != trace.max_error


def test_package_name_is_the_function():
    """`attnwidget.capture` is a function and a package; whichever is loaded first, it captures."""
    trace = attnwidget.capture(tiny.gpt2(), "cat", tokenizer=TOKENIZER)
    assert trace.tokens == ["c", "a", "t"]


@pytest.mark.parametrize("name", ["GPT-J", "BLOOM", "DeBERTa-v2", "XLNet", "T5", "BART"])
@pytest.mark.parametrize("fails", [False, True])
def test_other_kinds_are_as_before(name, fails):
    """Models outside the interface, which run with eager attention, and those with a decoder."""
    kind, _, _, make = ZOO[name]
    model = mixed(make())
    before = state(model)
    options = {"text_target": "le chat"} if kind == PAIR else {}
    if fails:

        def fail(*_):
            raise KeyError("in the middle")

        last = [module for module in model.modules() if isinstance(module, torch.nn.Linear)][-1]
        handle = (last if kind != PAIR else model.get_decoder()).register_forward_hook(fail)
        with pytest.raises(KeyError, match="in the middle"):
            capture(model, TEXT[:20], tokenizer=TOKENIZER, **options)
        handle.remove()
    else:
        capture(model, TEXT[:20], tokenizer=TOKENIZER, **options)
    assert state(model) == before
    assert not temporary._changed
    assert capture(model, TEXT[:20], tokenizer=TOKENIZER, **options).n_layers(None if kind != PAIR else "cross") == 3


def test_gradient_checkpointing():
    expected = weights_of(capture(tiny.llama(), TEXT, tokenizer=TOKENIZER))
    model = tiny.llama().train()
    model.gradient_checkpointing_enable()
    torch.testing.assert_close(weights_of(capture(model, TEXT, tokenizer=TOKENIZER)), expected)
    assert model.is_gradient_checkpointing


def compile_layers(model):
    for layer in model.layers:
        layer.compile(backend="eager")
    return model


def compile_forward(model):
    model.forward = torch.compile(model.forward, backend="eager")
    return model


def compile_attention(model):
    for layer in model.layers:
        layer.self_attn = torch.compile(layer.self_attn, backend="eager")
    return model


@pytest.mark.parametrize(
    "compile_it",
    [lambda model: torch.compile(model, backend="eager"), compile_layers, compile_forward, compile_attention],
)
def test_compiled_models(compile_it):
    expected = weights_of(capture(tiny.llama(), TEXT, tokenizer=TOKENIZER))
    model = compile_it(tiny.llama())
    output(model)  # compiles
    before = state(model)
    torch.testing.assert_close(weights_of(capture(model, TEXT, tokenizer=TOKENIZER)), expected)
    assert state(model) == before


def dispatch(model, folder):
    places = ["embed_tokens", "layers.0", "layers.1", "layers.2", "norm", "rotary_emb"]
    device_map = {place: ("disk", "cpu")[number % 2] for number, place in enumerate(places)}
    return accelerate.dispatch_model(model, device_map, main_device="cpu", offload_dir=folder)


@pytest.mark.parametrize("spread", [lambda model, _: accelerate.cpu_offload(model), accelerate.disk_offload, dispatch])
def test_models_whose_weights_are_brought_in(spread, tmp_path):
    """As with device_map="auto": weights are elsewhere until their layer's turn."""
    expected = weights_of(capture(tiny.mistral(), TEXT, tokenizer=TOKENIZER))
    model = spread(tiny.mistral(), tmp_path)
    trace = capture(model, TEXT, tokenizer=TOKENIZER, attention_mask=[0] + [1] * (len(TEXT) - 1))
    assert trace.max_error <= 1e-4
    torch.testing.assert_close(weights_of(capture(model, TEXT, tokenizer=TOKENIZER)), expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*quantize", "ignore:.*torchao")
def test_linear_layers_of_8_bits():
    model = torch.ao.quantization.quantize_dynamic(tiny.llama(), {torch.nn.Linear}, dtype=torch.qint8)
    trace = capture(model, TEXT, tokenizer=TOKENIZER)
    assert trace.max_error <= 1e-4
    model.set_attn_implementation("eager")
    with torch.no_grad():
        eager = model(torch.tensor([TOKENIZER(TEXT)["input_ids"]]), output_attentions=True).attentions
    torch.testing.assert_close(weights_of(trace), torch.cat(eager), atol=1e-5, rtol=0)


def test_what_is_set_during_a_pass_stays():
    model = tiny.gpt2()

    def on_layer(done, _):
        if done == 1:
            model.train()
            model.set_attn_implementation("eager")

    capture(model, TEXT, tokenizer=TOKENIZER, on_layer=on_layer)
    assert model.training
    assert model.config._attn_implementation == "eager"
    assert not temporary._changed


def test_autocast():
    """The queries and keys are rounded as the model's are; what is made of them is not."""
    model = tiny.llama()
    ids = torch.tensor([TOKENIZER(TEXT)["input_ids"]])
    with torch.autocast("cpu", torch.bfloat16):
        trace = capture(model, TEXT, tokenizer=TOKENIZER)
        inside = weights_of(trace)
        model.set_attn_implementation("eager")
        with torch.no_grad():
            eager = torch.cat(model(ids, output_attentions=True).attentions)
    assert trace.qkv(0, 0)[0].dtype == torch.float32
    assert torch.equal(inside, weights_of(trace))
    torch.testing.assert_close(inside.sum(-1), torch.ones(inside.shape[:-1]), atol=1e-3, rtol=0)
    torch.testing.assert_close(inside, eager.float(), atol=0.02, rtol=0)
