// How each cache is started: on a loopback port, in front of one origin, with everything it writes in one folder.
//
// Each has the plain configuration that its documentation gives for a caching reverse proxy. Varnish has the three settings
// that the suite's own recipe gives it: by default it keeps for two minutes what the origin gave no lifetime, and serves
// it stale for ten seconds, which many tests depend on.

import fs from 'node:fs'
import path from 'node:path'
import { execFileSync } from 'node:child_process'

/** `find` gives the program or nothing, `prepare` writes the configuration and gives the command to run. */
export const caches = {
  forebay: {
    title: 'Forebay',
    find: () => process.env.FOREBAY_BINARY,
    version: program => said(program, ['--version']),
    prepare (program, { folder, port, adminPort, origin }) {
      const file = path.join(folder, 'edge.toml')
      fs.writeFileSync(file, `[node]\nname = "edge-1"\n[log]\naccess = "off"
[[listener]]\naddress = "127.0.0.1:${port}"
[admin]\naddress = "127.0.0.1:${adminPort}"
[origins.suite]\nservers = ["http://${origin}"]
[[route]]\norigin = "suite"\n`)
      return [program, 'run', '-c', file]
    }
  },
  nginx: {
    title: 'nginx `proxy_cache`',
    find: () => installed('nginx'),
    version: program => said(program, ['-v']),
    prepare (program, { folder, port, origin }) {
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      const paths = temporary.map(name => `${name}_temp_path ${folder}/${name};`).join(' ')
      const file = path.join(folder, 'nginx.conf')
      fs.writeFileSync(file, `daemon off; master_process off; pid ${folder}/pid; events {}
http {
  ${paths} access_log off;
  proxy_cache_path ${folder}/cache levels=1:2 keys_zone=suite:8m;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://${origin};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache suite;
      proxy_cache_revalidate on;
      proxy_cache_lock on;
    }
  }
}\n`)
      return [program, '-e', path.join(folder, 'error.log'), '-c', file]
    }
  },
  varnish: {
    title: 'Varnish',
    find: () => installed('varnishd'),
    version: program => said(program, ['-V']),
    prepare: (program, { folder, port, origin }) =>
      [program, '-F', '-a', `127.0.0.1:${port}`, '-b', origin, '-n', folder, '-j', 'none', '-T', 'none',
        '-s', 'malloc,64m', '-p', 'default_ttl=0', '-p', 'default_grace=0', '-p', 'default_keep=3600']
  },
  trafficserver: {
    title: 'Apache Traffic Server',
    find: () => installed('traffic_server'),
    version: program => said(program, ['--version']),
    prepare (program, { folder, port, origin }) {
      const write = (name, text) => fs.writeFileSync(path.join(folder, name), text)
      const layout = ['prefix', 'bindir', 'sysconfdir', 'libdir', 'logdir', 'runtimedir', 'plugindir', 'cachedir']
      const system = { bindir: '/usr/bin', libdir: '/usr/lib/trafficserver', plugindir: '/usr/lib/trafficserver/modules' }
      write('runroot.yaml', layout.map(name => `${name}: ${system[name] ?? folder}\n`).join(''))
      write('records.config', `CONFIG proxy.config.http.server_ports STRING ${port}:ip-in=127.0.0.1
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.log.logging_enabled INT 0\n`)
      write('remap.config', `map http://127.0.0.1:${port}/ http://${origin}/\n`)
      write('storage.config', `${folder} 64M\n`)
      write('ip_allow.yaml', 'ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.1, action: allow, methods: ALL}\n')
      for (const name of ['plugin.config', 'ssl_multicert.config', 'cache.config', 'hosting.config', 'volume.config',
        'parent.config', 'splitdns.config', 'socks.config']) write(name, '')
      return [program, `--run-root=${folder}/runroot.yaml`]
    }
  }
}

function installed (name) {
  const folders = [...process.env.PATH.split(':'), '/usr/sbin', '/usr/local/sbin']
  return folders.map(folder => path.join(folder, name)).find(file => fs.existsSync(file))
}

/** The first version number in what a program says of itself, on whichever stream. */
function said (program, args) {
  const told = execFileSync('sh', ['-c', '"$0" "$@" 2>&1', program, ...args], { encoding: 'utf8' })
  return /\d+\.\d+(\.\d+)?/.exec(told)?.[0] ?? ''
}
