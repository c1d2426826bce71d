"""moto's SWF and S3 as a server on loopback, which counts what each client gets and sends."""

import collections
import re
import threading
from contextlib import contextmanager

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

_KEY = re.compile(r"Credential=([^/]+)/")


class MeteredAmazon:
    """Who a client is, the key says that it signs with: any will do."""

    def __init__(self):
        self._app = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        #: Bytes of bodies, by key.
        self.got = collections.Counter()
        self.sent = collections.Counter()
        self._server = make_server("127.0.0.1", 0, self._answer, True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ, start_response):
        found = _KEY.search(environ.get("HTTP_AUTHORIZATION", ""))
        key = found[1] if found else ""
        body = list(self._app(environ, start_response))
        with self._lock:
            self.sent[key] += int(environ.get("CONTENT_LENGTH") or 0)
            self.got[key] += sum(map(len, body))
        return body


class _Quiet(WSGIRequestHandler):
    def log(self, *arguments):
        pass


@contextmanager
def metered_amazon():
    server = MeteredAmazon()
    try:
        yield server
    finally:
        server.stop()
