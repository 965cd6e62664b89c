"""
How Sphinx builds this documentation: ``sphinx-build -n -W docs OUTPUT``.
"""

project = "llamaswap-tw"
author = "the llamaswap-tw authors"
project_copyright = author
root_doc = "index"
html_theme = "alabaster"
html_theme_options = {
    "description": "Many local model servers behind one port",
    "page_width": "1060px",
}
# Words in ``single`` quotes are shown as they are typed.
smartquotes = False
