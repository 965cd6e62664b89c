"""
Tells of the planner: an instance of its factory, under any name.
"""

from recent_planner import RecentPlannerFactory

recent = RecentPlannerFactory()
