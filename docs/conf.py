"""The documentation site: settings of Sphinx, for `scripts/build_site.sh`.

The source folder is the root of the repository and not docs/: so every link that works on GitHub,
between pages, to results and to code, works on the site too.
"""

import sys
from pathlib import Path

import hf_lmcourse

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "hf-lmcourse"
version = release = hf_lmcourse.__version__

root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/**",
    "notebooks/*.ipynb",
    "notebooks/*.md",
    "results/**",
    "hf_lmcourse/metrics/*/README.md",
]
exclude_patterns = [".*", "build", "dist", "runs", "docs/_*", "**/.ipynb_checkpoints"]

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "api_pages",
    "derivation",
    "docstrings",
    "linked_files",
    "live_model",
    "mathml",
    "model_results",
    "remote_images",
    "theory_check",
]

# pages in Markdown, and notebooks as they were executed
myst_enable_extensions = ["dollarmath", "html_image"]
myst_fence_as_directive = ["math"]  # as GitHub reads it
myst_heading_anchors = 4
nb_execution_mode = "off"
nb_render_markdown_format = "myst"  # tables in outputs
nb_merge_streams = True  # lines that a cell printed one by one
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # by default from another host

# the reference, from docstrings
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "member-order": "bysource",
    "exclude-members": "validate, config_class, body_class, layer_class",  # what they are is said
}
autodoc_typehints_format = "short"
maximum_signature_line_length = 80
add_module_names = False
default_role = "py:obj"
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Shape", "Reference", "Source", "Sources"]

# the looks
html_theme = "furo"
html_title = "hf-lmcourse"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_root"]
html_copy_source = False
html_show_copyright = False
copybutton_prompt_text = "$ "
