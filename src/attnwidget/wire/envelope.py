"""Tensor → binary envelope: what crosses to the browser as one buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attnwidget.wire.schema import Envelope

if TYPE_CHECKING:
    from torch import Tensor

# What a browser's typed arrays can hold; half precision and doubles travel as float32.
_WIRE_DTYPES = {
    torch.uint8: "uint8",
    torch.bool: "uint8",
    torch.uint16: "uint16",
    torch.int64: "int32",
    torch.int32: "int32",
}
_TORCH_DTYPES = {"uint8": torch.uint8, "uint16": torch.uint16, "int32": torch.int32, "float32": torch.float32}


def pack(tensor: Tensor) -> dict[str, Any]:
    """Pack a tensor of any device and dtype.

    Parameters
    ----------
    tensor : Tensor
        Any shape. float16, bfloat16 and float64 become float32; int64 becomes int32; bool becomes uint8.

    Returns
    -------
    dict
        The fields of `Envelope`, for a message that is one.
    """
    name = _WIRE_DTYPES.get(tensor.dtype, "float32")
    array = tensor.detach().to(device="cpu", dtype=_TORCH_DTYPES[name]).contiguous().numpy()
    return {"dtype": name, "shape": list(array.shape), "data": array.tobytes()}


def encode_array(tensor: Tensor) -> Envelope:
    """Pack a tensor as a message of its own, or a part of one; see `pack`."""
    return Envelope(**pack(tensor))
