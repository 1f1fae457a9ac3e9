"""REDbot against the responses that leave the node: nothing it warns of may come from the node.

Called by scripts/redbot with the program's path. Starts an origin and the node on loopback ports of the system's choice,
has REDbot fetch and probe each address below (validation, ranges, content negotiation), and prints what it complains of.
The origin's own answers are plain and right, so that every complaint is about the node. Exit code 1 if there is any.
"""

import re
import subprocess
import sys
import tempfile
import threading
from configparser import ConfigParser
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import thor
from httplint.note import levels
from redbot.resource import HttpResource
from redbot.resource.fetch import RedFetcher, RedHttpClient

PATIENCE = 20
TEXT = b"The pool above the wheel is called a forebay.\n" * 100
COMMON = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
VALIDATORS = {"ETag": '"1"', "Last-Modified": formatdate(1_700_000_000, usegmt=True)}
FRESH = {"Cache-Control": "max-age=3600"}

# What the origin answers, by path: status, fields, body. A body of None closes the connection instead.
ANSWERS = {
    "/site/fresh": (200, COMMON | VALIDATORS | FRESH, TEXT),
    "/site/tagged": (200, COMMON | {"ETag": '"2"'} | FRESH, TEXT),
    "/site/varied": (200, COMMON | VALIDATORS | FRESH | {"Vary": "Accept-Encoding"}, TEXT),
    "/site/checked": (200, COMMON | VALIDATORS | {"Cache-Control": "no-cache"}, TEXT),
    "/site/private": (200, COMMON | {"Cache-Control": "no-store"}, TEXT),
    "/site/short": (200, COMMON | FRESH, b"short\n"),
    "/site/missing": (404, COMMON | FRESH, b"not here\n"),
    "/site/moved": (301, COMMON | FRESH | {"Location": "/site/fresh"}, b"over there\n"),
    "/site/empty": (204, {"Cache-Control": "no-store"}, b""),
    "/site/hinted": (200, COMMON | FRESH, TEXT),
    "/coded/miss": (200, COMMON | {"ETag": '"4"'} | FRESH, TEXT),
    "/coded/page": (200, COMMON | {"ETag": '"3"'} | FRESH, TEXT),
    "/site/broken": (200, COMMON, None),
    "/wrong": (200, {"Cache-Control": "max-age=soon", "Age": "old"}, b"wrong"),
}

# What REDbot is sent for: name, method, path, request fields. In this order: the second visit of an address is a hit.
VISITS = [
    ("miss", "GET", "/site/fresh", {}),
    ("hit", "GET", "/site/fresh", {}),
    ("hit without a date of change", "GET", "/site/tagged", {}),
    ("head of a hit", "HEAD", "/site/fresh", {}),
    ("head of a miss", "HEAD", "/site/short", {}),
    ("not modified", "GET", "/site/fresh", {"If-None-Match": '"1"'}),
    ("one part", "GET", "/site/fresh", {"Range": "bytes=0-9"}),
    ("two parts", "GET", "/site/fresh", {"Range": "bytes=0-9, 20-29"}),
    ("no such part", "GET", "/site/fresh", {"Range": "bytes=1000000-"}),
    ("varied miss", "GET", "/site/varied", {}),
    ("varied hit", "GET", "/site/varied", {}),
    ("checked", "GET", "/site/checked", {}),
    ("checked again", "GET", "/site/checked", {}),
    ("passed", "GET", "/site/private", {}),
    ("missing", "GET", "/site/missing", {}),
    ("missing, a hit", "GET", "/site/missing", {}),
    ("moved", "GET", "/site/moved", {}),
    ("moved, a hit", "GET", "/site/moved", {}),
    ("no content", "GET", "/site/empty", {}),
    ("early hints", "GET", "/site/hinted", {}),
    ("compressed miss", "GET", "/coded/miss", {"Accept-Encoding": "gzip"}),
    ("prepared for compression", "GET", "/coded/page", {"Accept-Encoding": "gzip"}),
    ("compressed hit", "GET", "/coded/page", {"Accept-Encoding": "gzip"}),
    ("compressed hit not modified", "GET", "/coded/page", {"Accept-Encoding": "gzip", "If-None-Match": 'W/"3"'}),
    ("head of a compressed hit", "HEAD", "/coded/page", {"Accept-Encoding": "gzip"}),
    ("purged", "PURGE", "/site/fresh", {}),
    ("not purged", "PURGE", "/site/fresh", {"Surrogate-Key": "a"}),
    ("a form", "POST", "/site/private", {}),
    ("an origin that hangs up", "GET", "/site/broken", {}),
    ("no route", "GET", "/elsewhere", {}),
    ("only if cached", "GET", "/site/unknown", {"Cache-Control": "only-if-cached"}),
    ("trace", "TRACE", "/site/fresh", {}),
]

