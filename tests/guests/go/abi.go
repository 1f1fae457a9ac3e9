// The part of proxy-wasm that the greeter needs, by hand: Go's own toolchain, and no SDK.
package main

import "unsafe"

const (
	requestHeaders  = 0
	responseHeaders = 2
	pluginSettings  = 7
	levelInfo       = 2
	actionContinue  = 0
	actionPause     = 1
)

//go:wasmimport env proxy_log
func proxyLog(level uint32, text unsafe.Pointer, length uint32) uint32

//go:wasmimport env proxy_get_buffer_bytes
func proxyGetBufferBytes(buffer, start, length uint32, data, size unsafe.Pointer) uint32

//go:wasmimport env proxy_get_header_map_value
func proxyGetHeader(headers uint32, name unsafe.Pointer, nameLength uint32, value, size unsafe.Pointer) uint32

//go:wasmimport env proxy_add_header_map_value
func proxyAddHeader(headers uint32, name unsafe.Pointer, nameLength uint32, value unsafe.Pointer, length uint32) uint32

//go:wasmimport env proxy_replace_header_map_value
func proxySetHeader(headers uint32, name unsafe.Pointer, nameLength uint32, value unsafe.Pointer, length uint32) uint32

//go:wasmimport env proxy_remove_header_map_value
func proxyRemoveHeader(headers uint32, name unsafe.Pointer, nameLength uint32) uint32

//go:wasmimport env proxy_send_local_response
func proxyReply(status uint32, details unsafe.Pointer, detailsLength uint32, body unsafe.Pointer, bodyLength uint32,
	headers unsafe.Pointer, headersLength uint32, grpc int32) uint32

// What the host put into the guest's memory, kept from the collector until it is read.
var allocated = map[uint32][]byte{}

//go:wasmexport proxy_on_memory_allocate
func allocate(size uint32) uint32 {
	memory := make([]byte, max(size, 1))
	at := uint32(uintptr(unsafe.Pointer(&memory[0])))
	allocated[at] = memory
	return at
}

// take hands over what the host allocated.
func take(at, size uint32) string {
	text := string(allocated[at][:size])
	delete(allocated, at)
	return text
}

func pointer(text string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(text)), uint32(len(text))
}

func info(text string) {
	at, length := pointer(text)
	proxyLog(levelInfo, at, length)
}

func settings() string {
	var at, size uint32
	if proxyGetBufferBytes(pluginSettings, 0, 1<<20, unsafe.Pointer(&at), unsafe.Pointer(&size)) != 0 {
		return ""
	}
	return take(at, size)
}

func header(headers uint32, name string) (string, bool) {
	var at, size uint32
	nameAt, nameLength := pointer(name)
	if proxyGetHeader(headers, nameAt, nameLength, unsafe.Pointer(&at), unsafe.Pointer(&size)) != 0 {
		return "", false
	}
	return take(at, size), true
}

func addHeader(headers uint32, name, value string) {
	nameAt, nameLength := pointer(name)
	at, length := pointer(value)
	proxyAddHeader(headers, nameAt, nameLength, at, length)
}

func setHeader(headers uint32, name, value string) {
	nameAt, nameLength := pointer(name)
	at, length := pointer(value)
	proxySetHeader(headers, nameAt, nameLength, at, length)
}

func removeHeader(headers uint32, name string) {
	nameAt, nameLength := pointer(name)
	proxyRemoveHeader(headers, nameAt, nameLength)
}

// reply answers with one header of its own.
func reply(status uint32, body, name, value string) {
	pairs := []byte{1, 0, 0, 0, byte(len(name)), 0, 0, 0, byte(len(value)), 0, 0, 0}
	pairs = append(append(append(append(pairs, name...), 0), value...), 0)
	at, length := pointer(body)
	proxyReply(status, nil, 0, at, length, unsafe.Pointer(&pairs[0]), uint32(len(pairs)), -1)
}
