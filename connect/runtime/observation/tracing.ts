/**
 * Whether the tasks of this worker are traced, and where their spans go. OpenTelemetry is loaded only where the worker's file
 * (`tracing.otlp.endpoint`) or its variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_EXPORTER=otlp`) ask for it: off, it costs
 * nothing.
 */
import type { System } from '../../../core/system/index.ts'
import type { WorkerTracing } from './task-tracing.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The URL that traces are sent to; null where tracing is off. OpenTelemetry's variables have OpenTelemetry's meaning. */
export function tracesUrl(endpoint: string | null, environment: Environment): string | null {
  if (environment.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return null
  if (endpoint !== null) return endpoint
  const exporter = environment.OTEL_TRACES_EXPORTER?.trim()
  if (exporter !== undefined && exporter !== '' && exporter !== 'otlp') return null
  const ofTraces = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
  if (ofTraces) return ofTraces
  const ofAll = environment.OTEL_EXPORTER_OTLP_ENDPOINT ?? (exporter === 'otlp' ? 'http://localhost:4318' : undefined)
  return ofAll ? `${ofAll.replace(/\/$/, '')}/v1/traces` : null
}

export async function openTracing(url: string | null, workerId: string, system: System): Promise<WorkerTracing | null> {
  if (url === null) return null
  const { OtlpTracing } = await import('./otlp-tracing.ts')
  return new OtlpTracing(url, workerId, system)
}
