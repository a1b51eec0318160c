"""Which weights a pass ran with, in a few digits."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import nn

SAMPLE = 64  # numbers of each tensor
_DIGITS = 7


def fingerprint(model: nn.Module) -> str:
    """Hash a model's weights: names, shapes and `SAMPLE` numbers of each, evenly spread; a millisecond or two.

    Training changes nearly all numbers of whatever it trains, so a sample tells. Empty where the weights cannot be
    read, as on the meta device.
    """
    names, samples = [], []
    try:
        with torch.no_grad():
            for name, weight in model.named_parameters():
                flat = weight.detach().reshape(-1)
                some = flat[:: max(1, len(flat) // SAMPLE)]  # (about SAMPLE,)
                names.append(f"{name} {tuple(weight.shape)}")
                samples.append(some.double())
            at = samples[0].device if samples else None
            found = torch.cat([one.to(at) for one in samples]).cpu() if samples else torch.empty(0)
    except (RuntimeError, NotImplementedError, TypeError):
        return ""
    digest = hashlib.sha256("\n".join(names).encode())
    digest.update(found.numpy().tobytes())
    return digest.hexdigest()[:_DIGITS]
