"""The largest flow through the layers of a network: by augmenting the widest path until there is none."""

from __future__ import annotations

import numpy as np

_NOTHING = 1e-9  # a width that is taken for none


def max_flow(capacities: np.ndarray, source: int, sink: int) -> float:
    """Compute how much can flow from a node of the top level to one of the bottom level.

    Ford & Fulkerson 1956 with the widest path each time (Edmonds & Karp 1972, section 2), on a graph whose edges lead
    from one level to the next.

    Parameters
    ----------
    capacities : ndarray
        float64 (levels, n, n): of the edges from each node of the level above to each of the level below, the lowest
        level first.
    source, sink : int
        Which node of the top, and of the bottom.

    Returns
    -------
    float
        Exact but for rounding.
    """
    nodes = _between(capacities > 0, source, sink)
    if source not in nodes or sink not in nodes:
        return 0.0
    ends = (int(np.searchsorted(nodes, one)) for one in (source, sink))
    graph = _Graph(capacities[:, nodes][:, :, nodes], *ends)
    total, bound = 0.0, graph.bound()
    while total < bound - _NOTHING:
        width = graph.augment(is_down=True) or graph.augment(is_down=False)
        if width == 0:
            break
        total += width
    return total


def _between(edges: np.ndarray, source: int, sink: int) -> np.ndarray:
    """Return the nodes that some way from the source to the sink may pass at any level, int64 (nodes,), rising."""
    levels, n, _ = edges.shape
    from_top, to_bottom = np.zeros((levels + 1, n), bool), np.zeros((levels + 1, n), bool)
    from_top[levels, source] = to_bottom[0, sink] = True
    for level in reversed(range(levels)):
        from_top[level] = edges[level][from_top[level + 1]].any(0)
    for level in range(levels):
        to_bottom[level + 1] = edges[level][:, to_bottom[level]].any(1)
    return np.flatnonzero((from_top & to_bottom).any(0))


class _Graph:
    """What each edge has left, and what flows through it, both (levels, n, n)."""

    def __init__(self, capacities: np.ndarray, source: int, sink: int) -> None:
        self._left, self._flow = capacities.copy(), np.zeros_like(capacities)
        self._levels, self._n, _ = capacities.shape
        self._source, self._sink = source, sink

    def bound(self) -> float:
        """Return what the source can send, or the sink take, at most."""
        return float(min(self._left[-1, self._source].sum(), self._left[0, :, self._sink].sum()))

    def augment(self, *, is_down: bool) -> float:
        """Send what the widest path bears, and return it; 0 where there is none.

        Parameters
        ----------
        is_down : bool
            Whether the path only goes down; else it may take back what flows already, which proves that none is left.
        """
        width = np.zeros((self._levels + 1, self._n))
        width[self._levels, self._source] = np.inf
        came = np.full((2, self._levels + 1, self._n), -1)  # from which node, of the level above or of that below
        while True:
            improved = self._sweep_down(width, came)
            if is_down or not (improved and self._sweep_up(width, came)):
                break
        found = float(width[0, self._sink])
        if found <= _NOTHING:
            return 0.0
        self._send(found, came)
        return found

    def _sweep_down(self, width: np.ndarray, came: np.ndarray) -> bool:
        improved = False
        for level in reversed(range(self._levels)):
            through = np.minimum(width[level + 1][:, None], self._left[level])  # (above, below)
            improved |= _take(through, width[level], came[0, level], came[1, level])
        return improved

    def _sweep_up(self, width: np.ndarray, came: np.ndarray) -> bool:
        improved = False
        for level in range(self._levels):
            through = np.minimum(width[level][:, None], self._flow[level].T)  # (below, above)
            improved |= _take(through, width[level + 1], came[1, level + 1], came[0, level + 1])
        return improved

    def _send(self, amount: float, came: np.ndarray) -> None:
        level, node = 0, self._sink
        while (level, node) != (self._levels, self._source):
            above, below = int(came[0, level, node]), int(came[1, level, node])
            if above >= 0:
                self._left[level, above, node] -= amount
                self._flow[level, above, node] += amount
                level, node = level + 1, above
            else:
                self._left[level - 1, node, below] += amount
                self._flow[level - 1, node, below] -= amount
                level, node = level - 1, below


def _take(through: np.ndarray, width: np.ndarray, came: np.ndarray, other: np.ndarray) -> bool:
    """Take wider ways to some nodes, (from, to), and note where they came from; say whether there are any."""
    best = through.argmax(0)
    widest = through[best, np.arange(len(best))]
    wider = widest > width + _NOTHING
    width[wider], came[wider], other[wider] = widest[wider], best[wider], -1
    return bool(wider.any())
