"""What computes behind the picture: each feed fills one state of the wire."""

from attnwidget.session.feeds.ahead import AheadFeed
from attnwidget.session.feeds.base import Feed, Shown
from attnwidget.session.feeds.breakdown import BreakdownFeed
from attnwidget.session.feeds.categories import CategoriesFeed
from attnwidget.session.feeds.effects import EffectsFeed
from attnwidget.session.feeds.links import LinksFeed
from attnwidget.session.feeds.outcome import OutcomeFeed
from attnwidget.session.feeds.pictures import PicturesFeed
from attnwidget.session.feeds.snapshot import SnapshotFeed

__all__ = [
    "AheadFeed",
    "BreakdownFeed",
    "CategoriesFeed",
    "EffectsFeed",
    "Feed",
    "LinksFeed",
    "OutcomeFeed",
    "PicturesFeed",
    "Shown",
    "SnapshotFeed",
]
