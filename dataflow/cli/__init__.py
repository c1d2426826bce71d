"""The ``dataflow`` command: parse, call, print.

A shell around the package, with no rules of its own. Its modules import at the top only what
``dataflow --help`` needs; a command imports what it runs when it runs.
"""
