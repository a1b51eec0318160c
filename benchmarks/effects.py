"""What it costs to switch every head off, one by one, in passes of the model: GPT-2's shape, 64 tokens, random weights.

The floor: a head of block l can spare the l blocks before it, and the head of the model for all rows but one. On
average 6.5 of 12 blocks are left, so 144 heads take 78 × the blocks of one pass, whatever else is saved. The aim is
60 × one pass with the logits of every row, which the model's own `forward` computes. By hand it is a hook and 144
passes; that is also what TransformerLens' `run_with_hooks` does, if it is installed.

All numbers are medians of one process, in which they take turns, so that a machine's other work hits them alike.

    python benchmarks/effects.py
"""

import time
from statistics import median

import torch
import transformers as hf

import attnwidget as aw

TOKENS, REPEATS, SEED = 64, 3, 0
HEADS = 144


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def by_hand(model, ids):
    """Switch each head off by a hook, and run the whole model."""
    config = model.config
    for block in model.transformer.h:
        for head in range(config.n_head):

            def off(_, args, head=head):
                heads = args[0].clone().unflatten(-1, (config.n_head, -1))  # (1, n, heads, d_v)
                heads[:, :, head] = 0
                return (heads.flatten(-2),)

            handle = block.attn.c_proj.register_forward_pre_hook(off)
            model(ids).logits[0, -1].log_softmax(-1)
            handle.remove()


def their_way(ids):
    """Return what does the same in TransformerLens, in a model of the same shape, and one pass of it; or None."""
    try:
        from transformer_lens import HookedTransformer, HookedTransformerConfig
    except ImportError:
        return None
    config = HookedTransformerConfig(
        n_layers=12, n_heads=12, d_model=768, d_head=64, d_vocab=50257, n_ctx=1024, act_fn="gelu_new", device="cpu"
    )
    model = HookedTransformer(config)

    def all_heads():
        for layer in range(12):
            for head in range(12):

                def off(z, hook, head=head):  # noqa: ARG001 - (1, n, heads, d_v); called by name
                    z[:, :, head] = 0
                    return z

                hooks = [(f"blocks.{layer}.attn.hook_z", off)]
                model.run_with_hooks(ids, fwd_hooks=hooks)[0, -1].log_softmax(-1)

    return lambda: model(ids), all_heads


@torch.no_grad()
def main() -> None:
    torch.manual_seed(SEED)
    model = hf.GPT2LMHeadModel(hf.GPT2Config()).eval()
    ids = torch.randint(0, 50_000, (1, TOKENS))
    trace = aw.capture(model, ids[0].tolist())
    target = aw.Target.logprob(7)
    works = {
        "one pass, its logits": lambda: model(ids),
        "one pass, without them": lambda: model.transformer(ids),
        "effects of all heads": lambda: trace.effects(target),
        "attribution of all heads": lambda: trace.effects(target, "attribution"),
        "all heads by a hook": lambda: by_hand(model, ids),
    }
    theirs = their_way(ids)
    if theirs is not None:
        works |= {"TransformerLens: one pass": theirs[0], "TransformerLens: all heads": theirs[1]}
    spent: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        timed(work)  # what is done once
    for _ in range(REPEATS):
        for name, work in works.items():
            several = 5 if "one pass" in name else 1
            spent[name] += [timed(work) for _ in range(several)]
    one = median(spent["one pass, its logits"])
    print(f"{HEADS} heads, {TOKENS} tokens, {torch.get_num_threads()} threads, float32\n")
    print("| | seconds | × one pass (aim for all heads: ≤ 60) |")
    print("|---|---|---|")
    for name, seconds in spent.items():
        print(f"| {name} | {median(seconds):.2f} | {median(seconds) / one:.1f} |", flush=True)


if __name__ == "__main__":
    main()
