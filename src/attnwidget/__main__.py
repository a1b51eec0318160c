"""``python -m attnwidget``: the command line."""

import sys

from attnwidget.cli import main

sys.exit(main())
