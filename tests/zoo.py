"""The architectures that are captured, each tiny, from its config, with random weights."""

from functools import partial

import transformers as hf

import tiny

GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
LAYERS_LAST = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
GPT = {"n_layer": 3, "n_head": 4, "n_embd": 32, "n_positions": 64}
BART = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 64,
    "decoder_start_token_id": 1,
    "forced_eos_token_id": None,
}
T5 = {
    "num_layers": 2,
    "num_decoder_layers": 3,
    "num_heads": 4,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 64,
    "decoder_start_token_id": tiny.PAD,
}
MOE = {"num_local_experts": 2, "num_experts_per_tok": 1}
DEEPSEEK = {
    "num_key_value_heads": 4,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 8,
    "v_head_dim": 6,
    "n_routed_experts": 4,
    "num_experts_per_tok": 1,
    "n_group": 1,
    "topk_group": 1,
    "moe_intermediate_size": 16,
    "first_k_dense_replace": 2,
}


def make(kind, sizes=None, *, model=None, attn_implementation=None, **options):
    """A model of an architecture, by the name of its config without "Config"."""
    config = getattr(hf, kind + "Config")(**tiny.IDS | (tiny.SIZES if sizes is None else sizes) | options)
    return tiny.build(config, None if model is None else getattr(hf, model), attn_implementation=attn_implementation)


QKV, WEIGHTS = "Q, K, V", "weights"
CAUSAL, BOTH, PAIR = "decoder", "encoder", "encoder–decoder"

# what `decompose` does not write as a sum of heads
ATTENTION_IN_ONE, NO_SUM = {"MPNet", "DeBERTa-v2"}, {"XLNet"}

