"""
Many local model servers behind one port, started and swapped on demand.
"""

from __future__ import annotations

__version__ = "0.1.0"
