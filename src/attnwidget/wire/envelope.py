"""Tensor ⇄ binary envelope: what crosses to the browser as one buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import torch

if TYPE_CHECKING:
    from torch import Tensor


class Envelope(TypedDict):
    """One array: its element type, its shape, and its bytes in C order, little-endian."""

    dtype: str
    shape: list[int]
    data: bytes


# What a browser's typed arrays can hold; half precision and doubles travel as float32.
_WIRE_DTYPES = {torch.uint8: "uint8", torch.bool: "uint8", torch.int64: "int32", torch.int32: "int32"}
_TORCH_DTYPES = {"uint8": torch.uint8, "int32": torch.int32, "float32": torch.float32}


def encode_array(tensor: Tensor) -> Envelope:
    """Pack a tensor of any device and dtype.

    Parameters
    ----------
    tensor : Tensor
        Any shape. float16, bfloat16 and float64 become float32; int64 becomes int32; bool becomes uint8.

    Returns
    -------
    Envelope
        JSON-ready but for its bytes, which ipywidgets and `send` move out as a binary buffer.
    """
    name = _WIRE_DTYPES.get(tensor.dtype, "float32")
    array = tensor.detach().to(device="cpu", dtype=_TORCH_DTYPES[name]).contiguous().numpy()
    return {"dtype": name, "shape": list(array.shape), "data": array.tobytes()}
