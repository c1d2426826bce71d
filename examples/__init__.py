"""Workflows that show what dataflow does; each begins with the command that runs it."""
