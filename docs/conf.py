"""Settings of Sphinx."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import decan.core

project = "decan"
author = "the decan developers"
copyright = "2026, the decan developers"
release = version = decan.core.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_design",
    "scoreboard_page",
]
exclude_patterns = ["*_table.md", "_build", "_templates", "jupyter_execute", "scoreboard/**/*.json"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = "decan"
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence", "dollarmath"]
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
# Notebook pages show results, not the way of the progress bars.
os.environ["TQDM_DISABLE"] = "1"

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
suppress_warnings = ["mystnb.unknown_mime_type"]
