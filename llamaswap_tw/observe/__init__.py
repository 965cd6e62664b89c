"""
What the daemon lets be seen of itself: logs now, measurements later.
"""
