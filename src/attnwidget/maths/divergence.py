"""How far two distributions are apart: the Jensen–Shannon divergence (Lin 1991)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def entropy(shares: Tensor) -> Tensor:
    """Compute −Σ p ln p over the last dimension, in nats; 0 has none."""
    found: Tensor = -torch.xlogy(shares, shares).sum(-1)
    return found


def divergence(one: Tensor, other: Tensor) -> Tensor:
    """Compute H((p + q) / 2) − (H(p) + H(q)) / 2 over the last dimension, in nats: 0 to ln 2; they are broadcast."""
    apart = entropy((one + other) / 2) - (entropy(one) + entropy(other)) / 2
    return apart.clamp(min=0)  # rounding
