export * from "@PROXY@";
import {
  Context,
  FilterHeadersStatusValues,
  HeaderPair,
  LogLevelValues,
  RootContext,
  log,
  registerRootContext,
  send_local_response,
  stream_context,
} from "@SDK@";

// The greeter on AssemblyScript, for either SDK: scripts/build-guests writes the SDK's modules and the guest's name in.

const NAME = "@NAME@";

class Root extends RootContext {
  createContext(id: u32): Context {
    return new Greeter(id, this);
  }
}

class Greeter extends Context {
  constructor(id: u32, root: Root) {
    super(id, root);
  }

  onRequestHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    const request = stream_context.headers.request;
    if (request.get("x-refuse") != "") {
      const body = String.UTF8.encode("refused");
      send_local_response(403, "", body, [new HeaderPair(String.UTF8.encode("x-refused-by"), String.UTF8.encode(NAME))], 0);
      return FilterHeadersStatusValues.StopIteration;
    }
    const path = request.get(":path");
    request.replace("x-guest-path", path);
    request.add("x-guest", NAME);
    request.replace("user-agent", NAME);
    request.remove("x-secret");
    log(LogLevelValues.info, NAME + " saw " + path);
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    const response = stream_context.headers.response;
    response.add("x-guest", NAME);
    response.add("x-guest-settings", this.root_context.getConfiguration());
    response.remove("server");
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((id: u32) => {
  return new Root(id);
}, "");
