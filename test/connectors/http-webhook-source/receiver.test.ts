/**
 * Goal: a request is answered with success after its record is acknowledged and never before, whatever becomes of the task; what is not
 * taken has an answer that tells its sender what to do; nothing of it costs more memory than allowed. Method: real requests to the
 * listener, over HTTP and HTTPS; the runtime's part, the acknowledgement, is played here.
 */
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as byHttp, type ClientRequest, type IncomingHttpHeaders } from 'node:http'
import { request as byHttps } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import { parseSettings, Retriable, type SourceBatch, type SourceRecord } from '../../../connect/sdk/index.ts'
import { webhookSource } from '../../../connectors/http-webhook-source/connector.ts'
import { selfSigned } from '../../certificates.ts'
import { freePort } from '../../running-broker.ts'
import { until } from '../../until.ts'

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

interface Sent {
  path?: string
  method?: string
  headers?: Record<string, string>
  body?: string | Buffer
}

/** A task, whose batches are acknowledged when the test says so. */
async function startReceiver(config: Record<string, string> = {}, acknowledges = true) {
  const port = await freePort()
  const stop = new AbortController()
  const context = taskContext(
    webhookSource.settings,
    { 'listen.port': String(port), 'topic.mapping': '/a:topic-a,/b:topic-b', ...config },
    stop.signal,
  )
  const records: SourceRecord[] = []
  const batches: SourceBatch[] = []
  const run = async () => {
    for await (const batch of webhookSource.read({ ...context, positions: new StoredPositions() })) {
      records.push(...batch.records)
      batches.push(batch)
      if (acknowledges) batch.acknowledged!()
    }
  }
  const running = run()
  const end = async () => {
    stop.abort()
    await running
  }
  onTestFinished(end)
  await until(() => context.logged.some(({ message }) => message.startsWith('listening')), 'the source listens')
  const isSecure = config['listen.ssl.certificate.location'] !== undefined
  const open = ({ path = '/a', method = 'POST', headers = {} }: Sent, tls = {}): ClientRequest =>
    (isSecure ? byHttps : byHttp)({ host: '127.0.0.1', port, path, method, headers, agent: false, ...tls })
  const send = (sent: Sent = {}, tls = {}) => {
    const request = open(sent, tls)
    const answer = answerTo(request)
    request.end(sent.body ?? '{}')
    return answer
  }
  return { port, context, records, batches, open, send, end }
}

const answerTo = (request: ClientRequest) =>
  new Promise<Answer>((resolve, reject) => {
    request.on('error', reject).on('response', (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (part: string) => (body += part))
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }))
    })
  })

test('a request becomes a record of the topic of its path, with key and headers', async () => {
  const { send, records } = await startReceiver({ 'key.header': 'X-Id', 'record.headers': 'X-Id,X-Event,X-None', 'response.status': '202' })
  expect(await send({ headers: { 'x-id': 'd1', 'x-event': 'push' }, body: '{"n":12345678901234567890}' })).toMatchObject({ status: 202 })
  expect(await send({ path: '/b?source=x', method: 'PUT', body: '[1]' })).toMatchObject({ status: 202 })
  expect(records).toMatchObject([
    {
      topic: 'topic-a',
      key: 'd1',
      value: { n: 12345678901234567890n },
      valueSchema: null,
      headers: [
        { key: 'x-id', value: 'd1' },
        { key: 'x-event', value: 'push' },
      ],
    },
    { topic: 'topic-b', key: null, value: [1], headers: [] },
  ])
})

test('texts and bytes are taken as they are, and a key from the body', async () => {
  const bytes = await startReceiver({ 'value.format': 'bytes' })
  await bytes.send({ body: Buffer.from([0xff, 0]) })
  expect(bytes.records[0]!.value).toEqual(Buffer.from([0xff, 0]))
  const texts = await startReceiver({ 'value.format': 'string' })
  await texts.send({ body: 'a=ü' })
  expect(texts.records[0]).toMatchObject({ value: 'a=ü', valueSchema: { type: 'string' } })
  expect((await texts.send({ body: Buffer.from([0xff]) })).status).toBe(400)
  const keyed = await startReceiver({ 'key.json.pointer': '/data/id' })
  await keyed.send({ body: '{"data":{"id":7}}' })
  expect(keyed.records[0]!.key).toBe(7)
})

