"""What runs in the background runs on a twin: the user's model is not touched, and cannot disturb it."""

import sys
import threading
import time
import types
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import accelerate
import pytest
import torch
from torch import nn

import tiny
from attnwidget.capture import UnsupportedModelError, capture, capture_module, twin
from attnwidget.heads import conllu, known_probe, probe, probe_heads
from attnwidget.models import describe_model
from attnwidget.trace import AttentionTrace

TOKENIZER = tiny.tokenizer()
TEXT = tiny.TEXT
SECONDS = 1.5  # of a stress test


def weights_of(trace):
    return torch.stack([trace.weights(layer) for layer in range(trace.n_layers())])


def state(model):
    """What a capture sets, and its hooks."""
    return [
        (module.training, module.config._attn_implementation if hasattr(module, "config") else "",
         len(module._forward_hooks), len(module._forward_pre_hooks), "forward" in vars(module))
        for module in model.modules()
    ]  # fmt: skip


def from_another_thread(function, *args):
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function, *args).result()


@contextmanager
def unused(model):
    """Fail if any module of a model runs; those of a twin, to which the hooks are copied, may."""
    own = {id(module) for module in model.modules()}

    def fail(module, _):
        assert id(module) not in own, f"the user's own {type(module).__name__} ran"

    scripted = torch.jit.ScriptModule
    handles = [one.register_forward_pre_hook(fail) for one in model.modules() if not isinstance(one, scripted)]
    yield
    for handle in handles:
        handle.remove()


# --- what a twin is ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpt2", "llama", "bert", "t5_encoder"])
def test_weights_are_shared_and_nothing_else(name):
    model = getattr(tiny, name)()
    with torch.profiler.profile(profile_memory=True) as memory:
        other = twin(model)
    assert sum(abs(event.self_cpu_memory_usage) for event in memory.events()) == 0
    for kind in ("named_parameters", "named_buffers"):
        mine, theirs = (dict(getattr(one, kind)()) for one in (other, model))
        assert mine.keys() == theirs.keys()
        assert all(mine[name] is theirs[name] for name in theirs)
    assert [name for name, _ in other.named_modules()] == [name for name, _ in model.named_modules()]
    assert not {*map(id, other.modules())} & {*map(id, model.modules())}
    assert {id(module.config) for module in other.modules() if hasattr(module, "config")} == {id(other.config)}
    before = state(model.train())
    other.eval()
    other.set_attn_implementation("eager")
    other.register_buffer("more", torch.zeros(1))
    other.config.hidden_size = 3
    assert state(model) == before
    assert not hasattr(model, "more")
    assert model.config.hidden_size == 32


def test_what_a_user_hangs_onto_a_model_is_shared():
    model = tiny.gpt2()
    model.lock, model.note = threading.Lock(), types.SimpleNamespace(model=model)
    model.last = model(torch.tensor([[5]]))[0]  # deepcopy takes no tensor with a history
    model.h[0].back = [model]
    other = twin(model)
    assert other.lock is model.lock
    assert other.note is model.note
    assert other.last is model.last
    assert other.h[0].back[0] is other


def compiled(model):
    return torch.compile(model, backend="eager")


def compiled_layers(model):
    for layer in model.layers:
        layer.compile(backend="eager")
    return model


def compiled_forward(model):
    model.forward = torch.compile(model.forward, backend="eager")
    return model


def compiled_attention(model):
    for layer in model.layers:
        layer.self_attn = torch.compile(layer.self_attn, backend="eager")
    return model


def checkpointed(model):
    model.train().activation_checkpointing_enable()
    return model


def quantised(model):
    return torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)


def wrapped(model):
    """As people do who look into models: functions around the method."""
    for layer in model.layers:
        layer.self_attn.forward = around(layer.self_attn.forward)
        layer.mlp.forward = partial(layer.mlp.forward)
    return model


def around(plain):
    def inner(*args, **options):
        return plain(*args, **options)

    def outer(*args, **options):
        return inner(*args, **options)

    return outer


def method(model):
    for layer in model.layers:
        attention = layer.self_attn
        attention.forward = types.MethodType(lambda self, *args, **options: type(self).forward(self, *args, **options),
                                             attention)  # fmt: skip
    return model


def steered(model):
    """Hooks that take part in what the model computes, one of them by way of another layer."""
    norm = model.layers[2].input_layernorm
    model.layers[0].register_forward_hook(lambda _m, _a, out: out + norm(out))
    model.layers[1].register_forward_pre_hook(lambda _m, args, kwargs: ((args[0] * 2,), kwargs), with_kwargs=True)
    return model


def normed(model):
    for layer in model.layers:
        nn.utils.parametrizations.weight_norm(layer.self_attn.o_proj)
    return model


KINDS = [compiled, compiled_layers, compiled_forward, compiled_attention, checkpointed, quantised, wrapped, method,
         steered, normed]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*quantize", "ignore:.*torchao")
