/** What the tracing of a worker and of its tasks does, whatever sends the spans. */
import type { ConsumedBatch, ProducerRecord, SendResult } from '../../../core/client/types.ts'
import type { SinkRecord, SourceRecord } from '../../sdk/index.ts'

/** The spans of one task: one for each poll, conversion, send, put, flush and commit, never one for each record. */
export interface TaskTracing {
  polled(records: readonly SourceRecord[], durationMs: number): void
  consumed(batches: readonly ConsumedBatch[], durationMs: number): void
  converting<T>(records: number, work: () => Promise<T>): Promise<T>
  sending(records: readonly ProducerRecord[], sent: Promise<SendResult>): Promise<SendResult>
  putting(records: readonly SinkRecord[], work: () => Promise<void>): Promise<void>
  flushing<T>(work: () => Promise<T>): Promise<T>
  committing<T>(offsets: number, work: () => Promise<T>): Promise<T>
}

export interface WorkerTracing {
  task(connector: string, task: number): TaskTracing
  /** Sends the last spans, within a bounded time. Never rejects. */
  close(): Promise<void>
}