test('no answer before the acknowledgement; then each request has its own', async () => {
  const { send, batches } = await startReceiver({}, false)
  const answers: number[] = []
  const sent = Array.from({ length: 5 }, (_, index) => send({ body: String(index) }).then(({ status }) => answers.push(status)))
  await until(() => batches.reduce((sum, { records }) => sum + records.length, 0) === 5, 'all records are read')
  expect(answers).toEqual([])
  for (const batch of batches) batch.acknowledged!()
  await Promise.all(sent)
  expect(answers).toEqual([200, 200, 200, 200, 200])
})

test('a topic that takes nothing does not hold up the answers of the others', async () => {
  const { send, batches, open } = await startReceiver({}, false)
  const stuck = open({ path: '/a' })
  const noAnswer = answerTo(stuck).catch(() => null)
  stuck.end('{}')
  await until(() => batches.length === 1, 'the first is read')
  const others = [send({ path: '/b' }), send({ path: '/a' }), send({ path: '/b' })]
  await until(() => batches.reduce((sum, { records }) => sum + records.length, 0) === 4, 'all are read')
  for (const batch of batches) expect(new Set(batch.records.map(({ topic }) => topic)).size).toBe(1)
  const at = { topic: 'topic-b', partition: 0, offset: 0 }
  for (const batch of batches) if (batch.records[0]!.topic === 'topic-b') for (const index of batch.records.keys()) batch.stored!(index, at)
  expect((await others[0]!).status).toBe(200)
  expect((await others[2]!).status).toBe(200)
  for (const batch of batches) batch.acknowledged!()
  expect((await others[1]!).status).toBe(200)
  expect((await noAnswer)!.status).toBe(200)
})

test('without an acknowledgement in time the answer is 504', async () => {
  const { send, batches } = await startReceiver({ 'acknowledge.timeout.ms': '50' }, false)
  expect((await send()).status).toBe(504)
  batches[0]!.acknowledged!()
})

test('a task that stops answers what is not acknowledged with 503 and Retry-After', async () => {
  const { send, batches, end, port } = await startReceiver({ 'retry.after.seconds': '7' }, false)
  const waiting = send()
  await until(() => batches.length === 1, 'the record is read')
  await end()
  expect(await waiting).toMatchObject({ status: 503, headers: { 'retry-after': '7' } })
  await expect(fetch(`http://127.0.0.1:${port}/a`, { method: 'POST' })).rejects.toThrow()
})

test('a task that stops in the middle of a request takes no record of it', async () => {
  const { open, end, records } = await startReceiver()
  const request = open({ headers: { 'content-length': '4', expect: '100-continue' } })
  const answer = answerTo(request)
  const received = new Promise((resolve) => request.once('continue', resolve))
  request.flushHeaders()
  await received
  request.write('{}')
  const ended = end()
  request.end('  ')
  expect((await answer).status).toBe(503)
  await ended
  expect(records).toEqual([])
})

test.each<[number, Sent, Record<string, string>]>([
  [404, { path: '/c' }, {}],
  [404, { path: '/a/' }, {}],
  [405, { method: 'GET' }, {}],
  [405, { method: 'DELETE' }, {}],
  [400, { body: '{' }, {}],
  [400, { body: '' }, {}],
  [400, { body: Buffer.from([0x22, 0xff, 0x22]) }, {}],
  [415, { headers: { 'content-encoding': 'gzip' } }, {}],
  [413, { body: '"too long"' }, { 'request.max.bytes': '5' }],
  [413, { body: '"too long"', headers: { 'transfer-encoding': 'chunked' } }, { 'request.max.bytes': '5' }],
  [413, { body: `"${'x'.repeat(3_000_000)}"` }, { 'request.max.bytes': '2000000', 'value.format': 'bytes' }],
  [401, {}, { 'signature.scheme': 'github', 'signature.secret': 's' }],
])('the answer is %i to %o with %o, and there is no record', async (status, sent, config) => {
  const { send, records, context } = await startReceiver(config)
  expect((await send({ ...sent, headers: { ...sent.headers } })).status).toBe(status)
  expect(records).toEqual([])
  expect(context.logged.filter(({ level }) => level === 'error')).toEqual([])
})

