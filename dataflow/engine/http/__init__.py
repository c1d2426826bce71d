"""The engine over HTTP: the wire protocol of Amazon SWF, on Unix sockets and TCP.

``app`` is the ASGI application, ``connections`` what one connection may take, ``sockets`` where
the server listens, ``server`` how it begins and ends. None of them decides anything about
workflows: a request is read, checked, handed to the service, and its answer is written.
"""
