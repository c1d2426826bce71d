"""Read models: what there is to say of executions, as frozen rows.

All but `reading` is pure: rows from events, and from what a service has answered. Nothing here
prints or knows of commands, so that a command line and a web console can show the same.
"""
