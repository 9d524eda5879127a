/**
 * Goal: a change that carries the context of a trace has spans within it, and its record the context in a header. Method: a tracer that
 * keeps its spans, and the W3C propagator's format.
 */
import { context, propagation, trace } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, expect, test } from 'vitest'
import { schemas } from '../../../../connect/sdk/index.ts'
import { mayTrace, traceChange } from '../../../../connect/transforms/data/tracing-span.ts'
import { change } from '../changes.ts'

const exporter = new InMemorySpanExporter()
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))
propagation.setGlobalPropagator({
  fields: () => ['traceparent'],
  inject: (from, carrier, setter) => {
    const { traceId, spanId } = trace.getSpanContext(from)!
    setter.set(carrier, 'traceparent', `00-${traceId}-${spanId}-01`)
  },
  extract: (into, carrier, getter) => {
    const [, traceId, spanId] = String(getter.get(carrier, 'traceparent')).split('-')
    return trace.setSpanContext(into, { traceId: traceId!, spanId: spanId!, traceFlags: 1, isRemote: true })
  },
})
afterAll(() => {
  trace.disable()
  propagation.disable()
  context.disable()
})

const settings = {
  'tracing.span.context.field': 'trace',
  'tracing.operation.name': 'reading',
  'tracing.with.context.field.only': true,
}
const row = schemas.struct({ trace: schemas.string({ optional: true }) })
const traceId = '0af7651916cd43dd8448eb211c80319c'
const given = (carried: string | null) => change(row, { after: { trace: carried } })

test('the spans are within the trace of the field, and the header has the context of the first', () => {
  const { valueSchema, value } = given(`#written by Java\ntraceparent=00-${traceId}-b7ad6b7169203331-01\n`)
  const headers = traceChange(settings, valueSchema!, value as Record<string, unknown>)
  const spans = exporter.getFinishedSpans()
  const [read, write] = [spans.find(({ name }) => name === 'reading')!, spans.find(({ name }) => name === 'db-log-write')!]
  expect(write.spanContext().traceId).toBe(traceId)
  expect(write.parentSpanContext?.spanId).toBe('b7ad6b7169203331')
  expect(write.attributes).toEqual({ 'db.type': 'postgresql', 'db.ts_ms': '5' })
  expect(read.parentSpanContext?.spanId).toBe(write.spanContext().spanId)
  expect(read.attributes).toEqual({ op: 'c', ts_ms: '7' })
  expect(headers).toEqual([{ key: 'traceparent', value: `00-${traceId}-${write.spanContext().spanId}-01`, schema: schemas.string() }])
})

test('without a context nothing is traced, unless all changes are', () => {
  exporter.reset()
  const { valueSchema, value } = given(null)
  expect(traceChange(settings, valueSchema!, value as Record<string, unknown>)).toEqual([])
  expect(exporter.getFinishedSpans()).toEqual([])
  traceChange({ ...settings, 'tracing.with.context.field.only': false }, valueSchema!, value as Record<string, unknown>)
  expect(exporter.getFinishedSpans()).toHaveLength(2)
})

test('rows that lack the field cannot be traced', () => {
  expect(mayTrace(settings, given(null).valueSchema!)).toBe(true)
  expect(mayTrace({ ...settings, 'tracing.span.context.field': 'nope' }, given(null).valueSchema!)).toBe(false)
})
