"""Envoy as the oracle: the same modules and requests in both, and every difference accounted for.

Called by scripts/envoy-oracle with Forebay's program, Envoy's and the folder of the built guests. Prints differences
without a row in docs/differences-to-envoy.md, and rows without a difference; exit code 1 if there is either.
"""

import fnmatch
import http.client
import re
import socket
import sys
import time
from pathlib import Path

from cases import CASES
from origin import Origin
from proxies import Envoy, Forebay

TABLE = Path("docs/differences-to-envoy.md")
# What each proxy adds on its own account, whatever a filter does.
OWN_REQUEST = {"via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "cdn-loop", "connection"}
OWN_REQUEST |= {"surrogate-capability", "x-request-id", "x-envoy-internal", "x-envoy-expected-rq-timeout-ms"}
OWN_RESPONSE = {"date", "via", "age", "cache-status", "connection", "x-request-id", "proxy-status", "transfer-encoding"}
# Log lines that are facts of their own begin so.
APART = ("property ", "header ", "body ", "shared ", "queue ", "lacking ", "trailer ")


def ask(port, request):
    """The response to one request; a connection that closes without any has the status 0."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as stream:
        stream.sendall(request.wire())
        response = http.client.HTTPResponse(stream, method=request.method)
        try:
            response.begin()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return 0, [], ""
        fields = [(name.lower(), value) for name, value in response.getheaders()]
        return response.status, fields, response.read().decode()


def by_name(fields, without):
    """Values of each field in their order."""
    values = {}
    for name, value in fields:
        if name not in without:
            values.setdefault(name, []).append(value)
    return values


def run(proxy, origin, requests):
    """What is to be the same, as facts by name."""
    facts = told("start", settled(proxy))
    # What guests asked for by themselves.
    facts["start: requests at the origin"] = [one["line"] for one in origin.take()]
    for request in requests:
        before = len(proxy.said())
        status, fields, body = ask(proxy.port, request)
        facts[f"{request.name}: status"] = status
        facts[f"{request.name}: body"] = body
        for name, values in by_name(fields, OWN_RESPONSE).items():
            facts[f"{request.name}: response {name}"] = values
        facts |= told(request.name, settled(proxy)[before:])
        # Calls that are in flight at the same time come in any order.
        seen = sorted(origin.take(), key=lambda one: one["line"])
        facts[f"{request.name}: requests at the origin"] = [one["line"] for one in seen]
        for one in seen:
            place = f"{request.name}: call" if "/call" in one["line"] else f"{request.name}: origin"
            facts[f"{place} body"] = one["body"]
            facts[f"{place} trailers"] = one["trailers"]
            for name, values in by_name(one["fields"], OWN_REQUEST).items():
                facts[f"{place} {name}"] = values
    return facts


def settled(proxy):
    """What guests said, once they say no more: the last callbacks come after the response."""
    last, since = proxy.said(), time.monotonic()
    while time.monotonic() - since < 0.15:
        time.sleep(0.02)
        if (said := proxy.said()) != last:
            last, since = said, time.monotonic()
    return last


def told(request, lines):
    """Lines `KEY: VALUE` are facts of their own, so that one that differs does not hide the others."""
    facts, rest = {}, []
    for line in lines:
        key, colon, value = line.partition(": ")
        if colon and key.startswith(APART):
            facts[f"{request}: {key}"] = value
        else:
            rest.append(line)
    facts[f"{request}: log"] = rest
    return facts


def rows():
    """Patterns of the facts that may differ: the first column of the table."""
    found = re.findall(r"^\| `([^`]+)` \|", TABLE.read_text(), re.MULTILINE)
    return dict.fromkeys(found, 0)


def main(forebay, envoy, guests):
    origin, known, unknown, facts_seen = Origin(), rows(), [], 0
    for guest, settings, requests in CASES:
        module = Path("" if "/" in guest else guests) / f"{guest}.wasm"
        if not module.exists():
            print(f"skipped: {guest} was not built")
            continue
        found = []
        for kind, program in ((Envoy, envoy), (Forebay, forebay)):
            proxy = kind(program, module.resolve(), settings, origin)
            try:
                found.append(run(proxy, origin, requests))
            finally:
                proxy.stop()
        theirs, ours = found
        facts_seen += len(theirs | ours)
        for fact in sorted(theirs | ours):
            if theirs.get(fact) == ours.get(fact):
                continue
            name = f"{guest} {settings}: {fact}"
            row = next((pattern for pattern in known if fnmatch.fnmatchcase(name, pattern)), None)
            if row:
                known[row] += 1
            else:
                unknown.append(f"{name}\n    Envoy:   {theirs.get(fact)}\n    Forebay: {ours.get(fact)}")
    print(f"{facts_seen} facts compared, {sum(known.values())} differences with a reason, {len(unknown)} without")
    for line in unknown:
        print(line)
    idle = [pattern for pattern, count in known.items() if count == 0]
    for pattern in idle:
        print(f"no such difference any more: {pattern}")
    return 1 if unknown or idle else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
