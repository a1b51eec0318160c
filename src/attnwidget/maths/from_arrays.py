"""Layers from what other code computed, checked with messages that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from attnwidget.maths.layers import Layer, LeftOut, QKVLayer, WeightsLayer
from attnwidget.maths.mask import Mask
from attnwidget.maths.projection import Projection, version_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_ROUNDING = 1e-6  # that a weight may lie below 0, and above 1 beside the rounding of its own precision

_HOW_TO_GET_WEIGHTS = (
    'reload the model with attn_implementation="eager" and call it with output_attentions=True '
    "(SDPA returns no weights), or use attnwidget.capture(model, text)"
)


def layers_from_weights(
    attentions: Any,
    n: int,
    m: int,
    mask: Tensor | Literal["causal"] | None = None,
    kept: Collection[int] | None = None,
) -> list[Layer]:
    """Check the weights of every layer, or of those to be `kept`; see `AttentionTrace.from_attentions`."""
    if isinstance(attentions, Mapping):
        raise TypeError("expected the attentions, got a model's whole output: pass outputs.attentions")
    given = [] if attentions is None else list(attentions)
    if not given:
        raise ValueError(f"attentions holds no layer; {_HOW_TO_GET_WEIGHTS}")
    wanted = range(len(given)) if kept is None else sorted(kept)
    missing = [str(i) for i in wanted if given[i] is None]
    if missing:
        where = ", ".join(missing)
        raise ValueError(f"attentions is None in layer {where}; {_HOW_TO_GET_WEIGHTS}")
    layers = {i: _one_layer(i, _to_tensor(given[i]), n, m) for i in wanted}
    given_rule = None if mask is None else mask_from(mask, n, m)
    layers = {i: as_weights(layer, given_rule or Mask(), f"layer {i}") for i, layer in layers.items()}
    counts = {len(layer) for layer in layers.values()}
    if len(counts) > 1:
        raise ValueError(f"every layer must have the same number of heads, got {sorted(counts)}")
    if given_rule is None:
        later = [layer.triu(1).count_nonzero() for layer in layers.values()]  # NaN counts as nonzero
        given_rule = Mask(after=0) if n == m > 1 and not any(later) else Mask()
    left_out = LeftOut((counts.pop(), n, m), given_rule)
    return [WeightsLayer(layers[i], given_rule) if i in layers else left_out for i in range(len(given))]


def as_weights(given: Tensor, mask: Mask, name: str) -> Tensor:
    """Return weights (heads, queries, keys) with what rounding put beside 0 … 1 put right, or refuse them.

    What stands at forbidden pairs does not count, and NaN stays. Rows need not sum to 1: sinks take a share, and
    rows that see nothing have none.

    Raises
    ------
    ValueError
        If a weight lies below 0 or above 1 by more than the rounding of its precision.
    """
    above = 1 + _ROUNDING + 2 * torch.finfo(given.dtype).eps
    # float8 has neither comparisons nor minima of its own
    numbers = given if given.dtype.itemsize > 1 else given.float()
    if not bool((numbers < 0).any() | (numbers > 1).any()):
        return given
    _, n, m = given.shape
    rows, columns = (torch.arange(size, device=given.device) for size in (n, m))
    wrong = ((numbers < -_ROUNDING) | (numbers > above)) & mask.allowed(rows, columns)  # (heads, queries, keys)
    if not wrong.any():
        return numbers.clamp(0, 1).to(given.dtype)
    head, query, key = wrong.nonzero()[0].tolist()
    value = float(numbers[head, query, key])
    why = (
        "scores before the softmax, differences and other signed numbers are none"
        if value < 0
        else "in training mode dropout scales weights up (call model.eval() first), and other measures are none"
    )
    raise ValueError(
        f"{name} holds {value:.4g} (head {head}, query {query}, key {key}), but a weight lies between 0 and 1; {why}"
    )


def _one_layer(number: int, layer: Tensor, n: int, m: int) -> Tensor:
    tokens = f"{n} tokens" if n == m else f"{n} target tokens and {m} source tokens"
    expected = f"expected (heads, {n}, {m}) or (1, heads, {n}, {m}) for {tokens}"
    shape = tuple(layer.shape)
    if layer.ndim == 4 and shape[0] != 1:
        raise ValueError(
            f"layer {number} holds a batch of {shape[0]} texts, shape {shape}; {expected}: "
            "pass one text's, for example [a[:1] for a in attentions]"
        )
    layer = layer[0] if layer.ndim == 4 else layer  # (heads, n, n)
    if layer.ndim != 3:
        raise ValueError(f"layer {number} has shape {shape}; {expected}. One layer alone must be in a list")
    if tuple(layer.shape[1:]) != (n, m):
        raise ValueError(
            f"layer {number} has shape {shape}; {expected}: the weights and the tokens must be of the same text"
        )
    return layer


def layers_from_qkv(  # noqa: PLR0917 - as the user's function
    q: Any,
    k: Any,
    v: Any,
    n_tokens: int,
    mask: Tensor | Literal["causal"] | None = None,
    scale: float | None = None,
) -> list[QKVLayer]:
    """Check queries, keys and values of every layer; see `AttentionTrace.from_qkv`."""
    tensors = {name: _to_tensor(x) for name, x in (("q", q), ("k", k), ("v", v))}
    for name, x in tensors.items():
        if x.ndim != 4 or 0 in x.shape or x.shape[2] != n_tokens:
            raise ValueError(
                f"expected {name} of shape (layers, heads, {n_tokens}, d) for {n_tokens} tokens, got {tuple(x.shape)}"
            )
    queries, keys, values = tensors.values()  # (layers, heads, n, d)
    shapes = f"q {tuple(queries.shape)}, k {tuple(keys.shape)}, v {tuple(values.shape)}"
    if not len(queries) == len(keys) == len(values):
        raise ValueError(f"q, k and v must have the same number of layers, got {shapes}")
    if keys.shape[1] != values.shape[1] or queries.shape[1] % keys.shape[1]:
        raise ValueError(f"k and v must have as many heads as q, or as many as divide them, got {shapes}")
    if queries.shape[3] != keys.shape[3]:
        raise ValueError(f"q and k must have the same last dimension, got {shapes}")
    rule = mask_from(mask, n_tokens, n_tokens)
    factor = queries.shape[3] ** -0.5 if scale is None else float(scale)
    return [QKVLayer(*layer, scale=factor, mask=rule) for layer in zip(queries, keys, values, strict=True)]


def projections_from(layers: Sequence[QKVLayer], weight: Any, bias: Any = None) -> list[Projection]:
    """Check W_O of every layer, and its bias; see `AttentionTrace.from_qkv`.

    Nobody has seen what the model's own module returned: the projections have no `output`.
    """
    matrices = _to_tensor(weight)
    count, heads = len(layers), layers[0].shape[0]
    value = layers[0].v
    assert value is not None  # noqa: S101 - made by `layers_from_qkv`
    width = value.shape[-1]
    joined = (count, heads * width)
    shape = tuple(matrices.shape)
    if matrices.ndim == 3 and shape[:2] == joined:
        matrices = matrices.reshape(count, heads, width, shape[2])  # (layers, heads, d_v, d_model)
    if matrices.ndim != 4 or tuple(matrices.shape[:3]) != (count, heads, width) or not matrices.shape[3]:
        turned = matrices.ndim == 3 and (shape[0], shape[2]) == joined
        hint = "; it is transposed: of an nn.Linear pass weight.T" if turned else ""
        raise ValueError(
            f"expected output_weight of shape ({count}, {heads}, {width}, d_model) or ({count}, {heads * width}, "
            f"d_model) for {count} layers of {heads} heads and values of {width} numbers, got {shape}{hint}"
        )
    biases = None if bias is None else _to_tensor(bias)  # (layers, d_model)
    if biases is not None and tuple(biases.shape) != (count, matrices.shape[3]):
        raise ValueError(
            f"expected output_bias of shape ({count}, {matrices.shape[3]}), one for each layer, got "
            f"{tuple(biases.shape)}"
        )
    return [
        Projection(one, None if biases is None else biases[number], None, "", version_of(one))
        for number, one in enumerate(matrices)
    ]


def mask_from(mask: Tensor | Sequence[Any] | Literal["causal"] | None, n: int, m: int) -> Mask:
    """Turn a user's mask into a rule.

    Parameters
    ----------
    mask : "causal", Tensor, or None
        bool (keys,) or (queries, keys), True where attention is permitted. None forbids nothing.
    n, m : int
        Number of queries and keys.

    Raises
    ------
    ValueError
        For another word, dtype or shape.
    """
    if mask is None:
        return Mask()
    if isinstance(mask, str):
        if mask != "causal":
            raise ValueError(f'mask must be "causal", a bool tensor or None, got {mask!r}')
        return Mask(after=0)
    allowed = torch.as_tensor(mask)
    if allowed.dtype != torch.bool or tuple(allowed.shape) not in {(m,), (n, m)}:
        raise ValueError(
            f"expected a bool mask of shape ({m},) or ({n}, {m}), True where attention is "
            f"permitted, got {allowed.dtype} of shape {tuple(allowed.shape)}"
        )
    return Mask(keep=allowed) if allowed.ndim == 1 else Mask.from_dense(allowed)


def _to_tensor(array: Any) -> Tensor:
    """Share the memory where that is possible; gradients are not followed."""
    if isinstance(array, Tensor):
        tensor = array.detach()
    elif isinstance(array, (list, tuple)):
        tensor = torch.stack([_to_tensor(one) for one in array])
    else:
        array = np.asarray(array)
        if array.dtype.kind not in "fiub":
            kind = "text" if array.dtype.kind in "US" else type(array.flat[0]).__name__ if array.size else "nothing"
            raise TypeError(f"expected tensors of numbers, got {kind}: they go first, the tokens after them")
        tensor = torch.as_tensor(array if array.flags.writeable else array.copy())
    if not tensor.is_floating_point():
        raise ValueError(f"expected floating-point numbers, got {tensor.dtype}")
    return tensor
