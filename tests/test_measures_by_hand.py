"""On a model whose circuit is known every measure of a head or a layer points at it, and the wrong ones go astray."""

import pytest
import torch

import induction_by_hand as by_hand
from attnwidget import Target
from attnwidget.capture import capture

INDUCTION, PREVIOUS, SINKS = by_hand.INDUCTION, by_hand.PREVIOUS, by_hand.SINKS
QUERY = by_hand.QUERIES[3]
SOURCE = by_hand.source(QUERY)
N = len(by_hand.TWICE)
ANSWER = Target.logprob(by_hand.TWICE[QUERY + 1], at=QUERY)


@pytest.fixture(scope="module")
def trace():
    return capture(by_hand.model(), torch.tensor([by_hand.TWICE]), tokens=[by_hand.NAMES[one] for one in by_hand.TWICE])


def others(row, query=QUERY):
    """A query's row without the token itself."""
    return torch.cat([row[:query], row[query + 1 :]]).masked_fill(torch.arange(len(row) - 1) >= query, -torch.inf)


@pytest.mark.parametrize("measure", ["weights", "norms", "gradients", "block_norms", "alti", "value_zeroing"])
def test_each_points_at_what_the_induction_head_looks_at(trace, measure):
    trace.target = ANSWER
    layer, head = INDUCTION
    row = trace.measure(measure, layer, head, queries=QUERY)
    assert int(others(row).argmax()) == SOURCE
    assert others(row).max() > 50 * others(row).masked_fill(torch.arange(N - 1) == SOURCE, -torch.inf).max()


def test_norms_and_gradients_tell_the_heads_from_the_sinks_and_weights_do_not(trace):
    trace.target = ANSWER
    best = {name: trace.rank(QUERY, None, measure=name) for name in ("weights", "norms", "gradients")}
    names = {f"L{layer}-H{head}" for layer, head in SINKS}
    assert min(best["weights"].values) > 0.98  # the sinks are as sure as the others
    assert set(best["norms"].heads[-2:]) == names
    assert best["gradients"].heads[0] == "L1-H0"
    assert best["gradients"].strongest[0] == SOURCE
    at_sink = [trace.measure("norms", *head, queries=QUERY, keys=0) for head in SINKS]
    assert max(at_sink) < 1e-3  # of 0.98 weight


def test_the_gradient_finds_the_previous_token_head_before_it(trace):
    """One layer down the link that matters is not of this query: it is where the source was tagged."""
    trace.target = ANSWER
    layer, head = PREVIOUS
    found = trace.measure("gradients", layer, head)
    query, key = divmod(int(found.argmax()), N)
    assert (query, key) == (SOURCE, SOURCE - 1)
    assert trace.measure("gradients", *SINKS[0]).max() < 1e-3 * found.max()


def test_rollout_and_flow_drift_to_the_first_token(trace):
    """They count the sinks' weights like any others, and see no values: the answer's source is not their first."""
    for name in ("rollout", "flow"):
        row = trace.measure(name, 1, 0, queries=QUERY)
        assert int(others(row).argmax()) == 0
        assert row[0] > 2 * row[SOURCE]


def test_what_is_read_from_the_last_layers_weights_alone_misses_half(trace):
    """The mean over the heads, as it is often drawn, gives the sink as much as the answer."""
    mean = trace.weights(1, queries=QUERY).mean(0)  # (keys,)
    assert abs(float(mean[0] - mean[SOURCE])) < 0.01


def test_sinks_have_much_weight_and_little_norm(trace):
    found = trace.sinks().to_pandas()
    sinks = found.loc[[f"L{layer}-H{head}" for layer, head in SINKS]]
    assert (sinks.position == 0).all()
    assert (sinks.weight > 0.98).all()
    assert (sinks.norm < 0.01).all()
