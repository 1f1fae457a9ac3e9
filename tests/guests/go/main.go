package main

const name = "go"

var configured string

func main() {}

//go:wasmexport proxy_abi_version_0_2_0
func abiVersion() {}

//go:wasmexport proxy_on_configure
func onConfigure(context, size uint32) uint32 {
	configured = settings()
	return 1
}

//go:wasmexport proxy_on_request_headers
func onRequestHeaders(context, count, end uint32) uint32 {
	if _, found := header(requestHeaders, "x-refuse"); found {
		reply(403, "refused", "x-refused-by", name)
		return actionPause
	}
	path, _ := header(requestHeaders, ":path")
	setHeader(requestHeaders, "x-guest-path", path)
	addHeader(requestHeaders, "x-guest", name)
	setHeader(requestHeaders, "user-agent", name)
	removeHeader(requestHeaders, "x-secret")
	info(name + " saw " + path)
	return actionContinue
}

//go:wasmexport proxy_on_response_headers
func onResponseHeaders(context, count, end uint32) uint32 {
	addHeader(responseHeaders, "x-guest", name)
	addHeader(responseHeaders, "x-guest-settings", configured)
	removeHeader(responseHeaders, "server")
	return actionContinue
}
