/**
 * The frame of a source's `read`: a run that waits for Redis is cut off when the task stops, and closed at its end.
 */
import type { SourceBatch } from '../../connect/sdk/index.ts'

export interface Run {
  batches(): AsyncGenerator<SourceBatch, void, void>
  /** Ends what waits for Redis. Without it `close` does. */
  abort?(): void
  close(): Promise<void> | void
}

/** The batches of a run, until `signal` aborts. */
export async function* runBatches(run: Run, signal: AbortSignal): AsyncGenerator<SourceBatch, void, void> {
  const stop = () => void (run.abort ? run.abort() : run.close())
  signal.addEventListener('abort', stop, { once: true })
  try {
    yield* run.batches()
  } catch (error) {
    // What was cut off by the stop says nothing.
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', stop)
    await run.close()
  }
}
