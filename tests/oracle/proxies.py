"""Envoy and Forebay, started with one filter before one origin, and what the filter says in their logs."""

import json
import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE = 20
# Settings with which the guest's contexts work together, as all do in Envoy.
SHARED = ["turnstile"]
# Nobody listens here.
CLOSED = 1


class Proxy:
    """A running proxy. Its output goes to a file, which tells what guests said."""

    def __init__(self, command, config, suffix):
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        file = Path(self.folder.name) / f"config.{suffix}"
        file.write_text(config(self.port))
        self.output = Path(self.folder.name) / "output"
        with self.output.open("wb") as output:
            command = [*command, str(file)]
            self.process = subprocess.Popen(command, stdout=output, stderr=output, cwd=self.folder.name)
        try:
            self.wait_to_listen()
        except Exception:
            self.stop()
            raise

    def wait_to_listen(self):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(self.output.read_text(errors="replace"))
            try:
                return socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.02)
        raise TimeoutError("the proxy does not listen")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


class Forebay(Proxy):
    """Log lines: the guest's words come before ` filter=guest`. Of words with line breaks Envoy's log gives the first
    line away; so does this."""

    LINE = re.compile(r"forebay::guest: (.*?)(?:\\n.*?)? filter=guest")

    def __init__(self, program, module, settings, origin):
        def config(port):
            return (
                f'[node]\nname = "edge-1"\nworkers = 1\n[[listener]]\naddress = "127.0.0.1:{port}"\n'
                f'[admin]\naddress = "127.0.0.1:{free_port()}"\n[log]\naccess = "off"\n'
                f'[origins.site]\nservers = ["http://127.0.0.1:{origin.port}"]\n'
                f'[origins.closed]\nservers = ["http://127.0.0.1:{CLOSED}"]\n'
                f"[filters.guest]\nmodule = {json.dumps(str(module))}\nsettings = {json.dumps(settings)}\n"
                f'isolation = "{"shared" if settings in SHARED else "request"}"\n'
                f'[[route]]\norigin = "site"\nfilters = ["guest"]\n[route.cache]\nenabled = false\n'
            )

        super().__init__([program, "run", "-c"], config, "toml")

    def said(self):
        return self.LINE.findall(self.output.read_text(errors="replace"))


class Envoy(Proxy):
    """Log lines: `wasm log PLUGIN ROOT VM: words`."""

    LINE = re.compile(r"wasm log[^:]*: (.*)")

    def __init__(self, program, module, settings, origin):
        def config(port):
            return json.dumps(bootstrap(port, module, settings, origin))

        super().__init__([program, "--concurrency", "1", "-l", "info", "--use-dynamic-base-id", "-c"], config, "json")

    def said(self):
        return self.LINE.findall(self.output.read_text(errors="replace"))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def typed(name, **fields):
    return {"@type": f"type.googleapis.com/{name}", **fields}


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def bootstrap(port, module, settings, origin):
    """A plain proxy with one Wasm filter: nothing added to messages that can be left away."""
    wasm = typed(
        "envoy.extensions.filters.http.wasm.v3.Wasm",
        config={
            "name": "guest",
            "configuration": typed("google.protobuf.StringValue", value=settings),
            "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(module)}}},
        },
    )
    router = typed("envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True)
    manager = typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="front",
        generate_request_id=False,
        http_protocol_options={"enable_trailers": True},
        server_header_transformation="PASS_THROUGH",
        route_config={
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "site"}}]}
            ]
        },
        http_filters=[
            {"name": "guest", "typed_config": wasm},
            {"name": "envoy.filters.http.router", "typed_config": router},
        ],
    )
    chain = {"filters": [{"name": "manager", "typed_config": manager}]}
    clusters = [cluster("site", origin.port), cluster("closed", CLOSED)]
    listener = {"address": address(port), "filter_chains": [chain]}
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


def cluster(name, port):
    endpoint = {"endpoint": {"address": address(port)}}
    options = typed(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config={"http_protocol_options": {"enable_trailers": True}},
    )
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
    }
