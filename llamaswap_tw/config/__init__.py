"""
Files → one frozen configuration, or what is wrong with them.
"""
