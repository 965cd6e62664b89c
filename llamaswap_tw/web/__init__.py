"""
The face towards clients: the server channel and the routes.
"""
