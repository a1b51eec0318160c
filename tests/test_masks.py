"""Masks by name: against loops that say what each means, their sentences, their errors, and blind rows."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attnwidget import masks
from attnwidget.maths.mask import Mask

# What a name means, said for one pair.
MEANINGS = {
    "none": lambda _i, _j, _m: True,
    "causal": lambda i, j, _m: j <= i,
    "padding-left:2": lambda _i, j, _m: j not in {0, 1},
    "padding-right:2": lambda _i, j, m: j not in {m - 1, m - 2},
    "window:1": lambda i, j, _m: i == j,
    "window:4": lambda i, j, _m: j in {i, i - 1, i - 2, i - 3},
    "around:1": lambda i, j, _m: j in {i - 1, i, i + 1},
    "prefix:3": lambda i, j, _m: j <= i or j in {0, 1, 2},
    "blocks:4": lambda i, j, _m: int(i / 4) == int(j / 4),
    "strided:3": lambda i, j, _m: j in {i, i - 1, i - 2, i - 3} or (j < i and j in range(i, -1, -3)),
    "bigbird:2,1,0": lambda i, j, _m: i in {0, 1} or j in {0, 1} or abs(i - j) <= 1,
    "causal+padding-left:2": lambda i, j, _m: 2 <= j <= i,
}


@pytest.mark.parametrize("spec", MEANINGS)
@pytest.mark.parametrize(("n", "m"), [(9, 9), (1, 1), (5, 8), (8, 5)])
def test_a_name_means_its_pairs(spec, n, m):
    found = masks.preset(spec, n, m)
    expected = [[MEANINGS[spec](i, j, m) for j in range(m)] for i in range(n)]
    assert found.dtype == torch.bool
    assert found.tolist() == expected


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 24), st.integers(0, 3), st.integers(0, 3), st.integers(0, 4), st.integers(0, 5))
def test_bigbird_draws_as_many_as_it_says(n, first, near, drawn, seed):
    spec = f"bigbird:{first},{near},{drawn},{seed}"
    found, without = masks.preset(spec, n), masks.preset(f"bigbird:{first},{near},0", n)
    assert (found | ~without).all()
    assert ((found & ~without).sum(1) == (~without).sum(1).clamp_max(drawn)).all()
    assert torch.equal(found, masks.preset(spec, n))  # the same draw each time


def test_bigbird_draws_otherwise_with_another_seed():
    assert not torch.equal(masks.preset("bigbird:1,1,2", 40), masks.preset("bigbird:1,1,2,1", 40))
    assert torch.equal(masks.preset("bigbird:1,1,2", 40), masks.preset("bigbird:1,1,2,0", 40))


@pytest.mark.parametrize("one", masks.PRESETS, ids=lambda one: one.name)
def test_every_kind_says_what_it_is(one):
    assert one.example.partition(":")[0] == one.name
    said = masks.explain(one.example, 8)
    assert said.endswith(".")
    assert "Blind" not in said
    assert one.blind.endswith(".")
    if not one.name.startswith("padding"):
        assert one.blind.startswith("Never")
        assert masks.blind(masks.preset(one.example, 8)) == []
    assert one.form.startswith(one.name)


def test_the_rules_of_a_model_and_the_names_agree():
    assert Mask.from_dense(masks.preset("causal", 9)) == Mask(after=0)
    assert Mask.from_dense(masks.preset("window:4", 9)) == Mask(before=3, after=0)


@pytest.mark.parametrize("spec", ["", "windows:4", "Causal", "diagonal", "causal+", "causal,window:4"])
def test_a_name_that_does_not_exist_lists_what_there_is(spec):
    with pytest.raises(ValueError, match="there is no mask") as caught:
        masks.preset(spec, 4)
    assert all(one.form in str(caught.value) for one in masks.PRESETS)


@pytest.mark.parametrize(
    "spec",
    [
        "window",
        "window:",
        "window:0",
        "window:-1",
        "window:2.5",
        "window:a",
        "window:1,2",
        "causal:3",
        "bigbird:2,2",
        "bigbird:1,2,3,4,5",
        "blocks:0",
        "window:²",
    ],
)
def test_numbers_that_do_not_fit_are_told_with_an_example(spec):
    with pytest.raises(ValueError, match=r"expected .*such as"):
        masks.preset(spec, 4)


def test_what_is_no_name():
    with pytest.raises(TypeError, match="string such as 'window:4', got int"):
        masks.preset(4, 4)


def test_blind_rows_are_explained():
    said = masks.explain("causal+padding-left:2", 5)
    assert "Blind: rows 0, 1 of 5" in said
    assert masks.BLIND in said
    assert "Blind: row 0 of 5" in masks.explain("causal+padding-left:1", 5)
    assert masks.blind(masks.preset("padding-right:9", 3)) == [0, 1, 2]
    assert masks.blind(torch.stack([masks.preset("none", 3), masks.preset("padding-left:3", 3)])) == []
    assert masks.blind(torch.ones(0, 0, dtype=torch.bool)) == []
    assert "Blind: rows 0, 1, 2, 3, 4, 5, 6, 7 … of 20" in masks.explain("padding-left:20", 20)
