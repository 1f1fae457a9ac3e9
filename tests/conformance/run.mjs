// Puts caches to the public cache test suite, one after the other, each in front of the suite's own origin, and prints
// their counts as a table.
//
//   node run.mjs [CACHE...]        forebay, nginx, varnish, trafficserver; all that are installed when none is named
//
// Forebay is held to expected.json: a test that is not passed and not listed there ends in exit code 1, and so does one
// that is listed and passed. With FOREBAY_VERBOSE set, every test that is not passed is printed for every cache.

import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { caches } from './caches.mjs'
import { count, differences, judge } from './count.mjs'

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname)
/** A port that was free may be taken when the cache comes to it. */
const ATTEMPTS = 3
const START_LIMIT_MS = 60_000
const RUN_LIMIT_MS = 180_000

const children = new Set()
process.on('exit', () => children.forEach(child => child.kill('SIGKILL')))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

function run (command, options) {
  const child = spawn(command[0], command.slice(1), { cwd: here, ...options })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

async function stop (child) {
  if (lives(child)) {
    child.kill('SIGTERM')
    const hard = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await once(child, 'exit')
    clearTimeout(hard)
  }
}

const script = name => [process.execPath, '--no-warnings', path.join(here, name)]

/** The origin is read from as long as it lives: it writes now and then, and would end with a closed pipe. */
function startOrigin () {
  const child = run(script('origin.mjs'), { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let told = ''
    child.stdout.on('data', chunk => {
      told += chunk
      const address = /http:\/\/(127\.0\.0\.1:\d+)\//.exec(told)
      if (address) resolve({ child, address: address[1] })
    })
    child.once('exit', () => reject(new Error(`the origin of the suite did not start: ${told}`)))
  })
}

const lives = child => child.exitCode === null && child.signalCode === null

async function freePort () {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

function accepts (port) {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => { socket.destroy(); resolve(true) })
    socket.once('error', () => resolve(false))
  })
}

/** Whether the cache came to accept connections before it ended. */
async function listens (child, port) {
  const limit = Date.now() + START_LIMIT_MS
  while (lives(child) && Date.now() < limit) {
    if (await accepts(port)) return true
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  return false
}

/** Starts a cache in a folder of its own, gives its URL and process to `use`, and leaves nothing behind. */
async function withCache (cache, origin, use) {
  let log = ''
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'conformance-'))
    const [port, adminPort] = [await freePort(), await freePort()]
    const command = cache.prepare(cache.find(), { folder, port, adminPort, origin })
    const output = fs.openSync(path.join(folder, 'output'), 'w')
    const child = run(command, { cwd: folder, stdio: ['ignore', output, output] })
    try {
      if (await listens(child, port)) return await use(`http://127.0.0.1:${port}`, child)
      log = fs.readFileSync(path.join(folder, 'output'), 'utf8')
    } finally {
      await stop(child)
      fs.closeSync(output)
      fs.rmSync(folder, { recursive: true, force: true })
    }
  }
  throw new Error(`${cache.title} did not start: ${log}`)
}

async function measure (url) {
  const child = run([...script('client.mjs'), url], { stdio: ['ignore', 'pipe', 'inherit'], timeout: RUN_LIMIT_MS })
  let results = ''
  for await (const chunk of child.stdout) results += chunk
  return judge(JSON.parse(results))
}

/** One run with an origin of its own. Where cache or origin ended before the client, the counts are worthless. */
async function judged (cache) {
  const origin = await startOrigin()
  try {
    return await withCache(cache, origin.address, async (url, child) => {
      const tests = await measure(url)
      if (!lives(origin.child)) throw new Error(`${cache.title}: the origin ended during the run`)
      if (!lives(child)) throw new Error(`${cache.title} ended during the run`)
      return tests
    })
  } finally {
    await stop(origin.child)
  }
}

function chosen (names) {
  const unknown = names.filter(name => !(name in caches))
  if (unknown.length) throw new Error(`no such cache: ${unknown}; there are ${Object.keys(caches)}`)
  const wanted = names.length ? names : Object.keys(caches)
  for (const name of wanted.filter(name => !caches[name].find())) console.error(`not installed: ${name}`)
  return wanted.filter(name => caches[name].find())
}

const names = chosen(process.argv.slice(2))
const rows = []
const faults = []
for (const name of names) {
  const cache = caches[name]
  try {
    const tests = await judged(cache)
    const cell = kind => Object.values(count(tests, kind)).join(' of ')
    rows.push(`| ${cache.title} ${cache.version(cache.find())} | ${cell('required')} | ${cell('optimal')} |`)
    if (process.env.FOREBAY_VERBOSE) {
      const open = tests.filter(test => !['passed', 'yes', 'no'].includes(test.outcome))
      for (const test of open) console.log(`${name}: ${test.kind} ${test.id}: ${test.outcome} ${test.detail}`)
    }
    if (name === 'forebay') {
      faults.push(...differences(tests, JSON.parse(fs.readFileSync(path.join(here, 'expected.json'), 'utf8'))))
    }
  } catch (error) {
    faults.push(error.message)
  }
}
console.log(['| cache | required tests passed | optimal tests passed |', '|---|---|---|', ...rows].join('\n'))
faults.forEach(fault => console.error(fault))
process.exitCode = faults.length || !rows.length ? 1 : 0
