"""
Tells ``twistd`` about ``llamaswap``; the rest is imported when it is asked for.
"""

from __future__ import annotations

from twisted.application.service import ServiceMaker

llamaswap = ServiceMaker(
    "llamaswap",
    "llamaswap_tw.tap",
    "Many local model servers behind one port, started and swapped on demand.",
    "llamaswap",
)
