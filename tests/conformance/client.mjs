// One run of the suite's client against the cache at the given URL. Prints what it saw of each test as JSON.
//
//   node client.mjs http://127.0.0.1:8080
//
// A process of its own for each run, because the suite keeps its results in one place of its module.

import fetch from 'node-fetch'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import { suites } from './count.mjs'

await runTests(suites, fetch, false, process.argv[2])
process.stdout.write(JSON.stringify(getResults()))
