/**
 * Goal: the sink sends every record once more only where it must, in the order of its partition, and says of a refused record what the
 * server said. Method: a real HTTP server in the test answers as each story needs; the runtime's part, a repeated `write`, is played here.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { sinkRecord, taskContext } from '../../../connect/contract/index.ts'
import { BadRecord, Retriable, type Settings, type SinkRecord, type SinkSide, schemas } from '../../../connect/sdk/index.ts'
import { aivenSink, confluentSink, httpSink } from '../../../connectors/http-sink/connector.ts'
import { selfSigned } from '../../certificates.ts'
import { LOCAL, type RecordingServer, type Reply, testServer } from '../http-driver/recording-server.ts'

// biome-ignore lint/suspicious/noExplicitAny: each class has settings of its own
async function startSink(config: Record<string, string>, side: SinkSide<any> = httpSink) {
  const stop = new AbortController()
  const context = { ...taskContext(side.settings as Settings, { ...LOCAL, ...config }, stop.signal), connector: 'orders-out' }
  const task = await side.start(context)
  onTestFinished(() => task.stop?.())
  return { task, context, stop }
}

const record = (offset: number, parts: Partial<SinkRecord> = {}) =>
  sinkRecord({ topic: 'orders', offset, key: `k${offset}`, keySchema: schemas.string(), value: { n: offset }, ...parts })
const records = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => record(from + i))
const numbersIn = (server: RecordingServer) =>
  server.requests.flatMap(({ body }) => (JSON.parse(body) as { n: number }[]).map(({ n }) => n))
const failureOf = (work: Promise<void>) =>
  work.then(
    () => null,
    (error: unknown) => error as Error,
  )

/** As the runtime does: again, without a wait, until it does not ask for it. */
async function writeRepeatedly(task: { write(records: readonly SinkRecord[]): Promise<void> }, batch: readonly SinkRecord[], most = 50) {
  const waits: number[] = []
  for (let tries = 0; tries < most; tries++) {
    const error = await failureOf(task.write(batch))
    if (!(error instanceof Retriable)) return { error, waits }
    waits.push(error.afterMs!)
  }
  throw new Error('it asks for retries without end')
}

