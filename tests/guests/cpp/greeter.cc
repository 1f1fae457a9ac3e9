// The greeter in C++, with the part of proxy-wasm that it needs by hand: a compiler, wasi-libc and no SDK. C++'s own library is left
// out, as building it would take most of a minute.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(name) extern "C" __attribute__((import_module("env"), import_name(#name)))
#define EXPORT(name) extern "C" __attribute__((export_name(#name)))

IMPORT(proxy_log) uint32_t proxy_log(uint32_t level, const char *text, size_t length);
IMPORT(proxy_get_buffer_bytes)
uint32_t proxy_get_buffer_bytes(uint32_t buffer, uint32_t start, uint32_t length, char **data, size_t *size);
IMPORT(proxy_get_header_map_value)
uint32_t proxy_get_header_map_value(uint32_t map, const char *name, size_t name_length, char **value, size_t *size);
IMPORT(proxy_add_header_map_value)
uint32_t proxy_add_header_map_value(uint32_t map, const char *name, size_t name_length, const char *value, size_t length);
IMPORT(proxy_replace_header_map_value)
uint32_t proxy_replace_header_map_value(uint32_t map, const char *name, size_t name_length, const char *value,
                                        size_t length);
IMPORT(proxy_remove_header_map_value)
uint32_t proxy_remove_header_map_value(uint32_t map, const char *name, size_t name_length);
IMPORT(proxy_send_local_response)
uint32_t proxy_send_local_response(uint32_t status, const char *details, size_t details_length, const char *body,
                                   size_t body_length, const char *headers, size_t headers_length, int32_t grpc);

namespace {

enum Map : uint32_t { request = 0, response = 2 };
enum Action : uint32_t { go_on = 0, pause = 1 };
constexpr uint32_t plugin_settings = 7, level_info = 2;

// Bytes that belong to something else.
struct View {
    const char *at = nullptr;
    size_t length = 0;

    constexpr View(const char *at, size_t length) : at(at), length(length) {}
    template <size_t Size> constexpr View(const char (&text)[Size]) : at(text), length(Size - 1) {}
    constexpr const char *data() const { return at; }
    constexpr size_t size() const { return length; }
};

constexpr View name = "cpp";
View configured = "";

// Memory that the host had the guest allocate.
class Text {
public:
    ~Text() { free(data_); }
    char **data() { return &data_; }
    size_t *size() { return &size_; }
    View view() const { return {data_, size_}; }
    // Gives the memory up to whoever keeps it for ever.
    View keep() {
        const View kept = view();
        data_ = nullptr;
        return kept;
    }

private:
    char *data_ = nullptr;
    size_t size_ = 0;
};

bool header(Map map, View key, Text &value) {
    return proxy_get_header_map_value(map, key.data(), key.size(), value.data(), value.size()) == 0;
}

void add(Map map, View key, View value) {
    proxy_add_header_map_value(map, key.data(), key.size(), value.data(), value.size());
}

void set(Map map, View key, View value) {
    proxy_replace_header_map_value(map, key.data(), key.size(), value.data(), value.size());
}

void remove(Map map, View key) { proxy_remove_header_map_value(map, key.data(), key.size()); }

// One pair in the form in which whole maps are handed over.
template <size_t KeySize, size_t ValueSize> struct OnePair {
    uint32_t count = 1, key_size = KeySize - 1, value_size = ValueSize - 1;
    char text[KeySize + ValueSize];

    OnePair(const char (&key)[KeySize], const char (&value)[ValueSize]) {
        memcpy(text, key, KeySize);
        memcpy(text + KeySize, value, ValueSize);
    }
    size_t size() const { return offsetof(OnePair, text) + sizeof text; }
};

void log_seen(View path) {
    constexpr View saw = "cpp saw ";
    char *line = static_cast<char *>(malloc(saw.size() + path.size()));
    memcpy(line, saw.data(), saw.size());
    memcpy(line + saw.size(), path.data(), path.size());
    proxy_log(level_info, line, saw.size() + path.size());
    free(line);
}

} // namespace

EXPORT(malloc) void *exported_malloc(size_t size) { return malloc(size); }

EXPORT(proxy_abi_version_0_2_1) void abi_version() {}

EXPORT(proxy_on_configure) uint32_t on_configure(uint32_t, uint32_t) {
    Text text;
    if (proxy_get_buffer_bytes(plugin_settings, 0, 1 << 20, text.data(), text.size()) == 0) configured = text.keep();
    return 1;
}

EXPORT(proxy_on_request_headers) uint32_t on_request_headers(uint32_t, uint32_t, uint32_t) {
    Text asked, path;
    if (header(request, "x-refuse", asked)) {
        constexpr View body = "refused";
        const OnePair headers("x-refused-by", "cpp");
        proxy_send_local_response(403, "", 0, body.data(), body.size(), reinterpret_cast<const char *>(&headers),
                                  headers.size(), -1);
        return pause;
    }
    header(request, ":path", path);
    set(request, "x-guest-path", path.view());
    add(request, "x-guest", name);
    set(request, "user-agent", name);
    remove(request, "x-secret");
    log_seen(path.view());
    return go_on;
}

EXPORT(proxy_on_response_headers) uint32_t on_response_headers(uint32_t, uint32_t, uint32_t) {
    add(response, "x-guest", name);
    add(response, "x-guest-settings", configured);
    remove(response, "server");
    return go_on;
}
