"""
Requests up to a model's server, and its answers back.
"""