test('records are sent as JSON arrays of at most batch.max.size, with the headers of the settings', async () => {
  const server = await testServer()
  const { task, context } = await startSink({
    'http.api.url': `${server.url}/in?a=1`,
    'batch.max.size': '4',
    headers: 'X-Source: tributary | accept: application/json',
    'sensitive.headers': 'x-api-key:secret',
  })
  await task.write(records(0, 10))
  expect(server.requests.map(({ method, path, body }) => [method, path, JSON.parse(body).length])).toEqual([
    ['POST', '/in?a=1', 4],
    ['POST', '/in?a=1', 4],
    ['POST', '/in?a=1', 2],
  ])
  expect(server.requests[0]!.headers).toMatchObject({
    'content-type': 'application/json',
    'x-source': 'tributary',
    'x-api-key': 'secret',
    'idempotency-key': encodeURIComponent('orders-out/orders-0-0-3'),
  })
  expect(numbersIn(server)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(context.gauges.get('records-written')).toBe(10)
  expect(server.connections).toBeLessThan(server.requests.length)
})

test('a replayed record is not taken for the request that was refused, and has the same key at each replay', async () => {
  const refused = new Set<unknown>()
  // As servers do that keep the first response to a key.
  const server = await testServer(({ headers, body }) => {
    if (body.includes('bad')) refused.add(headers['idempotency-key'])
    return { status: refused.has(headers['idempotency-key']) ? 422 : 200 }
  })
  const { task } = await startSink({ 'http.api.url': server.url })
  await expect(task.write([record(5, { value: 'bad' })])).rejects.toThrow(BadRecord)
  const mended = record(5, { value: 'mended', replayOf: { topic: 'orders-dead', partition: 0, offset: 3 } })
  await task.write([mended])
  await task.write([mended, record(6, { replayOf: { topic: 'orders-dead', partition: 1, offset: 0 } })])
  const keys = server.requests.map(({ headers }) => decodeURIComponent(String(headers['idempotency-key'])))
  expect(keys).toEqual(['orders-out/orders-0-5', 'orders-out/orders-dead-0-3', 'orders-out/orders-dead-0-3', 'orders-out/orders-dead-1-0'])
})

test('a batch ends at batch.max.bytes; a record that is larger is sent alone', async () => {
  const server = await testServer()
  const { task } = await startSink({ 'http.api.url': server.url, 'batch.max.bytes': '30' })
  await task.write([record(0), record(1), record(2), record(3, { value: { n: 3, text: 'x'.repeat(100) } }), record(4)])
  expect(server.requests.map(({ body }) => JSON.parse(body).length)).toEqual([3, 1, 1])
  expect(numbersIn(server)).toEqual([0, 1, 2, 3, 4])
})

test('the URL and the body are filled from the record, and a record cannot change the path', async () => {
  const server = await testServer()
  const { task } = await startSink({
    'http.api.url': `${server.url}/\${topic}/\${key}?c=\${value.customer.name}&h=\${header.trace}`,
    'request.body.template': '{"id":${key},"name":${customer.name},"none":${missing}}',
    'batch.json.as.array': 'false',
    'request.method': 'PUT',
  })
  const value = { customer: { name: 'Ä & B/..' } }
  const headers = [{ key: 'trace', value: 't 1', schema: schemas.string() }]
  const error = await failureOf(
    task.write([
      record(0, { key: 'a/b', value, headers }),
      record(1, { key: '..', value, headers }),
      record(2, { key: null, value, headers }),
    ]),
  )
  expect(server.requests.map(({ method, path, body }) => [method, path, JSON.parse(body)])).toEqual([
    ['PUT', '/orders/a%2Fb?c=%C3%84%20%26%20B%2F..&h=t%201', { id: 'a/b', name: 'Ä & B/..', none: null }],
  ])
  expect(error).toBeInstanceOf(BadRecord)
  const bad = error as BadRecord
  expect([bad, ...bad.also].map(({ index }) => index)).toEqual([1, 2])
  expect(bad.message).toContain('would change the path')
  expect(bad.also[0]!.message).toContain('needs ${key}')
})

test('records with different URLs are not sent together, and their order is kept', async () => {
  const server = await testServer()
  const { task } = await startSink({ 'http.api.url': `${server.url}/\${key}` })
  const keyed = (offset: number, key: string) => record(offset, { key })
  await task.write([keyed(0, 'a'), keyed(1, 'a'), keyed(2, 'b'), keyed(3, 'a')])
  expect(server.requests.map(({ path }) => path)).toEqual(['/a', '/b', '/a'])
  expect(numbersIn(server)).toEqual([0, 1, 2, 3])
})

test('partitions are sent side by side, at most max.concurrent.requests at a time, and each in its order', async () => {
  let now = 0
  let most = 0
  const server = await testServer(async () => {
    most = Math.max(most, ++now)
    await pause(5)
    now--
    return {}
  })
  const { task } = await startSink({ 'http.api.url': server.url, 'batch.max.size': '1', 'max.concurrent.requests': '3' })
  const batch = Array.from({ length: 60 }, (_, index) => record(Math.floor(index / 6), { partition: index % 6, value: { n: index } }))
  await task.write(batch)
  expect(most).toBe(3)
  const numbers = numbersIn(server)
  for (let partition = 0; partition < 6; partition++)
    expect(numbers.filter((n) => n % 6 === partition)).toEqual(Array.from({ length: 10 }, (_, i) => i * 6 + partition))
})

test.each([408, 425, 429, 500, 503])('after %i a batch is sent again with the same key, and what was accepted is not', async (status) => {
  let failures = 2
  const server = await testServer(({ body }) => (body.includes('"n":4') && failures-- > 0 ? { status } : {}))
  const { task, context } = await startSink({ 'http.api.url': server.url, 'batch.max.size': '2' })
  const { error, waits } = await writeRepeatedly(task, records(0, 8))
  expect(error).toBeNull()
  expect(numbersIn(server)).toEqual([0, 1, 2, 3, 4, 5, 4, 5, 4, 5, 6, 7])
  const keys = server.requests.filter(({ body }) => body.includes('"n":4')).map(({ headers }) => headers['idempotency-key'])
  expect(new Set(keys).size).toBe(1)
  // Exponential, from 500 ms.
  expect(waits[1]!).toBeGreaterThan(waits[0]!)
  expect(context.gauges.get('requests-retried')).toBe(2)
})

test('Retry-After is kept, as seconds and as a date, up to retry.after.max.ms', async () => {
  const replies: Reply[] = [
    { status: 429, headers: { 'retry-after': '7' } },
    { status: 503, headers: { 'retry-after': new Date(Date.now() + 20_000).toUTCString() } },
    { status: 503, headers: { 'retry-after': '86400' } },
    { status: 503, headers: { 'retry-after': 'soon' } },
  ]
  const server = await testServer(() => replies.shift() ?? {})
  const { task } = await startSink({ 'http.api.url': server.url, 'retry.after.max.ms': '30000', 'retry.backoff.ms': '10' })
  const { error, waits } = await writeRepeatedly(task, records(0, 1))
  expect(error).toBeNull()
  expect(waits[0]).toBe(7000)
  expect(waits[1]!).toBeGreaterThan(15_000)
  expect(waits[1]!).toBeLessThanOrEqual(20_000)
  expect(waits[2]).toBe(30_000)
  expect(waits[3]!).toBeLessThan(1000)
})

test('a server that is away is retried max.retries times, then the task fails with what to do', async () => {
  const server = await testServer()
  await server.stop()
  const { task } = await startSink({ 'http.api.url': server.url, 'max.retries': '3' })
  const { error, waits } = await writeRepeatedly(task, records(0, 2))
  expect(waits).toHaveLength(3)
  expect(error).not.toBeInstanceOf(BadRecord)
  expect(error!.message).toMatch(/Nothing listens at .* \(after 3 retries\).*max\.retries/)
})

test('a server that comes back gets everything, in order', async () => {
  const server = await testServer()
  const { task } = await startSink({ 'http.api.url': server.url, 'batch.max.size': '2' })
  await task.write(records(0, 4))
  await server.stop()
  expect(await failureOf(task.write(records(4, 8)))).toBeInstanceOf(Retriable)
  await server.start()
  expect((await writeRepeatedly(task, records(4, 8))).error).toBeNull()
  expect(numbersIn(server)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
})

test('a record that is refused is bad, with the status and the first bytes of the response; the others are written', async () => {
  const server = await testServer(({ body }) =>
    /"n":(3|11)\b/.test(body) ? { status: 422, body: `no\nsuch\u0007 customer ${'x'.repeat(5000)}` } : {},
  )
  const { task, context } = await startSink({ 'http.api.url': server.url, 'batch.max.size': '16' })
  const error = (await failureOf(task.write(records(0, 16)))) as BadRecord
  expect(error).toBeInstanceOf(BadRecord)
  expect([error, ...error.also].map(({ index }) => index)).toEqual([3, 11])
  expect(error.message).toMatch(/orders-0@3 was refused: http:\/\/127\.0\.0\.1:\d+\/ responds with 422: no such customer x/)
  expect(error.message.length).toBeLessThan(700)
  const accepted = server.requests
    .filter(({ body }) => !/"n":(3|11)\b/.test(body))
    .flatMap(({ body }) => JSON.parse(body) as { n: number }[])
  expect(accepted.map(({ n }) => n)).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15])
  expect(context.gauges.get('records-rejected')).toBe(2)
})

