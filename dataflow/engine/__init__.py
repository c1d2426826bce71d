"""The embedded engine: the server's half of Amazon SWF.

It stores strings and knows nothing of workflows in Python, so it can serve deciders written in any
language.
"""
