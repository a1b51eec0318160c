"""What BertViz's pages hold, what our widgets hold of the same, and cells that run as in a notebook."""

import json
from contextlib import contextmanager

import torch
from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

VIEW = "application/vnd.jupyter.widget-view+json"


def embedded(page):
    """What BertViz puts into its page: each attention with its numbers and tokens, and what is included."""
    return json.JSONDecoder().raw_decode(page.partition("params = ")[2])[0]


def agree(params, widget, of=("self",)):
    """Every number, and every token."""
    trace = widget.trace
    assert trace.attentions == of
    include = params["include_layers"]
    for name, one in zip(of, params["attention"], strict=False):
        queries, keys = trace.sides(name)
        assert [trace.kept(name)[at] for at in range(len(include))] == sorted(include)
        heads = params.get("include_heads") or list(range(trace.n_heads(name)))
        for number, layer in zip(include, one["attn"], strict=True):
            torch.testing.assert_close(
                trace.weights(number, heads, attention=name), torch.tensor(layer), rtol=0, atol=1e-7
            )
        for side, text in ((queries, "left_text"), (keys, "right_text")):
            written = [token.replace("Ġ", " ").replace("▁", " ").replace("</w>", "") for token in side.raw]
            assert one[text] == written
            assert [label.replace("##", "").strip() for label in one[text]] == [label.strip("␣") for label in side.text]
    return trace


@contextmanager
def cells_run_here(monkeypatch, names):
    """Run a notebook's cells here, without a kernel: yields a function from a cell to its outputs, by media type."""
    shell = InteractiveShell.instance()
    shell.user_ns |= names
    found = []
    monkeypatch.setattr(shell.display_trap, "hook", CapturingDisplayHook(shell, found))
    monkeypatch.setattr(shell, "display_pub", CapturingDisplayPublisher(parent=shell))
    shell.display_pub.outputs = found

    def run(cell):
        found.clear()
        shell.run_cell(cell, store_history=True).raise_error()
        return [one["data"] for one in found]

    try:
        yield run
    finally:
        InteractiveShell.clear_instance()