test.each([
  [304, {}],
  [302, {}],
  [307, { location: ['/a', '/b'] }],
  [300, {}],
])('a %d is no fault of the records: the task fails, and no record is bad', async (status, headers) => {
  const server = await testServer(() => ({ status, headers }))
  const { task } = await startSink({ 'http.api.url': server.url })
  const error = await failureOf(task.write(records(0, 5)))
  expect(error).not.toBeInstanceOf(BadRecord)
  expect(error).not.toBeInstanceOf(Retriable)
  expect(error!.message).toMatch(/check the URL/)
  expect(server.requests).toHaveLength(1)
})

test('without batch.split.on.error all records of a refused batch are bad', async () => {
  const server = await testServer(() => ({ status: 400 }))
  const { task } = await startSink({ 'http.api.url': server.url, 'batch.split.on.error': 'false', 'batch.max.size': '2' })
  const error = (await failureOf(task.write(records(0, 4)))) as BadRecord
  expect([error, ...error.also].map(({ index }) => index)).toEqual([0, 1, 2, 3])
  expect(server.requests).toHaveLength(2)
})

test('bad records and a retry of others: each is reported once, at its place', async () => {
  let failures = 1
  const server = await testServer(({ body }) =>
    body.includes('"n":1}') ? { status: 400 } : body.includes('"n":3}') && failures-- > 0 ? { status: 500 } : {},
  )
  const { task } = await startSink({ 'http.api.url': server.url, 'batch.max.size': '1' })
  const { error, waits } = await writeRepeatedly(task, records(0, 5))
  expect(waits).toHaveLength(1)
  expect((error as BadRecord).index).toBe(1)
  expect((error as BadRecord).also).toEqual([])
  expect(numbersIn(server)).toEqual([0, 1, 2, 3, 3, 4])
})

