"""Fail when the front end outgrows its budget: it travels in every saved notebook."""

import gzip
import sys
from pathlib import Path

BUNDLE = Path(__file__).parents[1] / "src/attnwidget/static/widget.js"
RAW_LIMIT = 200_000  # bytes
GZIP_LIMIT = 120_000  # bytes

code = BUNDLE.read_bytes()
raw, packed = len(code), len(gzip.compress(code))
print(f"widget.js: {raw:,} of {RAW_LIMIT:,} bytes; gzip {packed:,} of {GZIP_LIMIT:,}")
sys.exit(raw > RAW_LIMIT or packed > GZIP_LIMIT)
