"""What the three training scripts share: the corpus, the optimisers, and a loop that can be stopped and resumed."""

from __future__ import annotations

import argparse
import json
import lzma
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm


def arguments(description, more=None, **defaults):
    """Read the options that every script has, with its `defaults`, and `more` of its own: name → settings."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with the corpus (see training/README.md)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint, the log and the model")
    parser.add_argument(
        "--steps", type=int, default=defaults["steps"], help="optimiser steps; a resumed run may differ"
    )
    parser.add_argument("--lr", type=float, default=defaults["lr"], help="Muon's highest learning rate, for matrices")
    parser.add_argument("--adam-lr", type=float, default=defaults["adam_lr"], help="AdamW's, for all else")
    parser.add_argument(
        "--decay", type=float, default=defaults["decay"], help="last part of the steps with falling rate"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile", action="store_true", help="torch.compile: a fifth faster after some minutes")
    parser.add_argument("--evaluate-only", action="store_true", help="print the figures of the model in --out")
    for flag, settings in (more or {}).items():
        parser.add_argument(f"--{flag}", **settings)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    return options


def read(corpus, name):
    """Return the text of one file of the corpus."""
    with lzma.open(corpus / name, "rt", encoding="utf-8") as file:
        return file.read()


def token_ids(texts, tokenizer, cache):
    """Return the texts' tokens one after the other as one array; kept in `cache` for the next start."""
    if not cache.exists():
        ids = []
        for start in tqdm(range(0, len(texts), 1000), desc="tokenizing", unit="k", ascii=True):
            for one in tokenizer(texts[start : start + 1000], add_special_tokens=False)["input_ids"]:
                ids.extend(one)
        np.save(cache, np.array(ids, dtype=np.int32))
    return np.load(cache)


def optimisers(model, options):
    """Return Muon for the hidden layers' matrices, and AdamW for embeddings, norms and biases.

    Muon: K. Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/
    """
    embeddings = {id(p) for m in model.modules() if isinstance(m, torch.nn.Embedding) for p in m.parameters()}
    output = model.get_output_embeddings()
    if output is not None:
        embeddings.add(id(output.weight))
    parameters = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in parameters if p.ndim == 2 and id(p) not in embeddings]
    taken = {id(p) for p in matrices}
    rest = [p for p in parameters if id(p) not in taken]
    return [
        torch.optim.Muon(matrices, lr=options.lr, momentum=0.95, weight_decay=0.05),
        torch.optim.AdamW(rest, lr=options.adam_lr, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def rate(step, steps, decay, warmup=100):
    """Return the part of the highest learning rate: up, level, then down in a straight line."""
    return min((step + 1) / warmup, 1.0, max(steps - step, 0) / (steps * decay))


def train(model, options, batch, loss, evaluate, resumed=None, every=500, save_every=100):
    """Train `model`, from its checkpoint if there is one; return it in evaluation mode.

    Parameters
    ----------
    batch
        ``batch(random, step)`` makes a step's data; `random` is seeded by the step, so that a resumed
        run sees what an unbroken one would.
    loss
        ``loss(model, batch)`` returns the mean loss in nats.
    evaluate
        ``evaluate(model)`` returns a dict of figures for the log.
    resumed
        Called with the optimisers when a checkpoint has been read.
    """
    checkpoint, log = options.out / "checkpoint.pt", options.out / "log.jsonl"
    model.to(options.device).train()
    optimisers_ = optimisers(model, options)
    highest = [o.param_groups[0]["lr"] for o in optimisers_]
    start, seconds = 0, 0.0
    if checkpoint.exists():
        start, seconds = _resume(checkpoint, model, optimisers_)
        if resumed:
            resumed(optimisers_)
    run = torch.compile(loss, dynamic=False) if options.compile else loss
    began, losses = time.monotonic() - seconds, []
    bar = tqdm(range(start, options.steps), initial=start, total=options.steps, ascii=True, mininterval=10)
    for step in bar:
        part = rate(step, options.steps, options.decay)
        for optimiser, most in zip(optimisers_, highest, strict=True):
            optimiser.param_groups[0]["lr"] = most * part
        torch.manual_seed(options.seed + 1000 * step)  # of what is dropped
        data = batch(np.random.default_rng((options.seed, step)), step)
        with torch.autocast(torch.device(options.device).type, torch.bfloat16):
            value = run(model, data)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers_:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        losses.append(value.item())
        done = step + 1
        if not math.isfinite(losses[-1]):
            raise SystemExit(f"step {done}: the loss is {losses[-1]}; lower --lr and start again")
        if done % 50 == 0 or done == options.steps:
            entry = {"step": done, "loss": round(float(np.mean(losses)), 4), "rate": round(part, 4)}
            losses.clear()
            if done % every == 0 or done == options.steps:
                model.eval()
                with torch.no_grad():
                    entry |= evaluate(model)
                model.train()
            entry["seconds"] = round(time.monotonic() - began)
            with log.open("a") as file:
                file.write(json.dumps(entry) + "\n")
            bar.set_postfix({k: v for k, v in entry.items() if k in ("loss", "held_out")})
        if done % save_every == 0 or done == options.steps:
            state = {"model": model.state_dict(), "optimisers": [o.state_dict() for o in optimisers_]}
            torch.save(state | {"step": done, "seconds": time.monotonic() - began}, checkpoint.with_suffix(".tmp"))
            checkpoint.with_suffix(".tmp").replace(checkpoint)
    return model.eval()


def _resume(checkpoint, model, optimisers):
    state = torch.load(checkpoint, map_location=model.device, weights_only=True)
    model.load_state_dict(state["model"])
    for optimiser, one in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(one)
    print(f"resuming at step {state['step']}")
    return state["step"], state["seconds"]


def save(model, tokenizer, folder):
    """Write the model in float16 with its tokenizer, as `save_pretrained` does."""
    model.to("cpu", torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
