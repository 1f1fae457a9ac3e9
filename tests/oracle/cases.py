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
    # Sent in one chunk, with these behind it.
    trailers: list = field(default_factory=list)

    def wire(self):
        fields = [("Host", "test.example"), *self.fields]
        body = self.body
        if self.trailers:
            fields.append(("Transfer-Encoding", "chunked"))
            body = b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, lines(self.trailers))
        elif body:
            fields.append(("Content-Length", str(len(body))))
        fields.append(("Connection", "close"))
        return f"{self.method} {self.target} HTTP/1.1\r\n".encode() + lines(fields) + b"\r\n" + body


def lines(fields):
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode()


GREETINGS = [
    Ask("plain"),
    Ask("with secrets", fields=[("X-Secret", "1"), ("User-Agent", "curl"), ("X-Guest", "client")]),
    Ask("post", method="POST", body=b"hello"),
    Ask("missing", target="/missing"),
    Ask("refused", fields=[("X-Refuse", "1")]),
]
EDITS = ("hold", "replace", "prepend", "append", "empty", "reply")
CALLS = ("one", "two", "again", "unknown", "closed", "missing", "incomplete", "response", "reply", "done", "trailers")
CLOSES = ("close", "close the response")
GRPC = ("stream", "call", "send", "cancel", "close")
WAITS = [Ask(f"{message} waits", fields=[("X-Wait", message)]) for message in ("request", "response")]
SUM = [("X-Sum", "5"), ("X-Secret", "s")]
TWICE = [("X-Twice", "one"), ("X-Twice", "two"), ("X-Empty", ""), ("Referer", "http://from.example/")]

ARMS = '{"name":"cart","arms":[{"name":"old","weight":3},{"name":"new","weight":1}]}'
PHONE = [("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148")]

# Module, settings, requests. A module with a folder is one of this repository's filters; those here speak to the cache,
# which is to do no harm in Envoy.
CASES = [
    *((guest, "some settings", GREETINGS) for guest in ("rust", "as-solo", "as-gcore", "go", "cpp")),
    ("rust-old", "some settings", [*GREETINGS, *WAITS]),
    (
        "rust",
        "bodies",
        [
            *(Ask(edit, method="POST", body=b"hello", fields=[("X-Body", edit)]) for edit in EDITS),
            *(Ask(f"{edit} of nothing", fields=[("X-Body", edit)]) for edit in EDITS),
            Ask("untouched", method="POST", body=b"hello"),
        ],
    ),
    (
        "rust",
        "calls",
        [
            *(Ask(call, fields=[("X-Call", call)]) for call in (*CALLS, *CLOSES)),
            Ask("none"),
        ],
    ),
    ("rust", "clockwork", [Ask("after the ticks")]),
    ("rust", "commons", [Ask("first", fields=[("X-Key", "a")]), Ask("second", fields=[("X-Key", "a")])]),
    (
        "rust",
        "lacking",
        [
            Ask("plain"),
            *(Ask(f"grpc {call}", fields=[("X-Grpc", call)]) for call in GRPC),
            Ask("reply", fields=[("X-Grpc", "reply")]),
        ],
    ),
    (
        "rust",
        "trailers",
        [
            Ask("sent", method="POST", body=b"hello", trailers=SUM),
            Ask("announced", method="POST", body=b"hello", trailers=SUM, fields=[("Trailer", "X-Sum, X-Secret, X-Added")]),
            Ask("answered", target="/trailers", fields=[("TE", "trailers")]),
            Ask("none", method="POST", body=b"hello"),
        ],
    ),
    ("rust", "notebook", [Ask("plain"), Ask("post", method="POST", body=b"hello"), Ask("missing", target="/missing")]),
    ("rust", "repeated", [Ask("twice", fields=TWICE)]),
    ("rust", "metrics", [Ask("first"), Ask("second")]),
    ("rust", "properties", [Ask("get", fields=TWICE), Ask("post", method="POST", body=b"hello")]),
    (
        "rust",
        "turnstile",
        [*(Ask(way, fields=[("X-Way", way)]) for way in ("on", "reply", "close")), Ask("none")],
    ),
    ("sdk", "", [Ask(name, target=f"/{name}?utm=1&a=b") for name in ("cached", "emptied", "other")]),
    ("filters/dist/query-normalise", '{"drop":["utm_*"]}', [Ask("dropped", target="/page?utm_source=a&b=1")]),
    ("filters/dist/device", "{}", [Ask("phone", fields=PHONE), Ask("unknown")]),
    ("filters/dist/ab-test", ARMS, [Ask("arm", fields=[("Cookie", "ab_cart=old")])]),
    ("rust", "rash", [Ask("before"), Ask("panics", fields=[("X-Panic", "request")]), Ask("after")]),
]