def test_a_twin_gives_the_same_trace_and_the_model_is_not_run(kind):
    model = kind(tiny.llama())
    with torch.no_grad():
        model(torch.tensor([[5, 6, 7]]))  # compiles
    expected = capture(model, TEXT, tokenizer=TOKENIZER)
    steps = expected.breakdown(1, 2, 5)
    other = twin(model)
    trace = capture(model, TEXT, tokenizer=TOKENIZER)
    before = state(model)
    with unused(model):
        again = capture(other, TEXT, tokenizer=TOKENIZER)
        found = again.breakdown(1, 2, 5)
    assert torch.equal(weights_of(again), weights_of(expected))
    assert again.max_error == expected.max_error
    assert found.missing == steps.missing
    assert steps.missing or torch.equal(found.output, steps.output)
    assert state(model) == before
    assert torch.equal(trace.breakdown(1, 2, 5).head_output, steps.head_output)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*quantize", "ignore:.*torchao")
def test_packed_weights_are_shared():
    model = quantised(tiny.llama())
    mine, theirs = (one.layers[0].mlp.up_proj._packed_params for one in (twin(model), model))
    assert mine is not theirs
    assert mine._packed_params is theirs._packed_params


def test_made_in_inference_mode():
    with torch.inference_mode():
        model = tiny.llama()
    trace = capture(twin(model), TEXT, tokenizer=TOKENIZER)
    assert torch.equal(weights_of(trace), weights_of(capture(tiny.llama(), TEXT, tokenizer=TOKENIZER)))
    assert trace.breakdown(0, 0, 1).max_difference < 1e-5


def dispatched(model, folder):
    places = ["embed_tokens", "layers.0", "layers.1", "layers.2", "norm", "rotary_emb"]
    device_map = {place: ("disk", "cpu")[number % 2] for number, place in enumerate(places)}
    return accelerate.dispatch_model(model, device_map, main_device="cpu", offload_dir=folder)


@pytest.mark.parametrize(
    "spread", [lambda model, _: accelerate.cpu_offload(model), accelerate.disk_offload, dispatched]
)
def test_models_whose_weights_are_brought_in(spread, tmp_path):
    model = spread(tiny.mistral(), tmp_path)
    expected = capture(model, TEXT, tokenizer=TOKENIZER)
    before = [parameter.device for parameter in model.parameters()]
    other = twin(model)
    with unused(model):
        trace = capture(other, TEXT, tokenizer=TOKENIZER)
        found = trace.breakdown(1, 2, 5)
    assert torch.equal(weights_of(trace), weights_of(expected))
    assert found.max_difference < 1e-5
    assert [parameter.device for parameter in model.parameters()] == before
    hooks = [(mine._hf_hook, theirs._hf_hook) for mine, theirs in zip(other.modules(), model.modules(), strict=True)
             if hasattr(theirs, "_hf_hook")]  # fmt: skip
    assert hooks
    assert all(mine is not theirs for mine, theirs in hooks)  # they keep the state of a pass


def test_the_name_and_the_trace_are_the_models():
    model = tiny.gpt2()
    model.name_or_path = "somebody/gpt2"
    other = twin(model)
    assert describe_model(other) == capture(other, TEXT, tokenizer=TOKENIZER).model_name == "somebody/gpt2"
    assert type(twin(other)) is type(model)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_cannot_be_copied_is_not_run_in_the_background():
    model = tiny.llama()
    model.layers[1].mlp.act_fn = torch.jit.script(nn.SiLU())
    with pytest.raises(UnsupportedModelError, match=r"LlamaModel cannot be run in the background: its part layers.1"):
        twin(model)
    trace = capture(model, TEXT, tokenizer=TOKENIZER)  # its user may
    with unused(model):
        assert "layers.1.mlp.act_fn cannot be copied" in trace.breakdown(0, 0, 1).missing
        with pytest.raises(UnsupportedModelError, match="cannot be run in the background"):
            probe_heads(model, TOKENIZER)


# --- what runs on one -------------------------------------------------------------------


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_the_pass_that_finds_projections_touches_nothing(implementation):
    model = tiny.gpt2(resid_pdrop=0.5, attn_pdrop=0.5)
    expected = capture(model, TEXT, tokenizer=TOKENIZER).breakdown(2, 1, 4)
    model.train().set_attn_implementation(implementation)
    trace, before, seen = capture(model, TEXT, tokenizer=TOKENIZER), state(model), []
    trace.find_projections(lambda *_: seen.append(from_another_thread(state, model)))
    assert seen == [before] * 3
    assert torch.equal(trace.breakdown(2, 1, 4).output, expected.output)


def test_the_probe_touches_nothing(monkeypatch):
    monkeypatch.setattr(conllu, "shipped", list)
    model = tiny.gpt2(n_positions=160).train()
    own, seen = [model], []  # in a list: a hook on the twin that has the model at hand has the twin
    model.h[1].register_forward_hook(lambda *_: seen.append(from_another_thread(state, *own)))
    before = state(model)
    probe_heads(model, TOKENIZER)
    assert seen
    assert seen == [before] * len(seen)


