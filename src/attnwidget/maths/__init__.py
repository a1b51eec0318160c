"""Pure functions on tensors: masks, scores, softmax, weighted sums, pooling, one layer's tiles."""

from attnwidget.maths.bias import RelativeBias
from attnwidget.maths.from_arrays import layers_from_qkv, layers_from_weights
from attnwidget.maths.layers import Layer, LeftOut, QKVLayer, WeightsLayer, blind_rows
from attnwidget.maths.mask import Mask
from attnwidget.maths.pool import max_pool, max_pool_tiles, merge_words, spread
from attnwidget.maths.projection import Projection
from attnwidget.maths.softmax import log_sum_exp, scores, weighted_sum, weights
from attnwidget.maths.tile import ALL, Index, positions, resolve, take

__all__ = [
    "ALL",
    "Index",
    "Layer",
    "LeftOut",
    "Mask",
    "Projection",
    "QKVLayer",
    "RelativeBias",
    "WeightsLayer",
    "blind_rows",
    "layers_from_qkv",
    "layers_from_weights",
    "log_sum_exp",
    "max_pool",
    "max_pool_tiles",
    "merge_words",
    "positions",
    "resolve",
    "scores",
    "spread",
    "take",
    "weighted_sum",
    "weights",
]
