"""
Names → models; who waits, who is served, and what must stop for it.
"""
