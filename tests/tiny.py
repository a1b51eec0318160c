"""Tiny models with random weights, and a tokenizer to go with them. No network."""

import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
SPECIAL = ["<s>", "</s>", "<pad>", "<mask>"]
PAD = SPECIAL.index("<pad>")
TEXT = "The cat sat on the mat."


def tokenizer(*, marks=False):
    """One token a byte; with marks, <s> and </s> around the text."""
    vocabulary = {token: number for number, token in enumerate(SPECIAL + ALPHABET)}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    if marks:
        backend.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 0), ("</s>", 1)]
        )
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        mask_token="<mask>",
    )


VOCABULARY = len(SPECIAL + ALPHABET)


def build(config, kind=None, **options):
    """A model from its config; `kind` is a class, by default the base model. Always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        make = hf.AutoModel.from_config if kind is None else kind._from_config
        model = make(config, **options).eval()
        for parameter in model.parameters():  # livelier than the usual initialisation
            if parameter.ndim == 2:
                torch.nn.init.normal_(parameter, std=0.15)
    return model


def gpt2(kind=None, **options):
    options = IDS | {"n_layer": 3, "n_head": 4, "n_embd": 32, "n_positions": 64} | options
    return build(hf.GPT2Config(**options), kind)


def llama(kind=None, **options):
    return build(hf.LlamaConfig(**IDS, **SIZES, **{"num_key_value_heads": 2} | options), kind)


def mistral(**options):
    options = {"num_key_value_heads": 2, "sliding_window": 5} | options
    return build(hf.MistralConfig(**IDS, **SIZES, **options))


def gemma2(**options):
    options = {
        "num_key_value_heads": 2,
        "head_dim": 8,
        "sliding_window": 5,
        "attn_logit_softcapping": 2.0,
    } | options
    return build(hf.Gemma2Config(**IDS, **SIZES, **options))


def gpt_oss(**options):
    options = {
        "num_key_value_heads": 2,
        "head_dim": 8,
        "sliding_window": 5,
        "num_local_experts": 2,
        "num_experts_per_tok": 1,
    } | options
    return build(hf.GptOssConfig(**IDS, **SIZES, **options))


def bert(kind=None, **options):
    return build(hf.BertConfig(**IDS, **SIZES, **options), kind)


def roberta(kind=None, **options):
    options = {"max_position_embeddings": 64 + PAD + 1} | options
    return build(hf.RobertaConfig(**IDS, **SIZES | options), kind)


def gpt_neox(kind=None, **options):
    return build(hf.GPTNeoXConfig(**IDS, **SIZES | options), kind)


def t5_encoder(**options):
    sizes = {"num_layers": 3, "num_heads": 4, "d_model": 32, "d_kv": 8, "d_ff": 64}
    return build(hf.T5Config(**IDS, **sizes, **options), hf.T5EncoderModel)


IDS = {
    "vocab_size": VOCABULARY,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": PAD,
}
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}
