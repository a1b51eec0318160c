"""What heads do: categories and their scores, evidence about a model, reports over many texts."""

from attnwidget.heads.categories import BUILT_IN, OTHER, Category, all_categories
from attnwidget.heads.corpus.run import head_report
from attnwidget.heads.distances import CLARK, NO_MAP, Agreement, HeadDistances, HeadMap, head_distances
from attnwidget.heads.opening import opening_head
from attnwidget.heads.original import original_rule
from attnwidget.heads.patterns import Keys, Offset, Pairs
from attnwidget.heads.probe import HeadProbe, known_probe, probe_heads
from attnwidget.heads.report import HeadReport
from attnwidget.heads.row import Row, row_of
from attnwidget.heads.similar import SimilarHeads, similar_heads
from attnwidget.heads.table import PROBED, CategoryTable, HeadScores, categorize

__all__ = [
    "BUILT_IN",
    "CLARK",
    "NO_MAP",
    "OTHER",
    "PROBED",
    "Agreement",
    "Category",
    "CategoryTable",
    "HeadDistances",
    "HeadMap",
    "HeadProbe",
    "HeadReport",
    "HeadScores",
    "Keys",
    "Offset",
    "Pairs",
    "Row",
    "SimilarHeads",
    "all_categories",
    "categorize",
    "head_distances",
    "head_report",
    "known_probe",
    "opening_head",
    "original_rule",
    "probe_heads",
    "row_of",
    "similar_heads",
]
