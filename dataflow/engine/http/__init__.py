"""The engine over HTTP: the wire protocol of Amazon SWF, on Unix sockets and TCP.

``app`` is the ASGI application: it reads a request, asks the ``gates`` who sends it, and hands it
to the service; ``exchange`` brings the answer back to the event loop, ``answers`` says how it
looks. ``connections`` is what one connection may take, ``sockets`` where the server listens,
``server`` how it begins and ends. None of them decides anything about workflows.
"""
