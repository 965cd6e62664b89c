"""
Tells of the planners that we bring along, as other packages tell of theirs.
"""

from __future__ import annotations

from llamaswap_tw.planners import GroupPlannerFactory, MatrixPlannerFactory

group = GroupPlannerFactory()
matrix = MatrixPlannerFactory()
