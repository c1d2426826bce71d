"""A server that does what a test says: it answers, hangs up, says something odd."""

import socket
import threading
from contextlib import suppress

from dataflow.protocol import faults


class ScriptedServer:
    """Listens on a Unix socket. Each request is dealt with by the next act."""

    def __init__(self, path, *acts):
        self.url = f"unix:{path}"
        self._acts = list(acts)
        self.requests = []
        self.connections = 0
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._open = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as file:
            while True:
                request = read_request(file)
                if request is None:
                    return
                self.requests.append(request)
                act = self._acts.pop(0)
                if act(connection) is HANG_UP:
                    # Whoever has read all that was sent would not see a reset, but an end.
                    connection.shutdown(socket.SHUT_RDWR)
                    return

    @property
    def operations(self):
        return [request.operation for request in self.requests]

    def close(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(20)
        assert self._acts == [], "acts that were never asked for"


class Request:
    def __init__(self, head, body):
        first, *lines = head.decode("latin-1").split("\r\n")
        self.first = first
        self.headers = dict(line.split(": ", 1) for line in lines)
        self.body = body

    @property
    def operation(self):
        return self.headers["x-amz-target"].partition(".")[2]


def read_request(file):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline()
        if not line:
            return None
        head += line
    found = Request(head[:-4], b"")
    found.body = file.read(int(found.headers["content-length"]))
    return found


#: What an act returns after which nothing more comes.
HANG_UP = object()


def hang_up(_):
    return HANG_UP


def says(text, *, then=None):
    """Send these bytes."""

    def act(connection):
        connection.sendall(text)
        return then

    return act


def answers(body=b"{}", status=200, headers=(), then=None):
    """An answer, in one piece."""
    lines = [f"HTTP/1.1 {status} So", f"Content-Length: {len(body)}", *headers]
    return says("\r\n".join(lines).encode() + b"\r\n\r\n" + body, then=then)


def refuses(fault):
    body = b'{"__type": "%b", "message": "%b"}' % (
        fault.wire_type.encode(),
        fault.message.encode(),
    )
    return answers(body, fault.status)


def busy():
    return refuses(faults.ServiceUnavailable("the server is stopping"))
