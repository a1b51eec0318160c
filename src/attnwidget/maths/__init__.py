"""Pure functions on tensors: masks, scores, softmax, weighted sums, pooling, one layer's tiles."""

from attnwidget.maths.bias import RelativeBias
from attnwidget.maths.block import Block, Norm
from attnwidget.maths.cells import columns_of, pool_cells, rows_of, weight_columns
from attnwidget.maths.divergence import divergence, entropy
from attnwidget.maths.flow import max_flow
from attnwidget.maths.from_arrays import layers_from_qkv, layers_from_weights, projections_from
from attnwidget.maths.from_generate import read_generated
from attnwidget.maths.layers import Layer, LeftOut, QKVLayer, WeightsLayer, blind_rows
from attnwidget.maths.mask import Mask
from attnwidget.maths.pool import max_pool, max_pool_tiles, merge_words, spread
from attnwidget.maths.projection import Projection
from attnwidget.maths.reproduce import check_reproduced
from attnwidget.maths.softmax import log_sum_exp, scores, weighted_sum, weights
from attnwidget.maths.tile import ALL, Index, positions, resolve, take
from attnwidget.maths.together import as_one

__all__ = [
    "ALL",
    "Block",
    "Index",
    "Layer",
    "LeftOut",
    "Mask",
    "Norm",
    "Projection",
    "QKVLayer",
    "RelativeBias",
    "WeightsLayer",
    "as_one",
    "blind_rows",
    "check_reproduced",
    "columns_of",
    "divergence",
    "entropy",
    "layers_from_qkv",
    "layers_from_weights",
    "log_sum_exp",
    "max_flow",
    "max_pool",
    "max_pool_tiles",
    "merge_words",
    "pool_cells",
    "positions",
    "projections_from",
    "read_generated",
    "resolve",
    "rows_of",
    "scores",
    "spread",
    "take",
    "weight_columns",
    "weighted_sum",
    "weights",
]
