// Runs the suite's tests, many at once, and prints what came of each: id -> true or [kind, message].
//   node run.mjs PLAN      PLAN is JSON: origin, base, bases (id -> base), suites, counted
//   node run.mjs           prints every test: id, kind, suite, and whether its origin fails
// Scripts are given to the origin, and its state is read there, directly: only what is tested goes
// through the proxy. A test of `bases` has a proxy of its own.
import fetch, { Headers } from 'node-fetch'

import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import suites from 'http-cache-tests/tests/index.mjs'

const HERE = 'http://suite'
const AT_ONCE = 110
const all = suites.map(suite => ({
  ...suite, tests: suite.tests.filter(test => !test.browser_only)
}))

function fails (test) {
  return test.requests.some(it => it.disconnect || (it.response_status ?? [200])[0] >= 500)
}

// A file's answer has hubkeep's own fields: how often the origin was asked is read from itself.
async function counted (response, origin, uuid) {
  const state = await fetch(`${origin}/state/${uuid}`)
  const seen = state.ok ? (await state.json()).length : 0
  const headers = new Headers(response.headers)
  headers.set('Server-Request-Count', String(seen))
  return new Proxy(response, {
    get: (target, name) => {
      if (name === 'headers') return headers
      const value = target[name]
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}

async function run ({ origin, base, bases = {}, suites: wanted, counted: count }) {
  async function through (url, init = {}) {
    const path = url.slice(HERE.length)
    if (!path.startsWith('/test/')) return fetch(origin + path, init)
    const id = init.headers.find(([name]) => name === 'Test-ID')[1]
    const response = await fetch((bases[id] ?? base) + path, init)
    return count ? counted(response, origin, path.split('/')[2]) : response
  }
  const chosen = all.filter(suite => !wanted || wanted.includes(suite.id))
  await runTests(chosen, through, false, HERE, AT_ONCE)
  return getResults()
}

const print = value => process.stdout.write(JSON.stringify(value))
if (process.argv[2]) {
  print(await run(JSON.parse(process.argv[2])))
} else {
  print(all.flatMap(suite => suite.tests.map(test => ({
    id: test.id, kind: test.kind ?? 'required', suite: suite.id, fails: fails(test)
  }))))
}
