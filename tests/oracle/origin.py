"""The origin of both proxies: answers by path, and remembers the header sections it saw, in their order."""

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
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fields = [(name.lower(), value) for name, value in self.headers.items()]
        self.server.seen.append({"line": f"{self.command} {self.path}", "fields": fields, "body": body.decode()})
        self.send_response_only(404 if self.path.startswith("/missing") else 200)
        for name, value in FIELDS:
            self.send_header(name, value)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"good")

    def log_message(self, *_arguments):
        pass
