// The origin that the suite brings, on a free port of the loopback interface.
//
// The suite's own server listens on every interface and takes its settings from npm's variables. Prints its address as
// `Listening on http://127.0.0.1:PORT/` once it listens.

import net from 'node:net'

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function () {
  return listen.call(this, 0, '127.0.0.1')
}

process.env.npm_config_protocol = 'http'
process.env.npm_config_port = '0'
process.env.npm_config_pidfile = '/dev/null'
await import('http-cache-tests/server/server.mjs')
