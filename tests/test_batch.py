"""A notebook that is run without anybody watching, as `jupyter nbconvert --execute` and papermill do it."""

import nbformat
from nbclient import NotebookClient

CELLS = (
    """
from attnwidget import AttentionWidget
w = AttentionWidget("The animal didn't cross the road", probe=False)
w
""",
    """
w.text = "Another text"
""",
)


def test_the_saved_widget_has_all_that_a_page_without_a_kernel_needs():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    (widget,) = (one for one in states if "_outline" in one["state"])
    state = widget["state"]
    assert state["text"] == "Another text"
    for name in ("_snapshot", "_pictures", "_categories", "_ahead"):
        assert state[name]["run"] == state["_outline"]["run"], name
    assert {one["path"][0] for one in widget["buffers"]} == {"_snapshot", "_pictures", "_categories", "_ahead"}
