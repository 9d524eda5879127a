/**
 * Goal: tasks are traced only where the worker's file or OpenTelemetry's variables ask for it; their spans reach a collector, and keep the
 * trace that their records come with. Method: an HTTP server that takes spans as a collector does.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { spanContextOf } from '../../../../connect/runtime/observation/otlp-tracing.ts'
import { openTracing, tracesUrl } from '../../../../connect/runtime/observation/tracing.ts'
import { realSystem } from '../../../../core/system/index.ts'

interface SentSpan {
  name: string
  traceId: string
  spanId: string
  parentSpanId?: string
  links: { traceId: string }[]
  status: { code: number; message?: string }
}

const servers: ReturnType<typeof createServer>[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function collector() {
  const spans: SentSpan[] = []
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const { resourceSpans } = JSON.parse(Buffer.concat(parts).toString())
    for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans)
    response.setHeader('content-type', 'application/json').end('{}')
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { spans, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces` }
}

const traceId = '0af7651916cd43dd8448eb211c80319c'
const headed = (id: string) => ({ headers: [{ key: 'traceparent', value: `00-${id}-b7ad6b7169203331-01` }] }) as never

test.each([
  [null, {}, null],
  ['http://a/v1/traces', {}, 'http://a/v1/traces'],
  ['http://a/v1/traces', { OTEL_SDK_DISABLED: 'true' }, null],
  [null, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://b:4318/' }, 'http://b:4318/v1/traces'],
  [null, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/x' }, 'http://c/x'],
  [null, { OTEL_TRACES_EXPORTER: 'otlp' }, 'http://localhost:4318/v1/traces'],
  [null, { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://b:4318' }, null],
])('traces of %j with %j go to %s', (endpoint, environment, url) => expect(tracesUrl(endpoint, environment)).toBe(url))

test('without a URL there is no tracing', async () => expect(await openTracing(null, 'w', realSystem())).toBeNull())

test('a batch is one trace, and that of its records where they have one', async () => {
  const { spans, url } = await collector()
  const tracing = (await openTracing(url, 'w', realSystem()))!
  const task = tracing.task('c', 0)
  task.polled([headed(traceId), headed(traceId)], 5)
  await task.converting(2, async () => 'converted')
  await task.putting([headed(traceId)], async () => {})
  const other = traceId.replaceAll('0', '1')
  task.polled([headed(traceId), headed(other)], 5)
  await tracing.close()
  const [poll, convert, put, linked] = spans as [SentSpan, SentSpan, SentSpan, SentSpan]
  expect(spans.map(({ name }) => name)).toEqual(['poll', 'convert', 'put', 'poll'])
  expect([poll.traceId, convert.traceId, put.traceId]).toEqual([traceId, traceId, traceId])
  expect([poll.parentSpanId, convert.parentSpanId]).toEqual(['b7ad6b7169203331', poll.spanId])
  expect(linked.traceId).not.toBe(traceId)
  expect(linked.links.map((link) => link.traceId)).toEqual([traceId, other])
})

test('a failure is in its span without its message, which may have secrets', async () => {
  const { spans, url } = await collector()
  const tracing = (await openTracing(url, 'w', realSystem()))!
  await expect(tracing.task('c', 0).flushing(async () => Promise.reject(new Error('password hunter2')))).rejects.toThrow('hunter2')
  await tracing.close()
  expect(spans[0]!.status.code).toBe(2)
  expect(JSON.stringify(spans)).not.toContain('hunter2')
})

test('headers that are none of W3C are left alone', () => {
  for (const value of ['', 'x', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, null, 5]) expect(spanContextOf(value)).toBeNull()
  expect(spanContextOf(Buffer.from(`00-${traceId}-b7ad6b7169203331-00`))).toMatchObject({ traceId, traceFlags: 0 })
})
