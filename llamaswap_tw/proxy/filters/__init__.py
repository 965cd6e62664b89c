"""
What is changed in a request's body on its way up: the model's name, parameters
taken out, parameters set.  All else keeps its bytes.

Functions over bytes and files; whoever calls them decides about threads.
"""

from .body import BodyKind, kind_of, rewrite_body, rewrite_file
from .forms import rewrite_query
from .rules import NO_FILTERS, Filters, filters_of, filters_of_peer

__all__ = [
    "NO_FILTERS",
    "BodyKind",
    "Filters",
    "filters_of",
    "filters_of_peer",
    "kind_of",
    "rewrite_body",
    "rewrite_file",
    "rewrite_query",
]
