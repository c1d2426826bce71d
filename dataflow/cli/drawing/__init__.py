"""Pictures of an execution, as texts: rows come in, and nobody here asks where it is printed.

A picture is a function of its rows: the same rows give the same bytes. Names come from users, and
are escaped in the way of each format.
"""
