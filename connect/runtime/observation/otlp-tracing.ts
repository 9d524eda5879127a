/**
 * Traces by OTLP over HTTP. Each batch is a trace: its poll, with its conversion, its sends or its delivery inside. Where the records of a
 * batch have one W3C `traceparent` header the batch belongs to that trace; where they have several, its spans link to them. Headers stay as
 * they are, so that they reach the sink.
 */
import {
  type Attributes,
  type Context,
  DiagLogLevel,
  diag,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes, serviceNameEnvDetector } from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { ConsumedBatch, ProducerRecord, SendResult } from '../../../core/client/types.ts'
import type { System } from '../../../core/system/index.ts'
import { version } from '../../../core/system/version.ts'
import type { SinkRecord, SourceRecord } from '../../sdk/index.ts'
import type { TaskTracing, WorkerTracing } from './task-tracing.ts'

const SERVICE_NAME = 'kafka-connect'
/** A span links to at most so many other traces (Invariant 13). */
const MAX_LINKS = 32
/** Spans that wait to be sent; more are dropped. */
const MAX_QUEUED_SPANS = 2_048
const EXPORT_INTERVAL_MS = 1_000
const EXPORT_TIMEOUT_MS = 5_000
const TRACEPARENT = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-|$)/

export class OtlpTracing implements WorkerTracing {
  readonly #system: System
  readonly #provider: TracerProvider
  readonly #tracer: Tracer

  constructor(url: string, workerId: string, system: System) {
    this.#system = system
    const report = (message: string) => system.logger.warn({ url }, `traces cannot be sent: ${message}`)
    const ignore = () => {}
    diag.setLogger(
      { error: report, warn: report, info: ignore, debug: ignore, verbose: ignore },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    )
    const exporter = new OTLPTraceExporter({ url, timeoutMillis: EXPORT_TIMEOUT_MS })
    const attributes = { 'service.name': SERVICE_NAME, 'service.version': version, 'service.instance.id': workerId }
    this.#provider = new TracerProvider({
      // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES count more.
      resource: defaultResource()
        .merge(resourceFromAttributes(attributes))
        .merge(detectResources({ detectors: [envDetector, serviceNameEnvDetector] })),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter,
          maxQueueSize: MAX_QUEUED_SPANS,
          scheduledDelayMillis: EXPORT_INTERVAL_MS,
          exportTimeoutMillis: EXPORT_TIMEOUT_MS,
        }),
      ],
    })
    this.#tracer = this.#provider.getTracer('tributary.connect', version)
  }

  task = (connector: string, task: number): TaskTracing =>
    new OtlpTaskTracing(this.#tracer, this.#system, {
      'messaging.system': 'kafka',
      'kafka.connect.connector': connector,
      'kafka.connect.task': task,
    })

  async close(): Promise<void> {
    try {
      await this.#provider.shutdown()
    } catch (error) {
      this.#system.logger.warn({ err: error }, 'the last traces could not be sent')
    }
  }
}

interface Headed {
  readonly headers: readonly { readonly key: string; readonly value: unknown }[]
}

export function spanContextOf(value: unknown): SpanContext | null {
  const text = typeof value === 'string' ? value : value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : ''
  const [, traceId, spanId, flags] = TRACEPARENT.exec(text) ?? []
  if (traceId === undefined || spanId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return null
  return { traceId, spanId, traceFlags: Number.parseInt(flags!, 16), isRemote: true }
}

/** The distinct traces that records come from, no more than a span links to. */
function contextsOf(records: readonly Headed[], found = new Map<string, SpanContext>()): Map<string, SpanContext> {
  for (const { headers } of records) {
    for (const { key, value } of headers) {
      if (key !== 'traceparent') continue
      const context = spanContextOf(value)
      if (context) found.set(context.traceId + context.spanId, context)
    }
    if (found.size >= MAX_LINKS) break
  }
  return found
}

class OtlpTaskTracing implements TaskTracing {
  readonly #tracer: Tracer
  readonly #system: System
  readonly #attributes: Attributes
  /** That of the batch that is processed: a task has one at a time. */
  #batch: Context = ROOT_CONTEXT

  constructor(tracer: Tracer, system: System, attributes: Attributes) {
    this.#tracer = tracer
    this.#system = system
    this.#attributes = attributes
  }

  polled(records: readonly SourceRecord[], durationMs: number): void {
    this.#beginBatch(contextsOf(records), records.length, durationMs)
  }

  consumed(batches: readonly ConsumedBatch[], durationMs: number): void {
    const contexts = new Map<string, SpanContext>()
    let count = 0
    for (const { records } of batches) {
      count += records.length
      contextsOf(records, contexts)
    }
    if (count > 0) this.#beginBatch(contexts, count, durationMs)
  }

  #beginBatch(contexts: ReadonlyMap<string, SpanContext>, records: number, durationMs: number): void {
    const [only] = contexts.values()
    const parent = contexts.size === 1 ? trace.setSpanContext(ROOT_CONTEXT, only!) : ROOT_CONTEXT
    const links: Link[] = contexts.size === 1 ? [] : [...contexts.values()].map((context) => ({ context }))
    const span = this.#start('poll', SpanKind.CONSUMER, records, parent, links, this.#system.clock.now() - durationMs)
    span.end()
    this.#batch = trace.setSpan(ROOT_CONTEXT, span)
  }

  #start(name: string, kind: SpanKind, count: number, parent: Context, links: Link[] = [], startTime?: number): Span {
    const attributes = { ...this.#attributes, 'messaging.batch.message_count': count, 'messaging.operation.name': name }
    return this.#tracer.startSpan(name, { kind, attributes, links, ...(startTime === undefined ? {} : { startTime }) }, parent)
  }

  async #within<T>(span: Span, work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      // Invariant 12: the message of an error may have what a reference stands for.
      span.setAttribute('error.type', (error as Error)?.name ?? 'Error')
      span.setStatus({ code: SpanStatusCode.ERROR })
      throw error
    } finally {
      span.end()
    }
  }

  converting<T>(records: number, work: () => Promise<T>): Promise<T> {
    return this.#within(this.#start('convert', SpanKind.INTERNAL, records, this.#batch), work())
  }

  sending(records: readonly ProducerRecord[], sent: Promise<SendResult>): Promise<SendResult> {
    return this.#within(this.#start('send', SpanKind.PRODUCER, records.length, this.#batch), sent)
  }

  putting(records: readonly SinkRecord[], work: () => Promise<void>): Promise<void> {
    return this.#within(this.#start('put', SpanKind.CONSUMER, records.length, this.#batch), work())
  }

  flushing<T>(work: () => Promise<T>): Promise<T> {
    return this.#within(this.#start('flush', SpanKind.INTERNAL, 0, ROOT_CONTEXT), work())
  }

  committing<T>(offsets: number, work: () => Promise<T>): Promise<T> {
    return this.#within(this.#start('commit', SpanKind.CLIENT, offsets, ROOT_CONTEXT), work())
  }
}
