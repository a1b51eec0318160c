"""The documentation site: from docs/, README.md, the notebooks, the lessons and the docstrings, for Sphinx.

``make docs`` builds it into site/. `pages` says which file becomes which page and sets its links right, `live` runs the
cells that show a widget and saves each as a page of its own, `check` looks at what was built.
"""
