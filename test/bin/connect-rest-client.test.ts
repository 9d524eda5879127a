/**
 * Goal: the commands call any worker's REST API with its login, wait for a rebalance, and explain what it refuses. Method: a server that
 * answers as told.
 */
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ConnectRestClient } from '../../bin/connect-rest-client.ts'

let server: Server
let url = ''
let answers: { status: number; body: string }[] = []
let requests: { method: string; url: string; authorization: string | undefined; body: string }[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      requests.push({ method: request.method!, url: request.url!, authorization: request.headers.authorization, body })
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!
      response.writeHead(answer.status).end(answer.body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
})
afterAll(() => void server.close())
beforeEach(() => {
  requests = []
  answers = [{ status: 200, body: '{"a":1}' }]
})

test('sends JSON and the login of the address, which is never shown', async () => {
  const client = new ConnectRestClient({ url: url.replace('//', '//alice:pa%3Ass@') })
  expect(client.url).toBe(url)
  expect(await client.request('PUT', '/connectors/x/config', { b: '2' })).toEqual({ a: 1 })
  const authorization = `Basic ${Buffer.from('alice:pa:ss').toString('base64')}`
  expect(requests).toEqual([{ method: 'PUT', url: '/connectors/x/config', authorization, body: '{"b":"2"}' }])
})

test('an answer without a body is null', async () => {
  answers = [{ status: 204, body: '' }]
  expect(await new ConnectRestClient({ url }).request('DELETE', '/connectors/x')).toBeNull()
})

test('a rebalance is waited for', async () => {
  answers = [
    { status: 409, body: '{"error_code":409,"message":"Cannot complete request momentarily due to stale configuration"}' },
    { status: 200, body: '[]' },
  ]
  expect(await new ConnectRestClient({ url }).request('GET', '/connectors')).toEqual([])
  expect(requests.length).toBe(2)
})

test.each([
  [{ status: 401, body: '' }, 'wants a login: set --user NAME and $TRIBUTARY_CONNECT_PASSWORD.'],
  [
    { status: 404, body: '{"error_code":404,"message":"Connector x not found"}' },
    'answered GET /connectors/x with 404: Connector x not found',
  ],
  [{ status: 502, body: 'bad gateway' }, 'with 502: bad gateway'],
  [{ status: 502, body: '<html>bad gateway</html>' }, /with 502$/],
  [{ status: 404, body: '{"error_code":404,"message":"HTTP 404 Not Found"}' }, 'it is not the REST API of a worker that can do this'],
  [{ status: 200, body: '<html>hello</html>' }, 'it answers without JSON'],
])('%o is explained', async (answer, message) => {
  answers = [answer]
  await expect(new ConnectRestClient({ url }).request('GET', '/connectors/x')).rejects.toThrow(message)
})

test.each([
  ['nonsense', 'nonsense'],
  ['localhost:8083', 'localhost:8083'],
  ['http://ann:s3cret%zz@host', '…@host'],
])('the wrong address %s is a mistake of the command line', (wrong, shown) => {
  expect(() => new ConnectRestClient({ url: wrong })).toThrow(`"${shown}" is not a URL such as http://127.0.0.1:8083.`)
})