# The same at the operator's door.
ADMIN_VISITS = [
    ("explanation", "GET", "/v1/explain?url=http://a.example/site/fresh", {}),
    ("explanation to read", "GET", "/v1/explain?url=http://a.example/site/fresh", {"Accept": "text/plain"}),
    ("a bad question", "GET", "/v1/explain?url=nonsense", {}),
    ("metrics", "GET", "/metrics", {}),
]

# Notes that are wrong, by visit and by their REDbot name, and why.
ARGUED = {
    # RFC 9110 section 15.3.7.2: a multipart response must not have the field in its head; each part has its own.
    ("two parts", "PARTIAL_WITHOUT_RANGE"),
    # RFC 9110 section 6.6.1: an interim response may have a date; the origin's had none, and nothing is stored by it.
    ("early hints", "DATE_CLOCKLESS"),
    # It is meant to be one.
    ("a bad question", "STATUS_BAD_REQUEST"),
}


class Origin(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        status, fields, body = ANSWERS.get(self.path, (404, COMMON, b"no such path\n"))
        if body is None:
            self.close_connection = True
            return
        if self.path.endswith("/hinted"):
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n")
        if self.headers.get("If-None-Match") == fields.get("ETag") is not None:
            status, body = 304, b""
        self.send_response_only(status)
        self.send_header("Date", formatdate(usegmt=True))
        for name, value in fields.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = answer

    def log_message(self, *_):
        pass


def start_origin():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class Node:
    """The program in front of the origin, for as long as the `with` lasts."""

    def __init__(self, program, origin):
        self.folder = tempfile.TemporaryDirectory()
        config = Path(self.folder.name) / "edge.toml"
        config.write_text(
            '[node]\nname = "edge-1"\n[log]\naccess = "off"\n[[listener]]\naddress = "127.0.0.1:0"\n'
            'purge_from = ["127.0.0.1"]\n'
            f'[admin]\naddress = "127.0.0.1:0"\n[origins.site]\nservers = ["http://127.0.0.1:{origin}"]\n'
            '[[route]]\nhost = "*"\npath = "/site"\norigin = "site"\n'
            '[[route]]\nhost = "*"\npath = "/coded"\norigin = "site"\n[route.compression]\ncodings = ["gzip"]\n'
        )
        command = [program, "run", "-c", str(config)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def __enter__(self):
        late = threading.Timer(PATIENCE, self.process.kill)
        late.start()
        front = None
        for line in self.process.stderr:
            front = front or re.search(r"serves (http://127\.0\.0\.1:\d+)", line)
            door = re.search(r"at (http://127\.0\.0\.1:\d+)/metrics", line)
            if front and door:
                late.cancel()
                return front[1], door[1]
        late.cancel()
        raise SystemExit("the node did not start")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def visit(base, method, path, fields):
    """Has REDbot look at one address, with all its probes."""
    # Connections that an earlier run of its loop kept are dead to a later one.
    RedFetcher.client = RedHttpClient()
    config = ConfigParser()
    config.read_dict({"redbot": {"enable_local_access": "True"}})
    resource = HttpResource(config["redbot"])
    resource.set_request(base + path, method, list(fields.items()))

    @thor.events.on(resource)
    def check_done():
        thor.stop()

    resource.check()
    if not resource.check_done:
        thor.run()
    return resource


def complaints(name, resource):
    """What REDbot warns of: about the response, what came before it, and the answers to its probes."""
    looked_at = [("", resource.response), *(("interim", early) for early in resource.nonfinal_responses)]
    looked_at += [(probe, asked.response) for probe, asked in resource.subreqs.items()]
    if resource.fetch_error:
        yield f"{resource.fetch_error.desc} {resource.fetch_error.detail or ''}"
    if name == "early hints" and not resource.nonfinal_responses:
        yield "no early hints came"
    sent = {name.lower(): value.strip() for name, value in resource.response.headers.text}
    coded = sent.get("content-encoding") == "gzip" or resource.response.status_code != 200
    if name.startswith("compressed") and not coded:
        yield f"not compressed: {sent}"
    for part, response in looked_at:
        for note in response.notes:
            for one in [note, *getattr(note, "subnotes", [])]:
                kind = type(one).__name__
                if one.level in (levels.WARN, levels.BAD) and (name, kind) not in ARGUED:
                    yield f"{part} {kind} ({one.level.name}, {one.subject}): {one.summary}".strip()


def main():
    origin = start_origin()
    if not any(complaints("", visit(f"http://127.0.0.1:{origin}", "GET", "/wrong", {}))):
        raise SystemExit("REDbot finds nothing wrong with a response that is wrong")
    found = 0
    with Node(sys.argv[1], origin) as (base, door):
        visits = [(base, *one) for one in VISITS] + [(door, *one) for one in ADMIN_VISITS]
        for base, name, method, path, fields in visits:
            resource = visit(base, method, path, fields)
            status = resource.response.status_code
            for complaint in sorted(set(complaints(name, resource))):
                found += 1
                print(f"{name} ({status}): {complaint}")
    print(f"{len(visits)} addresses, {found} complaints")
    sys.exit(1 if found else 0)


main()
