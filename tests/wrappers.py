"""What may stand around a model, each made around a tiny one: what is captured then, or why not."""

from contextlib import contextmanager

import pytest
import torch
import transformers as hf
from torch import nn

import tiny

LIBRARIES = ("peft", "torchao", "bitsandbytes", "accelerate")
VIRTUAL = 4
SAME, PROMPT = "as called", "as called, virtual tokens first"


def library(name):
    """Import a library that a wrapper comes from; without it the test is skipped and says so."""
    return pytest.importorskip(name, reason=f"{name} is not installed")


def llama(kind=hf.LlamaForCausalLM, width=32, **options):
    sizes = tiny.SIZES | {"hidden_size": width, "num_key_value_heads": 2}
    return tiny.build(hf.LlamaConfig(**tiny.IDS, **sizes), kind, **options)


def adapt(name, model=None, task="CAUSAL_LM", **options):
    """Put an adapter of PEFT around a model, and fill what it would learn with numbers."""
    peft = library("peft")
    if name == "LoraConfig":
        options = {"target_modules": "all-linear", "init_lora_weights": False} | options
    model = peft.get_peft_model(llama() if model is None else model, getattr(peft, name)(task_type=task, **options))
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter.data, std=0.3, generator=generator)
    return model.eval()


def prompted(model=None, task="CAUSAL_LM"):
    return adapt("PromptTuningConfig", model, task, num_virtual_tokens=VIRTUAL)


def merged():
    model = adapt("LoraConfig")
    model.merge_adapter()
    return model


