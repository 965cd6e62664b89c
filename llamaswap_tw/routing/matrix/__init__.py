"""
Sets of models that may run together, written as expressions.
"""
