"""The origin of both proxies, and of what guests ask by themselves: answers by path, and remembers what it saw."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FIELDS = [
    ("Content-Type", "text/plain"),
    ("Server", "secret/1.0"),
    ("Set-Cookie", "a=1"),
    ("Set-Cookie", "b=2"),
    ("X-Gone", "1"),
]


class Origin(ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def handle_error(self, request, client_address):
        """A proxy whose filter closes the exchange breaks its connection off."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def take(self):
        """What was seen since the last time."""
        seen, self.seen = self.seen, []
        return seen


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def answer(self):
        body, trailers = self.message()
        fields = [(name.lower(), value) for name, value in self.headers.items()]
        line = f"{self.command} {self.path}"
        self.server.seen.append({"line": line, "fields": fields, "body": body.decode(), "trailers": trailers})
        self.send_response_only(404 if self.path.startswith("/missing") else 200)
        for name, value in FIELDS:
            self.send_header(name, value)
        content = f"answer to {self.path}".encode() if self.path.startswith("/call") else b"good"
        if self.path.startswith("/trailers"):
            self.send_header("Trailer", "X-Sum")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n0\r\nX-Sum: 4\r\n\r\n" % (len(content), content))
        else:
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def message(self):
        """The body of a request, and its trailers."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0))), []
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        trailers = []
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            trailers.append((name.lower(), value.strip()))
        return body, trailers

    def log_message(self, *_arguments):
        pass