def test_training_in_the_middle_changes_nothing():
    model = tiny.gpt2(n_layer=4, resid_pdrop=0.5, attn_pdrop=0.5)
    expected = capture(model, TEXT, tokenizer=TOKENIZER).breakdown(3, 1, 4)
    trace = capture(model, TEXT, tokenizer=TOKENIZER)

    def train(done, _):
        if done == 2:
            model.train()
            model.set_attn_implementation("eager")

    trace.find_projections(train)
    assert not any(trace.breakdown(layer, 0, 4).missing for layer in range(4))
    assert torch.equal(trace.breakdown(3, 1, 4).output, expected.output)
    assert model.training
    assert model.config._attn_implementation == "eager"


def test_plain_modules_are_not_touched_either():
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.5, batch_first=True)
    module = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    trace = capture_module(module, torch.randn(1, 5, 16))
    with unused(module):
        found = trace.breakdown(1, 0, 3)
    assert module.training
    assert found.max_difference < 1e-5


def until(deadline, function):
    """Call a function again and again, at least once, and return the first error."""
    try:
        function()
        while time.monotonic() < deadline:
            function()
    except Exception as error:  # noqa: BLE001
        return error
    return None


@pytest.fixture
def many_switches():
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_no_pass_meets_a_hook_half_registered():
    """`with_kwargs=True` is set in two steps: another thread runs the model between them."""
    model, errors = tiny.gpt2(), []
    trace = capture(model, TEXT, tokenizer=TOKENIZER)

    class Between(OrderedDict):
        def __setitem__(self, *item):
            errors.append(from_another_thread(until, 0, lambda: model(torch.tensor([[5]]))))
            super().__setitem__(*item)

    model.h[1].mlp._forward_hooks_with_kwargs = Between()
    assert trace.breakdown(0, 0, 1).missing == ""
    assert errors == [None]


@pytest.mark.usefixtures("many_switches")
def test_a_pass_beside_find_projections():
    """The same, as it happens."""
    model = tiny.gpt2(n_layer=1)
    ids = torch.tensor([[5, 6, 7]])

    whole = capture(model, TEXT, tokenizer=TOKENIZER)

    def find():
        trace = AttentionTrace(whole._layers, whole._tokens, project=whole._projections._project)
        assert trace.breakdown(0, 0, 1).missing == ""

    deadline = time.monotonic() + SECONDS
    with ThreadPoolExecutor(2) as threads, torch.no_grad():
        found = threads.submit(until, deadline, find)
        ran = threads.submit(until, deadline, lambda: model(ids))
    assert ran.result() is None
    assert found.result() is None


@pytest.mark.usefixtures("many_switches")
def test_twins_of_a_model_that_others_change():
    model = tiny.gpt2()
    numbers = iter(range(1 << 30))

    def change():
        setattr(model, f"note{next(numbers)}", 0)
        setattr(model.config, f"note{next(numbers)}", 0)
        model.h[0].register_forward_hook(lambda *_: None)
        model.h[0]._forward_hooks.popitem()

    deadline = time.monotonic() + SECONDS
    with ThreadPoolExecutor(2) as threads:
        errors = [threads.submit(until, deadline, one) for one in (lambda: twin(model), change)]
    assert [one.result() for one in errors] == [None, None]


def test_what_fails_once_is_tried_again():
    model, failed = tiny.gpt2(), []
    trace = capture(model, TEXT, tokenizer=TOKENIZER)

    def fail(*_):
        if not failed:
            failed.append(True)
            raise TypeError("missing 1 required positional argument")  # as a half-registered hook does

    model.h[1].register_forward_hook(fail)
    assert trace.breakdown(0, 0, 3).missing == ""
    assert failed


# --- what is known of a model -----------------------------------------------------------


def test_asking_for_an_unknown_probe_reads_no_weights(monkeypatch):
    monkeypatch.setattr(conllu, "shipped", list)
    model = tiny.gpt2(n_positions=160)
    read = []
    checksum = probe.checksum
    monkeypatch.setattr(probe, "checksum", lambda model: read.append(model) or checksum(model))
    assert known_probe(model) is None
    assert not read
    found = probe_heads(model, TOKENIZER)
    assert known_probe(model) is found
    read.clear()
    with torch.no_grad():
        model.wte.weight.add_(1)
    assert known_probe(model) is None
    assert not read  # the write was counted


def test_a_probe_of_a_model_made_in_inference_mode(monkeypatch):
    monkeypatch.setattr(conllu, "shipped", list)
    with torch.inference_mode():
        model = tiny.gpt2(n_positions=160)
    assert known_probe(model) is None
    found = probe_heads(model, TOKENIZER)
    assert known_probe(model) is found
    with torch.inference_mode():
        model.wte.weight.add_(1)
    assert known_probe(model) is None
