//! How the servers under test are set up: one worker, kept connections, no access log, the same room.
//!
//! nginx without `tcp_nopush`: with it one answer in fifty waits 40 ms for a delayed acknowledgement on the loopback
//! device, and a hit costs a third more.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;

/// What a server may take for stored responses.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    pub memory_bytes: u64,
    /// `None`: memory only. nginx, which knows files only, has these in memory then.
    pub disk_bytes: Option<u64>,
}

/// Where a server runs and whom it asks.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub folder: &'a Path,
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    pub origin: SocketAddr,
    pub room: Room,
}

/// nginx without a disk budget: more than any benchmark in memory needs.
const FILES_IN_MEMORY: u64 = 4 << 30;

pub fn nginx(place: &Place<'_>, extra: &str) -> String {
    let Place { listen, origin, room, .. } = place;
    let folder = place.folder.display();
    let files = room.disk_bytes.unwrap_or(FILES_IN_MEMORY);
    format!(
        "user root;\ndaemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  keepalive_requests 1000000000;\n  {extra}\n  \
         client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n  fastcgi_temp_path {folder}/f;\n  \
         uwsgi_temp_path {folder}/u;\n  scgi_temp_path {folder}/s;\n  \
         proxy_cache_path {folder}/cache levels=1:2 keys_zone=cache:64m max_size={files} inactive=1d use_temp_path=off;\n  \
         upstream origin {{ server {origin}; keepalive 64; }}\n  \
         server {{\n    listen {listen};\n    location / {{\n      proxy_pass http://origin;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      proxy_cache cache;\n      \
         proxy_cache_lock on;\n      proxy_cache_revalidate on;\n      \
         add_header X-Cache-Status $upstream_cache_status always;\n    }}\n  }}\n}}\n"
    )
}

pub fn forebay(place: &Place<'_>, route: &str) -> String {
    let Place { listen, admin, origin, room, .. } = place;
    let disk = room.disk_bytes.map(|bytes| format!("[cache.disk]\npath = \"cache\"\nsize = {bytes}\n"));
    format!(
        "[node]\nname = \"bench\"\nworkers = 1\n[[listener]]\naddress = \"{listen}\"\n\
         [admin]\naddress = \"{admin}\"\n[log]\nlevel = \"warn\"\naccess = \"off\"\n\
         [cache]\nmemory = {}\n{}[origins.bench]\nservers = [\"http://{origin}\"]\n\
         [[route]]\nhost = \"*\"\npath = \"/\"\norigin = \"bench\"\n{route}",
        room.memory_bytes,
        disk.unwrap_or_default(),
    )
}

/// Its configuration is a folder of files: writes them all but the one with its settings, and returns that.
pub fn traffic_server(place: &Place<'_>) -> Result<String> {
    let write = |name: &str, text: &str| fs::write(place.folder.join(name), text);
    let folder = place.folder.display();
    let Place { listen, origin, room, .. } = place;
    let own = ["prefix", "sysconfdir", "logdir", "runtimedir", "cachedir"].map(|name| format!("{name}: {folder}\n"));
    let system = "bindir: /usr/bin\nlibdir: /usr/lib/trafficserver\nplugindir: /usr/lib/trafficserver/modules\n";
    write("runroot.yaml", &(own.concat() + system))?;
    write("remap.config", &format!("map http://bench.example/ http://{origin}/\n"))?;
    write("storage.config", &format!("{folder} {}\n", room.disk_bytes.unwrap_or(FILES_IN_MEMORY)))?;
    write("ip_allow.yaml", "ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.1, action: allow, methods: ALL}\n")?;
    for empty in ["plugin", "ssl_multicert", "cache", "hosting", "volume", "parent", "splitdns", "socks"] {
        write(&format!("{empty}.config"), "")?;
    }
    let settings = [
        ("http.server_ports STRING", format!("{}:ip-in={}", listen.port(), listen.ip())),
        ("admin.user_id STRING", "#-1".to_owned()),
        ("log.logging_enabled INT", "0".to_owned()),
        ("exec_thread.autoconfig INT", "0".to_owned()),
        ("exec_thread.limit INT", "1".to_owned()),
        ("cache.ram_cache.size INT", room.memory_bytes.to_string()),
        ("http.negative_caching_enabled INT", "1".to_owned()),
        // By default every client is given what is stored for another Accept-Encoding, where it has no Content-Encoding.
        ("http.normalize_ae INT", "0".to_owned()),
        ("http.cache.ignore_accept_encoding_mismatch INT", "0".to_owned()),
        // Cache codes in Via.
        ("http.insert_response_via_str INT", "3".to_owned()),
    ];
    Ok(settings.map(|(name, value)| format!("CONFIG proxy.config.{name} {value}\n")).concat())
}
