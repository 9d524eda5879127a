/**
 * Stops a flow: waits for batches in flight, stores the progress, and closes the connections, each within a limit. What cannot be stored
 * in time is logged with what that means for the next start; no record is lost by it.
 */
import type { Clock } from '../../core/system/clock.ts'
import type { Logger } from '../../core/system/logger.ts'
import { within } from '../../core/system/within.ts'

/** How long to wait for batches in flight: first while unsent batches are still sent, then without that. */
const DRAIN_MS = 2_000
const IN_FLIGHT_MS = 300
const FINAL_WRITES_MS = 1_500
const CLOSE_MS = 750

/** One of the writes of a stopping flow. */
export interface FinalWrite {
  /** As in "the offset map was not written". */
  what: string
  /** What it means that it was not written. */
  consequence: string
  write(): Promise<void>
}

interface Closeable {
  close(): Promise<void>
}

export interface ShutdownOptions {
  /** Of the flow, for the log. */
  name: string
  clock: Clock
  logger: Logger
  fetcher: Closeable & { setPaused(paused: boolean): void }
  sender: Closeable & { drained(): Promise<void>; halt(): void }
  /** Called when no more batches are sent. The writes run in order; after the first that fails, no other is tried. */
  finalWrites(): readonly FinalWrite[]
  /** Ends everything that still runs. */
  abort(): void
  /** What uses the clients, and the clients. */
  parts: readonly Closeable[]
  clients: readonly Closeable[]
}

export async function shutDownFlow(options: ShutdownOptions): Promise<void> {
  const { clock, fetcher, sender, parts, clients, abort } = options
  fetcher.setPaused(true)
  await within(clock, DRAIN_MS, sender.drained())
  sender.halt()
  await within(clock, IN_FLIGHT_MS, sender.drained())
  await writeFinally(options, options.finalWrites())
  abort()
  await closeAll(options, [fetcher, sender, ...parts])
  await closeAll(options, clients)
}

async function writeFinally({ name, clock, logger }: ShutdownOptions, writes: readonly FinalWrite[]): Promise<void> {
  let written = 0
  let failure: unknown = new Error(`not written within ${FINAL_WRITES_MS} ms`)
  const run = async () => {
    try {
      for (; written < writes.length; written++) await writes[written]!.write()
    } catch (error) {
      failure = error
    }
  }
  await within(clock, FINAL_WRITES_MS, run())
  for (const { what, consequence } of writes.slice(written))
    logger.warn({ mirror: name, err: failure }, `${what} could not be written before the flow stopped: ${consequence}`)
}

async function closeAll({ name, clock, logger }: ShutdownOptions, parts: readonly Closeable[]): Promise<void> {
  const closing = Promise.all(
    parts.map((part) =>
      part.close().catch((error: unknown) => logger.debug({ mirror: name, err: error }, 'a connection of a stopped flow was not closed')),
    ),
  )
  await within(clock, CLOSE_MS, closing)
}
