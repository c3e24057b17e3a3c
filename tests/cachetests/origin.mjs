// The suite's own origin behind the addresses of a Hub: a request of the API is the suite's request
// with a prefix in front; a file of the repo ct/ct is true to what the script of its test says.
//   node origin.mjs            prints its port
import crypto from 'node:crypto'
import http from 'node:http'

import handleConfig from 'http-cache-tests/server/handle-config.mjs'
import handleState from 'http-cache-tests/server/handle-state.mjs'
import handleTest from 'http-cache-tests/server/handle-test.mjs'
import { configs, setStash, stash } from 'http-cache-tests/server/utils.mjs'

const API = '/api/models/ct/'
const COMMIT = 'c7'.repeat(20)
const FILE = new RegExp('^/ct/ct/resolve/[^/]+/test(?:/|%2F)([0-9a-f-]+)$')
const handlers = { config: handleConfig, state: handleState, test: handleTest }

// The file whose part the first scripted answer shows: where Content-Range says that it begins.
function contentOf (uuid) {
  const script = configs.get(uuid)
  if (!script) return undefined
  const { response_body: body = uuid, response_headers: fields = [] } = script[0]
  const range = fields.find(([name]) => name === 'Content-Range')
  const begin = range ? parseInt(/ (\d+)-/.exec(range[1])[1]) : 0
  return Buffer.from('-'.repeat(begin) + body)
}

function partOf (header, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === undefined) return undefined
  if (first === '') return [Math.max(0, size - parseInt(last)), size]
  return [parseInt(first), last === '' ? size : Math.min(size, parseInt(last) + 1)]
}

// A question about the file is none for the file: only a GET counts, as in the suite.
function handleContent (uuid, request, response) {
  const content = contentOf(uuid)
  if (!content) return response.writeHead(404, { 'X-Error-Code': 'EntryNotFound' }).end()
  const blob = crypto.createHash('sha1').update(`blob ${content.length}\0`).update(content)
  const fields = { 'X-Repo-Commit': COMMIT, ETag: `"${blob.digest('hex')}"`, 'Accept-Ranges': 'bytes' }
  const part = partOf(request.headers.range, content.length)
  const [begin, end] = part ?? [0, content.length]
  fields['Content-Length'] = end - begin
  if (part) fields['Content-Range'] = `bytes ${begin}-${end - 1}/${content.length}`
  if (request.method === 'GET') {
    const seen = stash.get(uuid) || []
    const record = { request_num: seen.length + 1, request_method: 'GET', request_headers: request.headers }
    setStash(uuid, [...seen, { ...record, response_headers: [] }])
  }
  response.writeHead(part ? 206 : 200, fields).end(content.subarray(begin, end))
}

function answer (request, response) {
  const { pathname } = new URL(request.url, 'http://origin/')
  const file = FILE.exec(pathname)
  if (file) return handleContent(file[1], request, response)
  const path = pathname.startsWith(API) ? pathname.slice(API.length) : pathname.slice(1)
  const [kind, ...segments] = path.split('/')
  if (kind in handlers) return handlers[kind](segments, request, response)
  response.writeHead(404).end()
}

console.log = () => {} // the suite's handlers talk; the port is all that is asked for
const server = http.createServer(answer)
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
