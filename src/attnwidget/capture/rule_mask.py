"""The mask on its way through a model, as a rule: it is written out only where someone computes with it."""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Self

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only
from transformers.masking_utils import sdpa_mask

from attnwidget.maths import Mask

# SDPA reads the lack of a mask as causal where a module does not deny it (ALIGN's and CLAP's do not); eager attention
# reads it as none, but is always given its mask. For models that have eager attention alone, none is left out.
leaves_none_out: ContextVar[bool] = ContextVar("attnwidget_leaves_none_out", default=False)


class RuleMask(Tensor):
    """A bool tensor (1, 1, n, m) that takes no memory: any operation on it sees the matrix."""

    rule: Mask

    @staticmethod
    def __new__(cls: type[Self], rule: Mask, n: int, m: int, device: torch.device) -> Self:
        """Make one for n queries and m keys."""
        mask = Tensor._make_wrapper_subclass(cls, (1, 1, n, m), dtype=torch.bool, device=device)  # noqa: SLF001
        mask.rule = rule
        return mask

    def written(self) -> Tensor:
        """Return the matrix, (1, 1, n, m)."""
        rows, columns = (torch.arange(size, device=self.device) for size in self.shape[2:])
        return self.rule.allowed(rows, columns)[None]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override] # torch types it as a plain method
        """Run any operation on the matrix; sent to another device it is still a rule."""
        if func is torch.ops.aten._to_copy.default and (kwargs or {}).get("dtype") in {None, torch.bool}:  # noqa: SLF001
            mask = args[0]
            device = (kwargs or {}).get("device") or mask.device
            return cls(mask.rule, *mask.shape[2:], device)  # type: ignore[call-arg] # of the class that makes it
        args, kwargs = tree_map_only(cls, cls.written, (args, kwargs or {}))
        return func(*args, **kwargs)


def make_mask(batch_size: int, q_length: int, kv_length: int, q_offset: Any = 0, **options: Any) -> Tensor | None:
    """Make the mask that transformers asks for: None, a `RuleMask`, or else what SDPA would get.

    Parameters are those of every mask function of transformers. The rule is not guessed: the mask
    function is compared with it for every pair, a block of rows at a time.
    """
    if batch_size != 1 or options.get("use_vmap") or isinstance(q_offset, Tensor) or q_offset:
        return sdpa_mask(batch_size, q_length, kv_length, q_offset, **options)
    device = torch.device(options.get("device", "cpu"))
    try:
        skipped = sdpa_mask(1, q_length, kv_length, **options | {"mask_function": _ask})
        if skipped is not None or not leaves_none_out.get():
            return skipped
        with suppress(_AskedError):
            sdpa_mask(1, q_length, kv_length, **options | {"mask_function": _ask, "allow_is_causal_skip": False})
            return RuleMask(Mask(), q_length, kv_length, device)
        return RuleMask(Mask(after=0), q_length, kv_length, device)
    except _AskedError:
        pass

    def rows(start: int, stop: int) -> Tensor:
        every = {"allow_is_causal_skip": False, "allow_is_bidirectional_skip": False}
        block = sdpa_mask(1, stop - start, kv_length, start, **options | every)  # (1, 1 or heads, rows, m)
        assert block is not None  # noqa: S101 - nothing may be skipped
        return block[0]

    rule, says_all = Mask.from_rows(rows, q_length, kv_length)
    if not says_all:
        return rows(0, q_length)[None]
    return RuleMask(rule, q_length, kv_length, device)


class _AskedError(Exception):
    """A mask is to be written: SDPA's flags do not say it all."""


def _ask(*_: Tensor) -> Tensor:
    raise _AskedError
