# The first look, for marimo: `marimo edit notebooks/02-first-look.py`.

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import marimo as mo
    from attnwidget import AttentionWidget

    return AttentionWidget, mo


@app.cell
def _(mo):
    mo.md(
        """
        # Attention, seen from one sentence

        Every token stands twice: on the left as a **query**, the token that looks, and on the right as a **key**, a
        token that may be looked at. A line is one attention weight; the weights that leave one query add up to 1.

        - Rest the pointer on *it*: the line above the picture tells the largest weight and what it means. What is
          struck through is hidden from *it*, for this model reads from left to right.
        - Click *it* on the left, then *animal* on the right: all heads are ranked by that pair. Click the first one.
        - Change the text and press Enter.
        """
    )
    return


@app.cell
def _(AttentionWidget, mo):
    w = mo.ui.anywidget(AttentionWidget("The animal didn't cross the road because it was too tired"))
    w
    return (w,)


@app.cell
def _(mo):
    mo.md(
        """
        ## The same in Python

        `mo.ui.anywidget` makes the widget reactive: the cell below runs again when you choose another head or pin a
        token above.
        """
    )
    return


@app.cell
def _(mo, w):
    _trace = w.widget.trace
    _heads = ", ".join(f"L{layer}-H{head}" for layer, head in w.heads)
    _pinned = ", ".join(_trace.tokens[one] for one in w.queries) or "nothing"
    mo.md(f"Shown: **{_heads}**. Pinned on the left: **{_pinned}**. Exact to {_trace.max_error:.0e}.")
    return


@app.cell
def _(w):
    w.widget.trace.rank("it", "animal")  # which head links the two
    return


if __name__ == "__main__":
    app.run()
