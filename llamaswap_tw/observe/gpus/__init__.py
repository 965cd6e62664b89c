"""
What there is to know of GPUs, from whoever knows it on this machine.
"""