test.each([401, 403, 407])('%i fails the task: no other record would fare better', async (status) => {
  const server = await testServer(() => ({ status }))
  const { task } = await startSink({ 'http.api.url': server.url })
  const error = await failureOf(task.write(records(0, 4)))
  expect(error).not.toBeInstanceOf(BadRecord)
  expect(error).not.toBeInstanceOf(Retriable)
  expect(error!.message).toMatch(/Check the credentials/)
  expect(server.requests).toHaveLength(1)
})

test("with Confluent's retry.on.status.codes=400- a bad record is retried, found, and no reason to begin again without end", async () => {
  const server = await testServer(({ body }) => (body.includes('n=5') ? { status: 400 } : {}))
  const { task } = await startSink({ 'http.api.url': server.url, 'batch.max.size': '8', 'max.retries': '4' }, confluentSink)
  const { error, waits } = await writeRepeatedly(task, records(0, 16))
  expect(waits).toHaveLength(4)
  expect((error as BadRecord).index).toBe(5)
  expect((error as BadRecord).also).toEqual([])
})

test.each(['log', 'ignore'])('behavior.on.error=%s skips what is refused', async (behavior) => {
  const server = await testServer(({ body }) => (body.includes('"n":1}') ? { status: 400, body: 'bad' } : {}))
  const { task, context } = await startSink({ 'http.api.url': server.url, 'behavior.on.error': behavior })
  await task.write(records(0, 3))
  expect(context.gauges.get('records-rejected')).toBe(1)
  expect(context.logged.filter(({ level }) => level === 'error')).toHaveLength(behavior === 'log' ? 1 : 0)
})

test('records without a value are skipped, sent as DELETE, or bad', async () => {
  const server = await testServer()
  const batch = [record(0), record(1, { value: null, key: 'gone' }), record(2)]
  const ignoring = await startSink({ 'http.api.url': `${server.url}/\${key}` })
  await ignoring.task.write(batch)
  expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /k0', 'POST /k2'])
  server.requests.length = 0
  const deleting = await startSink({ 'http.api.url': `${server.url}/\${key}`, 'behavior.on.null.values': 'delete' })
  await deleting.task.write(batch)
  expect(server.requests.map(({ method, path, body }) => `${method} ${path} ${body}`)).toEqual([
    'POST /k0 [{"n":0}]',
    'DELETE /gone ',
    'POST /k2 [{"n":2}]',
  ])
  const failing = await startSink({ 'http.api.url': server.url, 'behavior.on.null.values': 'fail' })
  expect(((await failureOf(failing.task.write(batch))) as BadRecord).index).toBe(1)
})

test('texts and bytes are sent as they are, between prefix, separator and suffix, after replacements', async () => {
  const server = await testServer()
  const { task } = await startSink(
    {
      'http.api.url': server.url,
      'batch.max.size': '3',
      'batch.prefix': '<\\n',
      'batch.separator': '\\n',
      'batch.suffix': '\\n>',
      'regex.patterns': '(\\d)-(\\d)~secret',
      'regex.replacements': '$2-$1~***',
    },
    confluentSink,
  )
  const text = schemas.string()
  await task.write([
    record(0, { value: '1-2 secret 3-4', valueSchema: text }),
    record(1, { value: Buffer.from('über'), valueSchema: schemas.bytes() }),
    record(2, { value: 42, valueSchema: schemas.int32() }),
  ])
  expect(server.requests.map(({ body }) => body)).toEqual(['<\n2-1 *** 4-3\nüber\n42\n>'])
})

