"""The guests, their settings, and the requests that go through each."""

from dataclasses import dataclass, field


@dataclass
class Ask:
    """One request on a connection of its own."""

    name: str
    target: str = "/page?q=1"
    fields: list = field(default_factory=list)
    method: str = "GET"
    body: bytes = b""

    def wire(self):
        fields = [("Host", "test.example"), *self.fields]
        if self.body:
            fields.append(("Content-Length", str(len(self.body))))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"{self.method} {self.target} HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode() + self.body


GREETINGS = [
    Ask("plain"),
    Ask("with secrets", fields=[("X-Secret", "1"), ("User-Agent", "curl"), ("X-Guest", "client")]),
    Ask("post", method="POST", body=b"hello"),
    Ask("missing", target="/missing"),
    Ask("refused", fields=[("X-Refuse", "1")]),
]
TWICE = [("X-Twice", "one"), ("X-Twice", "two"), ("X-Empty", ""), ("Referer", "http://from.example/")]

# Module, settings, requests.
CASES = [
    *((guest, "some settings", GREETINGS) for guest in ("rust", "rust-old", "as-solo", "as-gcore", "go", "cpp")),
    ("rust", "notebook", [Ask("plain"), Ask("post", method="POST", body=b"hello"), Ask("missing", target="/missing")]),
    ("rust", "repeated", [Ask("twice", fields=TWICE)]),
    ("rust", "metrics", [Ask("first"), Ask("second")]),
    ("rust", "properties", [Ask("get", fields=TWICE), Ask("post", method="POST", body=b"hello")]),
    ("rust", "rash", [Ask("before"), Ask("panics", fields=[("X-Panic", "request")]), Ask("after")]),
]
