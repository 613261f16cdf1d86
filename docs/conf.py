"""The site of the documentation: `python -m sphinx -W --keep-going -c docs . build/site`.

Its source is the whole project, so that links between pages are the same here and in the repository.
"""

from __future__ import annotations

from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "sealframe"
author = copyright = "the authors of sealframe"  # noqa: A001
version = release = installed_version("sealframe")

root_doc = "README"
include_patterns = ["*.md", "docs/**", "models/*.md"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"sealframe {version}"
html_static_path = ["site.css"]
html_css_files = ["site.css"]

add_module_names = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autoclass_content = "both"
default_role = "code"
highlight_language = "text"

CONTENTS = {
    root_doc: {
        "Learn": ["docs/tutorial"],
        "How to": [
            "docs/terminal",
            "docs/operate",
            "docs/sandbox",
            "docs/capacity",
            "docs/native",
            "docs/wheels",
            "CONTRIBUTING",
        ],
        "Reference": [
            "docs/api",
            "docs/FORMAT",
            "docs/FACTOR",
            "docs/performance",
            "docs/GLOSSARY",
            "models/README",
            "models/face_encoder",
        ],
        "Understand": ["docs/ARCHITECTURE", "docs/EVALUATION", "SECURITY", "docs/threat-model"],
        "Records": ["docs/decisions/README", "docs/measurements/README"],
        "History": ["CHANGELOG"],
    },
    "docs/decisions/README": {"Decisions": ["*"]},
    "docs/measurements/README": {"Measurements": ["*"]},
}


def add_contents(_: Sphinx, page: str, source: list[str]) -> None:
    """Append the contents to the index pages, which the repository shows without them."""
    for caption, pages in CONTENTS.get(page, {}).items():
        entries = "\n".join(pages)
        source[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n\n{entries}\n```\n"


def open_at_the_readme(app: Sphinx, failure: Exception | None) -> None:
    """The folder's address leads to the first page."""
    if failure is None and app.builder.name == "html":
        (app.outdir / "index.html").write_bytes((app.outdir / f"{root_doc}.html").read_bytes())


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", add_contents)
    app.connect("build-finished", open_at_the_readme)
