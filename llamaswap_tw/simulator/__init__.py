"""
A model server that pretends; it knows nothing of the rest.

``python -m llamaswap_tw.simulator --port N`` looks like llama-server to its
clients.  It imports nothing of this project but its own package.
"""
