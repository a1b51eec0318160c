"""What Sphinx is told."""

import inspect
import re

from sphinx.addnodes import pending_xref

import attnwidget

project, author = "attnwidget", "The attnwidget authors"
version = release = attnwidget.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["extra", "files"]

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "fieldlist"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a part of README.md begins where it begins

autodoc_typehints = "none"  # docstrings say what a thing is, with its shape
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "attnwidget"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_extra_path = ["extra"]
html_copy_source = False
html_show_sphinx = html_show_copyright = False
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1b5fcc", "color-brand-content": "#1b5fcc"},
    "dark_css_variables": {"color-brand-primary": "#6aa5ff", "color-brand-content": "#6aa5ff"},
}


def signature_of(_app, what, _name, thing, _options, signature, returned):
    """Write a widget's own arguments, which traitlets hides behind ``*args``."""
    if what != "class" or not hasattr(thing, "class_traits"):
        return signature, returned
    own = inspect.signature(thing.__init__)
    bare = [one.replace(annotation=one.empty) for name, one in own.parameters.items() if name != "self"]
    return str(own.replace(parameters=bare, return_annotation=own.empty)), ""


QUOTED = re.compile(r"(``.+?``)|(?<![:`])`([^`]+)`(?!`)")


def linked(_app, what, name, thing, _options, lines):
    """Make links of the names in backticks, where there is such a thing; the others are code. A bar is a bar."""
    of_class = thing if what in {"class", "exception"} else None
    owner = name if of_class else name.rpartition(".")[0]

    def link(found):
        if found[1]:
            return found[1]
        first, *_ = said = found[2].split(".")
        if first in attnwidget.__all__:
            return f":py:obj:`{found[2]} <attnwidget.{found[2]}>`"
        if first[:1].isupper() and first.isidentifier():
            return f":py:obj:`{found[2]}`"
        if len(said) == 1 and f"{owner}.{first}" in MEMBERS:
            return f":py:obj:`{first} <{owner}.{first}>`"
        return f"``{found[2]}``"

    if of_class:
        MEMBERS.update(f"{name}.{one}" for one in dir(of_class) if not one.startswith("_"))
    lines[:] = [
        "".join(part.replace("|", r"\|") if not part.startswith(("`", ":py")) else part for part in PIECES.split(line))
        for line in (QUOTED.sub(link, line) for line in lines)
    ]


MEMBERS = set()
PIECES = re.compile(r"(``.+?``|:py:obj:`[^`]+`)")


def without_guesses(_app, doctree):
    """Leave the words of a type as words: "heads" in a shape is no attribute of that name somewhere."""
    for node in list(doctree.findall(pending_xref)):
        target = node["reftarget"]
        if node["reftype"] == "class" and "." not in target and target.islower():
            node.replace_self(node.children)


def setup(app):
    app.connect("doctree-read", without_guesses)
    app.connect("autodoc-process-signature", signature_of)
    app.connect("autodoc-process-docstring", linked, priority=400)  # before napoleon, which wants backticks as they are
