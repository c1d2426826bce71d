"""moto's S3 as a server on loopback, which can be told to answer otherwise."""

import threading
from contextlib import contextmanager

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

_BODY = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>{code}</Code><Message>as the test says</Message></Error>"""


class S3Server:
    """Answers as moto does, unless an answer was prepared."""

    def __init__(self):
        self._app = DomainDispatcherApplication(create_backend_app)
        self._prepared = []
        #: The requests, as ``PUT /bucket/key``.
        self.requests = []
        self.headers = []
        self._server = make_server("127.0.0.1", 0, self._answer, True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def refuse(self, status, code, *, times=1, method=None):
        """Answer the next requests (of this method) so."""
        self._prepared += [(method, status, _BODY.format(code=code).encode(), None)] * times

    def break_off(self):
        """Send half of the next answer."""
        self._prepared.append(("GET", "200 OK", b"half", "400"))

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ, start_response):
        method = environ["REQUEST_METHOD"]
        self.requests.append(f"{method} {environ['PATH_INFO']}")
        self.headers.append({k: v for k, v in environ.items() if k.startswith("HTTP_")})
        if self._prepared and self._prepared[0][0] in {None, method}:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            _, status, body, length = self._prepared.pop(0)
            start_response(
                status,
                [("Content-Type", "application/xml"), ("Content-Length", length or str(len(body)))],
            )
            return [b"" if method == "HEAD" else body]
        return self._app(environ, start_response)


class _Quiet(WSGIRequestHandler):
    def log(self, *arguments):
        pass


@contextmanager
def s3_server():
    server = S3Server()
    try:
        yield server
    finally:
        server.stop()