test('a web page cannot write through a browser of this machine, unless it can sign', async () => {
  const open = await startReceiver()
  expect((await open.send({ headers: { origin: 'https://evil.example' } })).status).toBe(403)
  expect((await open.send({ headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403)
  expect(open.records).toEqual([])
  const signed = await startReceiver({ 'signature.scheme': 'token', 'signature.secret': 's' })
  expect((await signed.send({ headers: { origin: 'https://page.example', 'x-signature': 's' } })).status).toBe(200)
})

test('a signature is that of the bytes that came', async () => {
  const { send, records } = await startReceiver({ 'signature.scheme': 'github', 'signature.secret': 'secret' })
  const body = '{ "a" :\t"\\u00fc" }'
  const signature = `sha256=${createHmac('sha256', 'secret').update(body).digest('hex')}`
  expect((await send({ body, headers: { 'x-hub-signature-256': signature } })).status).toBe(200)
  expect((await send({ body: '{"a":"ü"}', headers: { 'x-hub-signature-256': signature } })).status).toBe(401)
  expect(records.map(({ value }) => value)).toEqual([{ a: 'ü' }])
})

/** Sends a head as it is; resolves with what comes back, up to the end of the connection or `part`. */
const answerToText = (port: number, text: string, part = /\r\n\r\n$/) =>
  new Promise<string>((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    const end = () => {
      socket.destroy()
      resolve(answer)
    }
    socket.setEncoding('latin1').on('error', reject).on('close', end)
    socket.on('data', (bytes) => {
      answer += bytes
      if (part.test(answer)) end()
    })
  })

test('a sender that waits for a 100 gets it only for a body that is taken, and else the reason and the end of the connection', async () => {
  const { port, send, records } = await startReceiver({ 'request.max.bytes': '1000' })
  const head = (path: string, bytes: number) =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${bytes}\r\n\r\n`
  expect(await answerToText(port, head('/a', 5000), /^$/)).toMatch(/^HTTP\/1\.1 413 [\s\S]*connection: close/i)
  expect(await answerToText(port, head('/none', 5), /^$/)).toMatch(/^HTTP\/1\.1 404 /)
  expect(await answerToText(port, head('/a', 5))).toBe('HTTP/1.1 100 Continue\r\n\r\n')
  expect((await send({ headers: { expect: '100-continue', 'content-length': '2' } })).status).toBe(200)
  expect(records).toHaveLength(1)
})

test('a request may have its whole URL', async () => {
  const { port, records } = await startReceiver()
  const request = 'POST http://hooks.example/a?b=1 HTTP/1.1\r\nHost: hooks.example\r\nContent-Length: 2\r\n\r\n{}'
  expect(await answerToText(port, request)).toMatch(/^HTTP\/1\.1 200 /)
  expect(records.map(({ topic }) => topic)).toEqual(['topic-a'])
})

test('the metrics say so when nothing is in progress any more, and count what is refused', async () => {
  const { send, context } = await startReceiver()
  await send()
  expect((await send({ path: '/none' })).status).toBe(404)
  await expect.poll(() => context.gauges.get('requests-in-progress')).toBe(0)
  expect(context.gauges.get('bytes-in-progress')).toBe(0)
  expect(context.gauges.get('requests-refused')).toBe(1)
})

test('requests past the limits get a 503, and those in progress are not touched', async () => {
  const { send, batches } = await startReceiver({ 'max.inflight.requests': '2' }, false)
  const taken = [send(), send()]
  await until(() => batches.reduce((sum, { records }) => sum + records.length, 0) === 2, 'two are read')
  expect(await send()).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
  for (const batch of batches) batch.acknowledged!()
  expect((await Promise.all(taken)).map(({ status }) => status)).toEqual([200, 200])
})

test('bytes in progress are bounded, announced or not, and given back', async () => {
  const config = { 'request.max.bytes': '100', 'max.inflight.bytes': '100', 'value.format': 'bytes' }
  const { send, open, batches } = await startReceiver(config, false)
  const first = send({ body: 'x'.repeat(60) })
  await until(() => batches.length === 1, 'it is read')
  expect((await send({ body: 'x'.repeat(60) })).status).toBe(503)
  const chunked = open({ headers: { 'transfer-encoding': 'chunked' } })
  const answer = answerTo(chunked)
  chunked.end('x'.repeat(60))
  expect((await answer).status).toBe(503)
  batches[0]!.acknowledged!()
  expect((await first).status).toBe(200)
  const second = send({ body: 'x'.repeat(60) })
  await until(() => batches.length === 2, 'there is room again')
  batches[1]!.acknowledged!()
  expect((await second).status).toBe(200)
})

test('a delivery that was answered is answered again without a record; one that was not becomes a record', async () => {
  const { send, records, batches } = await startReceiver({ 'delivery.id.header': 'X-Delivery', 'acknowledge.timeout.ms': '60' }, false)
  const delivery = { headers: { 'x-delivery': '1' } }
  expect((await send(delivery)).status).toBe(504)
  // Its record comes to Kafka late.
  batches[0]!.acknowledged!()
  expect((await send(delivery)).status).toBe(200)
  expect((await send({ ...delivery, path: '/b' })).status).toBe(504)
  expect(records.map(({ topic }) => topic)).toEqual(['topic-a', 'topic-b'])
})

test('a record that is skipped because it cannot be produced is not answered with success', async () => {
  const { send, batches } = await startReceiver({ 'delivery.id.header': 'X-Delivery' }, false)
  const sent = [1, 2].map((id) => send({ headers: { 'x-delivery': String(id) }, body: String(id) }))
  await until(() => batches.reduce((sum, { records }) => sum + records.length, 0) === 2, 'both are read')
  for (const batch of batches) {
    for (const [index, { value }] of batch.records.entries()) if (value === 1) batch.rejected!(index, new Error('too large'))
    batch.acknowledged!()
  }
  expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([500, 200])
})

test('a record that is refused is answered with what its sender can do, is forgotten, and fills no log', async () => {
  const { send, batches, context } = await startReceiver({ 'delivery.id.header': 'X-Delivery', 'retry.after.seconds': '7' }, false)
  const reasons = { 1: 'record', 2: 'too-large', 3: 'system' } as const
  const sent = [1, 2, 3, 4].map((id) => send({ headers: { 'x-delivery': String(id) }, body: String(id) }))
  await until(() => batches.reduce((sum, { records }) => sum + records.length, 0) === 4, 'all are read')
  for (const batch of batches) {
    for (const [index, { value }] of batch.records.entries())
      if (value !== 4) expect(batch.refused!(index, new Error('no way'), reasons[value as 1 | 2 | 3])).toBe(true)
    batch.acknowledged!()
  }
  const answers = await Promise.all(sent)
  expect(answers.map(({ status }) => status)).toEqual([422, 413, 503, 200])
  expect(answers.map(({ headers }) => headers['retry-after'])).toEqual([undefined, undefined, '7', undefined])
  expect(context.logged.filter(({ message }) => message.includes('no way'))).toHaveLength(1)
  expect((await send({ headers: { 'x-delivery': '4' }, body: '4' })).status).toBe(200)
  const again = send({ headers: { 'x-delivery': '1' }, body: '1' })
  await until(() => batches.reduce((sum, { records }) => sum + records.length, 0) === 5, 'the refused one is taken again')
  batches.at(-1)!.acknowledged!()
  expect((await again).status).toBe(200)
})

test('a body that is nested deeper than converters can follow gets a 400, and the task reads on', async () => {
  const { send, records } = await startReceiver()
  const nested = (depth: number) => `${'[{"a":'.repeat(depth / 2)}"]}[[\\"[["${'}]'.repeat(depth / 2)}`
  expect(await send({ body: nested(400_000).slice(0, 900_000) })).toMatchObject({ status: 400, body: expect.stringMatching(/256/) })
  expect((await send({ body: nested(258) })).status).toBe(400)
  expect((await send({ body: nested(256) })).status).toBe(200)
  expect((await send({ body: `[${'[],{},'.repeat(1000)}0]` })).status).toBe(200)
  expect(records).toHaveLength(2)
})

test('a sender that never ends its request, and a connection that never begins one, are ended in time', async () => {
  const { port } = await startReceiver({ 'request.timeout.ms': '100' })
  const ended = (text: string) =>
    new Promise<string>((resolve) => {
      let answer = ''
      const socket = connect(port, '127.0.0.1', () => socket.write(text))
      socket.on('error', () => {}).on('data', (part) => (answer += part))
      socket.once('close', () => resolve(answer))
    })
  const [slow] = await Promise.all([ended('POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{'), ended('')])
  expect(slow).toMatch(/408/)
}, 20_000)

test('requests with an empty id of a delivery are not taken for repeats; long ids are told apart', async () => {
  const { send, records } = await startReceiver({ 'delivery.id.header': 'X-Delivery' })
  const ids = ['', '', `${'x'.repeat(5000)}1`, `${'x'.repeat(5000)}2`, `${'x'.repeat(5000)}1`]
  for (const [index, id] of ids.entries()) expect((await send({ headers: { 'x-delivery': id }, body: String(index) })).status).toBe(200)
  expect(records.map(({ value }) => value)).toEqual([0, 1, 2, 3])
})

test('senders that go away, and those that speak no HTTP, harm nobody', async () => {
  const { send, open, port, records } = await startReceiver()
  const request = open({ headers: { 'content-length': '1000' } }).on('error', () => {})
  request.write('{')
  await until(() => request.socket?.bytesWritten, 'a part is sent')
  request.destroy()
  const raw = connect(port, '127.0.0.1')
  const closed = new Promise((resolve) => raw.once('close', resolve))
  raw.on('error', () => {}).resume()
  raw.write(`POST /a HTTP/1.1\r\nhost: x\r\nx-large: ${'x'.repeat(40_000)}\r\n\r\n`)
  await closed
  expect((await send()).status).toBe(200)
  expect(records).toHaveLength(1)
})

test('HTTPS, with client certificates where they are asked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-webhook-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const authority = selfSigned({ subject: 'authority' })
  const own = authority.issue({ subject: 'receiver', names: ['127.0.0.1'] })
  const files = { ca: authority.certificate, certificate: own.certificate, key: own.key }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  const config = { 'listen.ssl.certificate.location': join(folder, 'certificate'), 'listen.ssl.key.location': join(folder, 'key') }
  const ca = authority.certificate
  const plain = await startReceiver(config)
  expect((await plain.send({}, { ca })).status).toBe(200)
  const mutual = await startReceiver({ ...config, 'listen.ssl.client.ca.location': join(folder, 'ca') })
  await expect(mutual.send({}, { ca })).rejects.toThrow()
  const client = authority.issue({ subject: 'sender' })
  expect((await mutual.send({}, { ca, cert: client.certificate, key: client.key })).status).toBe(200)
  expect(mutual.records).toHaveLength(1)
})

test('a certificate that is replaced is used without a restart, and one that cannot be used is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-webhook-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [certificate, key] = [join(folder, 'certificate'), join(folder, 'key')]
  const replace = ({ certificate: text, key: secret }: { certificate: string; key: string }) => {
    writeFileSync(certificate, text)
    writeFileSync(key, secret)
  }
  const [former, next] = ['former', 'next'].map((subject) => selfSigned({ subject }))
  replace(former!.issue({ subject: 'receiver', names: ['127.0.0.1'] }))
  const { send, context } = await startReceiver({
    'listen.ssl.certificate.location': certificate,
    'listen.ssl.key.location': key,
    'listen.ssl.reload.interval.ms': '5',
  })
  const isTrusted = (ca: string) =>
    send({}, { ca }).then(
      () => true,
      () => false,
    )
  expect(await isTrusted(former!.certificate)).toBe(true)
  writeFileSync(certificate, 'no certificate')
  await until(
    () => context.logged.some(({ message }) => message.includes('the former ones are: The certificate and its key')),
    'it says so',
  )
  expect(await isTrusted(former!.certificate)).toBe(true)
  replace(next!.issue({ subject: 'receiver', names: ['127.0.0.1'] }))
  await expect.poll(() => isTrusted(next!.certificate)).toBe(true)
  expect(await isTrusted(former!.certificate)).toBe(false)
})

const configOf = (config: Record<string, string>) =>
  parseSettings(webhookSource.settings, { 'listen.port': '18080', 'topic.mapping': '/a:a', ...config })

test('a port that is in use is tried again', async () => {
  const { port } = await startReceiver()
  const context = taskContext(
    webhookSource.settings,
    { 'listen.port': String(port), 'topic.mapping': '/a:a' },
    new AbortController().signal,
  )
  await expect(webhookSource.read({ ...context, positions: new StoredPositions() }).next()).rejects.toThrow(Retriable)
})

test('a listener that cannot start is a problem of its setting', async () => {
  const systemProblems = (config: Record<string, string>) => webhookSource.checkSystem!(configOf(config), new AbortController().signal)
  expect(await systemProblems({})).toEqual([])
  expect(await systemProblems({ 'listen.host': '192.0.2.1' })).toMatchObject([{ setting: 'listen.host' }])
  const certificate = { 'listen.ssl.certificate.location': '/none.pem', 'listen.ssl.key.location': '/none.pem' }
  expect(await systemProblems(certificate)).toMatchObject([
    { setting: 'listen.ssl.certificate.location', why: expect.stringMatching(/ENOENT/) },
  ])
})

test('a listener that is open to strangers warns', async () => {
  const warnings = async (config: Record<string, string>) =>
    (await webhookSource.observe!(configOf(config), new AbortController().signal)).warnings
  expect(await warnings({})).toEqual([])
  expect(await warnings({ 'listen.host': '0.0.0.0' })).toEqual([expect.stringMatching(/Whoever reaches 0\.0\.0\.0:18080/)])
  expect(await warnings({ 'listen.host': '0.0.0.0', 'signature.scheme': 'token', 'signature.secret': 's' })).toEqual([])
})

test.each([
  [{ 'signature.scheme': 'github' }, ['signature.secret']],
  [{ 'signature.secret': 's' }, ['signature.scheme']],
  [{ 'signature.scheme': 'github', 'signature.secret': 's', 'signature.secret.previous': '' }, ['signature.secret.previous']],
  [{ 'listen.ssl.key.location': 'k' }, ['listen.ssl.certificate.location']],
  [{ 'listen.ssl.client.ca.location': 'c' }, ['listen.ssl.client.ca.location']],
  [{ 'key.header': 'a', 'key.json.pointer': '/a' }, ['key.json.pointer']],
  [{ 'key.json.pointer': '/a', 'value.format': 'string' }, ['key.json.pointer']],
  [{ 'max.inflight.bytes': '10' }, ['max.inflight.bytes']],
])('%o has a problem at %o', (config, names) => {
  expect(webhookSource.check!(configOf(config as Record<string, string>)).map(({ setting }) => setting)).toEqual(names)
})

test('a mapping that is none is refused', () => {
  for (const wrong of ['', 'a:b', '/a', '/a:b c', '/a:x,/a:y', '/a?x:b', '/a:.', '/a:..'])
    expect(() => configOf({ 'topic.mapping': wrong })).toThrow(/topic\.mapping/)
})
