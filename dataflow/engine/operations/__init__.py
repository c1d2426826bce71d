"""What each of the 39 operations does, as functions of a `Call` and the request.

Each raises a `Fault` with nothing changed, or changes the state and answers. They are grouped by
what they are about: ``registrations``, ``executions``, ``tasks``, ``visibility``.
"""
