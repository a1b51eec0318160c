"""Circuits: what a model's weights alone say of its heads, before it has read a text.

`copying` says which heads write what they read, `token_tables` which tokens a head looks for and what it then writes,
`composition` which heads read what which others wrote (Elhage et al. 2021, "A mathematical framework for transformer
circuits"). W_Q, W_K, W_V and W_O are found in the model by what goes through them, and proven on it.
"""

from attnwidget.circuits.composition import Composition, composition
from attnwidget.circuits.copying import Copying, copying
from attnwidget.circuits.matrices import HeadWeights, head_weights
from attnwidget.circuits.tables import TokenTables, token_tables

__all__ = [
    "Composition",
    "Copying",
    "HeadWeights",
    "TokenTables",
    "composition",
    "copying",
    "head_weights",
    "token_tables",
]
