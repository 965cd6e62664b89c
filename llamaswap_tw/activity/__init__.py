"""
What was asked of the models and what came of it.
"""
