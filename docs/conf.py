"""Sphinx settings: MyST pages, nitpicky; warnings are errors in `make docs`."""

project = "dosong"
author = "the dosong developers"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "dosong"
nitpicky = True
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
