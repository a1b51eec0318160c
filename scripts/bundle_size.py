"""Fail when the front end outgrows its budget: it travels in every saved notebook, and the loader in every widget."""

import sys
from pathlib import Path

STATIC = Path(__file__).parents[1] / "src/attnwidget/static"
LIMITS = {  # bytes
    "widget.js": 440_000,
    "widget.js.gz": 146_000,
    "loader.js": 2_000,
    "lab.js.gz": 40_000,
    "lab-loader.js": 2_000,
    "figure.js": 70_000,
    "figures.js.gz": 27_000,
    "notebook.js": 4_000,
    "page.js.gz": 170_000,
    "boot.js": 2_000,
}

sizes = {name: (STATIC / name).stat().st_size for name in LIMITS}
print("; ".join(f"{name}: {sizes[name]:,} of {limit:,} bytes" for name, limit in LIMITS.items()))
sys.exit(any(sizes[name] > limit for name, limit in LIMITS.items()))
