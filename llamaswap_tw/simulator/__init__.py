"""
A model server that pretends; it knows nothing of the rest.
"""