# name of the architecture: (what it is, what is captured, what is special about it, how to make it)
# fmt: off
ZOO = {
    "GPT-2": (CAUSAL, QKV, "learned positions", partial(make, "GPT2", GPT)),
    "GPT-2 scaled by layer": (
        CAUSAL,
        QKV,
        "scale 1/(√d · (layer + 1))",
        partial(make, "GPT2", GPT, scale_attn_by_inverse_layer_idx=True),
    ),
    "GPT-BigCode": (CAUSAL, QKV, "one key head (multi-query)", partial(make, "GPTBigCode", GPT)),
    "GPT-NeoX": (CAUSAL, QKV, "rotary positions", partial(make, "GPTNeoX")),
    "OPT": (
        CAUSAL,
        QKV,
        "learned positions with an offset",
        partial(make, "OPT", LAYERS_LAST, ffn_dim=64, word_embed_proj_dim=32, max_position_embeddings=64),
    ),
    "Llama": (CAUSAL, QKV, "grouped queries", partial(make, "Llama", num_key_value_heads=2)),
    "Mistral": (CAUSAL, QKV, "sliding window", partial(make, "Mistral", num_key_value_heads=2, sliding_window=5)),
    "Mixtral": (CAUSAL, QKV, "experts", partial(make, "Mixtral", num_key_value_heads=2, **MOE)),
    "Qwen2": (CAUSAL, QKV, "biased projections", partial(make, "Qwen2", num_key_value_heads=2)),
    "Qwen3": (CAUSAL, QKV, "normalised queries and keys", partial(make, "Qwen3", **GROUPED)),
    "Phi": (CAUSAL, QKV, "rotation of a part of each head", partial(make, "Phi", partial_rotary_factor=0.5)),
    "Phi-3": (CAUSAL, QKV, "one fused projection", partial(make, "Phi3", num_key_value_heads=2)),
    "Gemma": (CAUSAL, QKV, "heads wider than the model", partial(make, "Gemma", num_key_value_heads=1, head_dim=16)),
    "Gemma-2": (
        CAUSAL,
        QKV,
        "soft cap, alternating windows",
        partial(make, "Gemma2", **GROUPED, sliding_window=5, attn_logit_softcapping=2.0),
    ),
    "Gemma-3": (
        CAUSAL,
        QKV,
        "five local layers to a global one",
        partial(
            make,
            "Gemma3Text",
            **GROUPED,
            sliding_window=5,
            layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        ),
    ),
    "gpt-oss": (CAUSAL, QKV, "sinks, alternating windows", partial(make, "GptOss", **GROUPED, sliding_window=5, **MOE)),
    "DeepSeek-V3": (CAUSAL, QKV, "latent attention, d_v ≠ d_k", partial(make, "DeepseekV3", **DEEPSEEK)),
    "OLMo-2": (CAUSAL, QKV, "norm after attention", partial(make, "Olmo2", num_key_value_heads=2)),
    "Cohere": (CAUSAL, QKV, "attention beside the MLP", partial(make, "Cohere", num_key_value_heads=2)),
    "StableLM": (CAUSAL, QKV, "rotation of a quarter of each head", partial(make, "StableLm", num_key_value_heads=2)),
    "StarCoder2": (CAUSAL, QKV, "sliding window", partial(make, "Starcoder2", num_key_value_heads=2, sliding_window=5)),
    "Granite": (
        CAUSAL,
        QKV,
        "a scale of its own",
        partial(make, "Granite", num_key_value_heads=2, attention_multiplier=0.2),
    ),
    "SmolLM3": (CAUSAL, QKV, "layers without positions", partial(make, "SmolLM3", num_key_value_heads=2)),
    "XGLM": (
        CAUSAL,
        QKV,
        "outside the interface; sinusoidal positions",
        partial(
            make,
            "XGLM",
            {"d_model": 32, "num_layers": 3, "attention_heads": 4, "ffn_dim": 64, "max_position_embeddings": 64},
        ),
    ),
    "GPT-J": (CAUSAL, QKV, "outside the interface", partial(make, "GPTJ", GPT, rotary_dim=4)),
    "CodeGen": (CAUSAL, QKV, "outside the interface", partial(make, "CodeGen", GPT, rotary_dim=4)),
    "GPT-Neo": (
        CAUSAL,
        QKV,
        "outside the interface; no scale, local layers",
        partial(
            make,
            "GPTNeo",
            {
                "hidden_size": 32,
                "num_layers": 3,
                "num_heads": 4,
                "window_size": 5,
                "attention_types": [[["local", "global", "local"], 1]],
                "max_position_embeddings": 64,
            },
        ),
    ),
    "BLOOM": (
        CAUSAL,
        QKV,
        "outside the interface; ALiBi",
        partial(make, "Bloom", {"n_layer": 3, "n_head": 4, "hidden_size": 32}),
    ),
    "Falcon": (CAUSAL, QKV, "outside the interface; one key head", partial(make, "Falcon", LAYERS_LAST, alibi=False)),
    "Falcon with ALiBi": (
        CAUSAL,
        QKV,
        "outside the interface; ALiBi",
        partial(make, "Falcon", LAYERS_LAST, alibi=True),
    ),
    "MPT": (
        CAUSAL,
        QKV,
        "outside the interface; ALiBi",
        partial(make, "Mpt", {"n_layers": 3, "n_heads": 4, "d_model": 32, "max_seq_len": 64}),
    ),
    "BERT": (BOTH, QKV, "token types", partial(make, "Bert")),
    "RoBERTa": (
        BOTH,
        QKV,
        "positions from the padding id on",
        partial(make, "Roberta", max_position_embeddings=64 + tiny.PAD + 1),
    ),
    "XLM-RoBERTa": (BOTH, QKV, "as RoBERTa", partial(make, "XLMRoberta", max_position_embeddings=64 + tiny.PAD + 1)),
    "CamemBERT": (BOTH, QKV, "as RoBERTa", partial(make, "Camembert", max_position_embeddings=64 + tiny.PAD + 1)),
    "DistilBERT": (
        BOTH,
        QKV,
        "no token types",
        partial(
            make,
            "DistilBert",
            {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 64},
        ),
    ),
    "ALBERT": (BOTH, QKV, "one layer's weights used by all", partial(make, "Albert", embedding_size=16)),
    "ELECTRA": (BOTH, QKV, "narrow embeddings", partial(make, "Electra", embedding_size=16)),
    "MPNet": (
        BOTH,
        WEIGHTS,
        "outside the interface; relative bias",
        partial(make, "MPNet", max_position_embeddings=64 + tiny.PAD + 1),
    ),
    "ModernBERT": (
        BOTH,
        QKV,
        "two-sided windows",
        partial(make, "ModernBert", local_attention=6, global_attn_every_n_layers=2, cls_token_id=0, sep_token_id=1),
    ),
    "DeBERTa-v2": (
        BOTH,
        WEIGHTS,
        "outside the interface; disentangled positions",
        partial(make, "DebertaV2", relative_attention=True, pos_att_type=["c2p", "p2c"], max_relative_positions=16),
    ),
    "XLNet": (
        BOTH,
        WEIGHTS,
        "outside the interface; two streams",
        partial(make, "XLNet", {"d_model": 32, "n_layer": 3, "n_head": 4, "d_inner": 64}),
    ),
    "T5 encoder": (BOTH, QKV, "relative bias, no scale", partial(make, "T5", T5, model="T5EncoderModel")),
    "T5": (PAIR, QKV, "relative bias, no scale", partial(make, "T5", T5, model="T5ForConditionalGeneration")),
    "mT5": (PAIR, QKV, "as T5, gated", partial(make, "MT5", T5, model="MT5ForConditionalGeneration")),
    "UMT5": (
        PAIR,
        QKV,
        "a relative bias in every layer",
        partial(make, "UMT5", T5, model="UMT5ForConditionalGeneration"),
    ),
    "BART": (PAIR, QKV, "learned positions", partial(make, "Bart", BART, model="BartForConditionalGeneration")),
    "mBART": (PAIR, QKV, "as BART", partial(make, "MBart", BART, model="MBartForConditionalGeneration")),
    "Marian": (PAIR, QKV, "sinusoidal positions", partial(make, "Marian", BART, model="MarianMTModel")),
    "Pegasus": (
        PAIR,
        QKV,
        "sinusoidal positions",
        partial(make, "Pegasus", BART, model="PegasusForConditionalGeneration"),
    ),
    "M2M-100": (
        PAIR,
        QKV,
        "sinusoidal positions",
        partial(make, "M2M100", BART, model="M2M100ForConditionalGeneration"),
    ),
    "Blenderbot": (
        PAIR,
        QKV,
        "norm before attention",
        partial(make, "Blenderbot", BART, model="BlenderbotForConditionalGeneration"),
    ),
}
