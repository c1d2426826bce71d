"""Who may come in, and what he may do.

A request that comes over TCP is signed with a key (`signature`), a captured one cannot be sent
again (`replays`), the keys are in a file (`keys`), and the role of a key says what it is good for
(`roles`). `admission` is all of it at one door. Nothing here knows of HTTP servers or the engine.
"""
