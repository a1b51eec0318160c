"""The model that is set by hand does what its description says: in its own numbers, without ours."""

import torch

import induction_by_hand as by_hand


def test_its_heads_look_where_they_were_told_to():
    model = by_hand.model()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        found = model(torch.tensor([by_hand.TWICE]), output_attentions=True)
    first, second = (layer[0] for layer in found.attentions)  # each (heads, n, n)
    n = len(by_hand.TWICE)
    assert all(first[0, i, i - 1] > 0.999 for i in range(1, n))
    assert all(second[0, i, by_hand.source(i)] > 0.99 for i in by_hand.QUERIES)
    assert all(second[0, i, 0] > 0.9 for i in range(1 + by_hand.LENGTH))
    assert (first[1, :, 0] > 0.98).all()
    assert (second[1, :, 0] > 0.98).all()
    probabilities = found.logits[0].softmax(-1)
    assert all(probabilities[i, by_hand.TWICE[i + 1]] > 0.99 for i in by_hand.QUERIES)
    assert all(probabilities[i].max() < 0.2 for i in range(by_hand.LENGTH))


def test_the_sinks_write_next_to_nothing():
    model = by_hand.model()
    kept = {}
    for layer, block in enumerate(model.transformer.h):
        block.attn.c_proj.register_forward_pre_hook(lambda _, given, layer=layer: kept.update({layer: given[0]}))
    with torch.no_grad():
        model(torch.tensor([by_hand.TWICE]))
    for layer, head in by_hand.SINKS:
        assert kept[layer].unflatten(-1, (2, -1))[0, :, head].abs().max() < 0.02
