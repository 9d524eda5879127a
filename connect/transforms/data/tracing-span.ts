/**
 * Spans of a change that carries the context of a trace in a field, as Debezium makes them: one for the write in the database, and one
 * within it for the reading. The context goes on in the headers of the record. Without a tracer that somebody registered nothing happens.
 */
import type { Context, Span } from '@opentelemetry/api'
import { parseProperties } from '../../../core/system/java-properties.ts'
import { lazyLibrary } from '../../../core/system/lazy-library.ts'
import { type Header, type Schema, schemas } from '../../sdk/index.ts'
import { fieldNamed } from './envelope.ts'
import type { Fields } from './requirements.ts'

const openTelemetry = lazyLibrary<typeof import('@opentelemetry/api')>('@opentelemetry/api')

const TRACER = 'io.debezium.transforms.tracing.TracingSpanUtil'
const WRITE = 'db-log-write'

/** Attributes of the write that are not called as the fields of `source`. */
const attributeNames: Readonly<Record<string, string>> = { db: 'db.instance', connector: 'db.type', name: 'db.cdc-name' }

export interface TracingSettings {
  'tracing.span.context.field': string
  'tracing.operation.name': string
  'tracing.with.context.field.only': boolean
}

function setAttributes(span: Span, schema: Schema, struct: Fields, nameOf: (field: string) => string): void {
  for (const { name } of schema.fields!) {
    const value = struct[name] ?? null
    if (value !== null) span.setAttribute(nameOf(name), String(value))
  }
}

/** The context that the field of the row has, a text of Java's Properties; null where there is none. */
function carriedContext(field: string, value: Fields): string | null {
  const carried = (value.after as Fields | null)?.[field]
  return typeof carried === 'string' ? carried : null
}

/** Whether changes with this envelope may be traced at all. */
export function mayTrace(settings: TracingSettings, envelope: Schema): boolean {
  if (!settings['tracing.with.context.field.only']) return true
  const row = fieldNamed(envelope, 'after')?.schema
  return row?.type === 'struct' && fieldNamed(row, settings['tracing.span.context.field'])?.schema.type === 'string'
}

/** The headers that the record gets. */
export function traceChange(settings: TracingSettings, envelope: Schema, value: Fields): Header[] {
  const carried = carriedContext(settings['tracing.span.context.field'], value)
  if (carried === null && settings['tracing.with.context.field.only']) return []
  const { context, propagation, trace } = openTelemetry()
  const tracer = trace.getTracer(TRACER)
  const parent: Context = carried === null ? context.active() : propagation.extract(context.active(), parseProperties(carried))
  const sourceSchema = fieldNamed(envelope, 'source')?.schema
  const source = (value.source ?? null) as Fields | null
  const writtenAt = source?.ts_ms
  const write = tracer.startSpan(WRITE, typeof writtenAt === 'number' ? { startTime: writtenAt } : {}, parent)
  const within = trace.setSpan(parent, write)
  const headers: Header[] = []
  try {
    if (source && sourceSchema?.type === 'struct')
      setAttributes(write, sourceSchema, source, (field) => attributeNames[field] ?? `db.${field}`)
    const readAt = value.ts_ms
    const read = tracer.startSpan(settings['tracing.operation.name'], typeof readAt === 'number' ? { startTime: readAt } : {}, within)
    if (typeof value.op === 'string') read.setAttribute('op', value.op)
    if (typeof readAt === 'number') read.setAttribute('ts_ms', String(readAt))
    read.end()
    propagation.inject(within, headers, { set: (into, key, text) => void into.push({ key, schema: schemas.string(), value: text }) })
  } finally {
    write.end()
  }
  return headers
}
