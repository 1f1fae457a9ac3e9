// What the results of a run amount to, by the suite's own rules: a test whose dependency did not pass does not count as
// passed, nor does one in which a request came to the origin twice (a retry).

import tests from 'http-cache-tests/tests/index.mjs'
import surrogate from 'http-cache-tests/tests/surrogate-control.mjs'
import { determineTestResult } from 'http-cache-tests/lib/display.mjs'

/** The suites that the suite's own command runs. */
export const suites = [...tests, surrogate]

/** The suite's symbols in words. */
const OUTCOMES = {
  '✅': 'passed',
  '⛔️': 'failed',
  '⚠️': 'failed',
  '🔹': 'could not be set up',
  '⁉️': 'broke the suite',
  '⚪️': 'depends on one that is not passed',
  '↻': 'was retried',
  '-': 'did not run',
  Y: 'yes',
  N: 'no'
}

/** Each test that a shared cache can be put to: `{ id, kind, outcome, detail }`. */
export function judge (results) {
  const shared = suites.flatMap(suite => suite.tests).filter(test => !test.browser_only)
  return shared.map(({ id, kind = 'required' }) => {
    const symbol = determineTestResult(suites, id, results, true)[2]
    const detail = Array.isArray(results[id]) ? results[id][1] : ''
    return { id, kind, outcome: OUTCOMES[symbol], detail }
  })
}

/** How many tests of a kind were passed, of how many. */
export function count (judged, kind) {
  const ofKind = judged.filter(test => test.kind === kind)
  return { passed: ofKind.filter(test => test.outcome === 'passed').length, total: ofKind.length }
}

/**
 * Where a run differs from what is expected of it, in either direction. `expected` is a list of `{ kind, why, tests }`:
 * the tests that are known not to be passed, each with its reason.
 */
export function differences (judged, expected) {
  const known = new Map(expected.flatMap(({ kind, tests }) => tests.map(id => [id, kind])))
  const found = []
  for (const { id, kind, outcome, detail } of judged) {
    const expectedKind = known.get(id)
    known.delete(id)
    if (outcome === 'was retried') {
      found.push(`${kind} ${id}: a request came to the origin twice`)
    } else if (kind === 'check') {
      if (expectedKind) found.push(`check ${id}: is listed, but has no right answer`)
    } else if (outcome === 'passed') {
      if (expectedKind) found.push(`${kind} ${id}: is passed now; take it off the list`)
    } else if (expectedKind !== kind) {
      found.push(`${kind} ${id}: ${outcome}${detail ? ` (${detail})` : ''}`)
    }
  }
  return [...found, ...[...known.keys()].map(id => `${id}: is listed, but the suite has no such test`)]
}