def by_transformers():
    model = llama()
    model.add_adapter(library("peft").LoraConfig(target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    return model.eval()


def context_tuned():
    types = {"cpt_token_ids": [5, 6, 7, 8], "cpt_mask": [1] * VIRTUAL, "cpt_tokens_type_mask": [1, 2, 3, 4]}
    return adapt("CPTConfig", **types)


def p_tuned():
    return adapt("PromptEncoderConfig", num_virtual_tokens=VIRTUAL, encoder_hidden_size=16)


def multitask():
    return adapt("MultitaskPromptTuningConfig", num_virtual_tokens=VIRTUAL, num_tasks=2)


def ia3():
    names = ["q_proj", "v_proj", "down_proj"]
    return adapt("IA3Config", target_modules=names, feedforward_modules=names[-1:])


def offloaded():
    return library("accelerate").cpu_offload(llama())


def mapped():
    return library("accelerate").dispatch_model(llama(), {"": "cpu"}, main_device="cpu", force_hooks=True)


def quantised():
    return torch.ao.quantization.quantize_dynamic(llama(), {nn.Linear}, dtype=torch.qint8)


def torchao(name):
    model, quantization = llama(), library("torchao").quantization
    quantization.quantize_(model, getattr(quantization, name)())
    return model


def bitsandbytes(bits):
    layers = library("bitsandbytes").nn
    model = llama(width=64)
    for name, module in list(model.named_modules()):
        if not isinstance(module, nn.Linear) or name == "lm_head":
            continue
        sizes = module.in_features, module.out_features
        if bits == 8:
            new = layers.Linear8bitLt(*sizes, bias=False, has_fp16_weights=False)
            new.load_state_dict(module.state_dict())
        else:
            new = layers.Linear4bit(*sizes, bias=False)
            new.weight = layers.Params4bit(module.weight.data, requires_grad=False, quant_type="nf4")
        model.set_submodule(name, new.to("cpu"))
    return model.eval()


def hooked():
    """With a hook upon the whole model, that changes what it reads."""
    model = llama()

    def double(_module, _args, options):
        ids = options.pop("input_ids")
        return (), options | {"inputs_embeds": model.get_input_embeddings()(ids) * 2}

    model.register_forward_pre_hook(double, with_kwargs=True)
    return model


def steered():
    model = llama()
    model.model.layers[1].register_forward_hook(lambda _module, _args, out: out + 1)
    return model


class Louder(hf.LlamaForCausalLM):
    """As people write who give a model something of their own."""

    def forward(self, input_ids, attention_mask=None, **options):
        embedded = self.get_input_embeddings()(input_ids) * 2
        return super().forward(inputs_embeds=embedded, attention_mask=attention_mask, **options)


class Backwards(hf.LlamaForCausalLM):
    def forward(self, input_ids, **options):
        return super().forward(input_ids.flip(1), **options)


class Twice(hf.LlamaForCausalLM):
    def forward(self, *args, **options):
        super().forward(*args, **options)
        return super().forward(*args, **options)


class Around(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = llama()
        self.config = self.inner.config

    def forward(self, **options):
        return self.inner(**options)


class OwnAttention(nn.Module):
    def __init__(self, old):
        super().__init__()
        self.old = old

    def forward(self, hidden_states, **_):
        return self.old.o_proj(hidden_states), None


def patched():
    """With a function in the place of its method."""
    model = llama()
    before = model.forward

    def louder(input_ids, **options):
        return before(inputs_embeds=model.get_input_embeddings()(input_ids) * 2, **options)

    model.forward = louder
    return model


def partly_own():
    model = llama()
    model.model.layers[1].self_attn = OwnAttention(model.model.layers[1].self_attn)
    return model


@contextmanager
def switched_off(model):
    with model.disable_adapter():
        yield


# what stands around: (what is captured, or a part of the sentence that refuses; what is special; how to make it)
# fmt: off
WRAPPERS = {
    "LoRA (PEFT)": (SAME, "the adapter is a part of Q, K, V and W_O", lambda: adapt("LoraConfig")),
    "LoRA, merged": (SAME, "by `merge_adapter`", merged),
    "LoRA, merged and unloaded": (SAME, "by `merge_and_unload`", lambda: adapt("LoraConfig").merge_and_unload()),
    "LoRA by `model.add_adapter`": (SAME, "the model is transformers' own", by_transformers),
    "DoRA": (SAME, "as LoRA", lambda: adapt("LoraConfig", use_dora=True)),
    "IA³": (SAME, "as LoRA", ia3),
    "LLaMA-Adapter": (
        SAME, "its own softmax over its prompt is no part of the weights that the model returns, and is not shown",
        lambda: adapt("AdaptionPromptConfig", adapter_len=3, adapter_layers=2),
    ),
    "prompt tuning": (PROMPT, 'tokens "[prompt 1]" …, special, in every measure', prompted),
    "P-tuning": (PROMPT, "as prompt tuning", p_tuned),
    "CPT": (PROMPT, "as prompt tuning", context_tuned),
    "multitask prompt tuning": ("cannot be named", "refused: which prompt, depends on a task", multitask),
    "prefix tuning": (
        "keys that are no token's", "refused: keys and values of the past, which no token has",
        lambda: adapt("PrefixTuningConfig", num_virtual_tokens=VIRTUAL),
    ),
    "`torch.compile`": (SAME, "runs as it was before compiling", lambda: torch.compile(llama(), backend="eager")),
    "`torch.compile` of prompt tuning": (PROMPT, "as both", lambda: torch.compile(prompted(), backend="eager")),
    "prompt tuning of `torch.compile`": (
        PROMPT, "as both", lambda: prompted(torch.compile(llama(), backend="eager")),
    ),
    "`DataParallel`": (SAME, "one text runs on one device", lambda: nn.DataParallel(llama())),
    "`DataParallel` of prompt tuning": (PROMPT, "as both", lambda: nn.DataParallel(prompted())),
    "accelerate's offloading": (SAME, "weights are brought in as they are needed", offloaded),
    "accelerate's device map": (SAME, "hooks upon the model run", mapped),
    "prompt tuning of a device map": (PROMPT, "as both", lambda: prompted(mapped())),
    "torch's dynamic int8": (SAME, "no W_O: activations are rounded, so it is no matrix", quantised),
    "torchao, int8 weights": (SAME, "", lambda: torchao("Int8WeightOnlyConfig")),
    "torchao, dynamic int8": (
        SAME, "no W_O, as above; two passes differ by the rounding of activations",
        lambda: torchao("Int8DynamicActivationInt8WeightConfig"),
    ),
    "bitsandbytes, 8 bits": (SAME, "no W_O, as above", lambda: bitsandbytes(8)),
    "bitsandbytes, 4 bits": (SAME, "W_O unless the processor multiplies in bfloat16", lambda: bitsandbytes(4)),
    "a hook upon the model": (SAME, "the whole model is called, with its head", hooked),
    "a hook upon a layer": (SAME, "", steered),
    "a subclass with its own `forward`": (SAME, "is called, with its head", lambda: llama(Louder)),
    "a function in place of `model.forward`": (SAME, "is called, with its head", patched),
    "a subclass that reads other tokens": (
        "looks up other tokens", "refused: the tokens' names would be wrong", lambda: llama(Backwards),
    ),
    "a subclass that runs the model twice": ("6 attentions in 3 layers", "refused", lambda: llama(Twice)),
    "attention of one's own in some layers": (
        "cannot be seen", "refused: the layers' numbers would be wrong", partly_own,
    ),
    "a module of one's own around the model": (
        "pass that one", "refused: what it takes is not known", Around,
    ),
}
# fmt: on