test("Aiven's sink sends texts as they are and all else as JSON, in lines", async () => {
  const server = await testServer()
  const config = {
    'http.url': server.url,
    'http.authorization.type': 'static',
    'http.headers.authorization': 'Token t',
    'batching.enabled': 'true',
  }
  const { task } = await startSink({ ...config, 'http.headers.additional': 'a:1,b:2', 'http.headers.content.type': 'x/y' }, aivenSink)
  await task.write([record(0), record(1, { value: 'plain', valueSchema: schemas.string() })])
  expect(server.requests.map(({ body }) => body)).toEqual(['{"n":0}\nplain\n'])
  expect(server.requests[0]!.headers).toMatchObject({ authorization: 'Token t', a: '1', b: '2', 'content-type': 'x/y' })
})

test('named headers of records become headers of requests; hostile ones are bad records', async () => {
  const server = await testServer()
  const { task } = await startSink({ 'http.api.url': server.url, 'headers.forward': 'X-Trace' })
  const traced = (offset: number, value: unknown) => record(offset, { headers: [{ key: 'x-trace', value, schema: null }] })
  const error = (await failureOf(task.write([traced(0, 'a'), traced(1, 'a'), traced(2, 'b'), traced(3, 'x\r\nhost: evil')]))) as BadRecord
  expect(server.requests.map(({ headers, body }) => [headers['x-trace'], JSON.parse(body).length])).toEqual([
    ['a', 2],
    ['b', 1],
  ])
  expect(error.index).toBe(3)
})

test('a task that stops sends no further batch, and asks for no commit of what it has not sent', async () => {
  const { task, stop } = await (async () => {
    const server = await testServer(() => {
      started.stop.abort()
      return {}
    })
    const started = await startSink({ 'http.api.url': server.url, 'batch.max.size': '1' })
    return { ...started, server }
  })()
  expect(await failureOf(task.write(records(0, 5)))).toBeInstanceOf(Retriable)
  expect(stop.signal.aborted).toBe(true)
})

test('the certificates of the settings are used, on both sides', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-http-sink-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const authority = selfSigned({ subject: 'authority' })
  const own = authority.issue({ subject: 'server', names: ['127.0.0.1'] })
  const client = authority.issue({ subject: 'sink' })
  const files = { 'ca.pem': authority.certificate, 'client.pem': client.certificate + client.key }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  const tls = { cert: own.certificate, key: own.key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true }
  const server = await testServer(undefined, tls)
  const trusting = { 'http.api.url': server.url, 'https.ssl.truststore.location': join(folder, 'ca.pem') }
  const { task } = await startSink({ ...trusting, 'https.ssl.keystore.location': join(folder, 'client.pem') })
  await task.write(records(0, 3))
  expect(numbersIn(server)).toEqual([0, 1, 2])
  const stranger = await startSink({ 'http.api.url': server.url })
  const error = await failureOf(stranger.task.write(records(0, 1)))
  expect(error).not.toBeInstanceOf(Retriable)
  expect(error!.message).toMatch(/certificate of .* is not accepted/)
})

test('a response of any size is cut, and says nothing about a success', async () => {
  const server = await testServer(() => ({ body: Buffer.alloc(8 * 1024 * 1024, 'x') }))
  const { task, context } = await startSink({ 'http.api.url': server.url, 'batch.max.size': '1' })
  await task.write(records(0, 3))
  expect(context.gauges.get('records-written')).toBe(3)
})

test('a server that answers too late is retried', async () => {
  let slow = true
  const server = await testServer((_request, response) => {
    if (!slow) return {}
    slow = false
    response.writeHead(200).write('a part')
    return null
  })
  const { task } = await startSink({ 'http.api.url': server.url, 'http.request.timeout.ms': '200', 'http.connect.timeout.ms': '200' })
  const first = await failureOf(task.write(records(0, 1)))
  expect(first).toBeInstanceOf(Retriable)
  expect(first!.message).toMatch(/has not answered within 200 ms/)
  await task.write(records(0, 1))
  expect(server.requests).toHaveLength(2)
})
