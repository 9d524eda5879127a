/**
 * Runs a flow task: a connector that does its own I/O on both sides, as the mirror does. A pause stops the flow, a resume starts it again
 * from its stored positions, and a retriable error starts it again after a back-off.
 */
import type { System } from '../../core/system/index.ts'
import { EndOfSource, type FlowContext, type FlowSide, type Position, Retriable } from '../sdk/index.ts'
import type { OffsetBackingStore } from '../storage/offset-backing-store.ts'
import { isRetriableError, type RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'
import type { RunnableTask, TaskControl } from './task-control.ts'

export interface WorkerFlowTaskOptions {
  // biome-ignore lint/suspicious/noExplicitAny: the config's type is the connector's own
  side: FlowSide<any>
  // biome-ignore lint/suspicious/noExplicitAny: see above
  context: Omit<FlowContext<any>, 'signal' | 'positions' | 'commit'>
  offsets: OffsetBackingStore
  retryWithTolerance: RetryWithToleranceOperator
  system: System
}

/** A flow that has run for this long starts again with the first back-off. */
const BACKOFF_RESET_MS = 60_000

export class WorkerFlowTask implements RunnableTask {
  readonly #options: WorkerFlowTaskOptions

  constructor(options: WorkerFlowTaskOptions) {
    this.#options = options
  }

  async run(control: TaskControl): Promise<void> {
    const { context, system, retryWithTolerance } = this.#options
    for (let attempts = 0; !control.stopping; ) {
      await control.awaitUnpause()
      if (control.stopping) return
      const start = system.clock.monotonic()
      // A flow does its own I/O: the runtime sees only that it is started again and again.
      const works = attempts > 0 ? system.clock.after(BACKOFF_RESET_MS, () => control.progress.end('read')) : null
      try {
        if ((await this.#runOnce(control)) === 'ended') await control.awaitStop()
      } catch (error) {
        if (error instanceof EndOfSource) {
          await control.awaitStop()
          return
        }
        if (control.stopping) return
        if (!isRetriableError(error)) throw error
        if (system.clock.monotonic() - start > BACKOFF_RESET_MS) {
          attempts = 0
          control.progress.end('read')
        }
        control.progress.begin('read')
        const delay = (error instanceof Retriable ? error.afterMs : undefined) ?? retryWithTolerance.backoff(attempts++)
        context.log.warn(`the flow is restarted in ${delay} ms: ${error.message}`, { err: error })
        works?.cancel()
        await system.clock.sleep(delay, control.signal)
      } finally {
        works?.cancel()
      }
    }
  }

  /** Runs the flow until it ends, or a pause or stop ends it. */
  async #runOnce(control: TaskControl): Promise<'ended' | 'paused'> {
    const { side, context, offsets } = this.#options
    const { signal, pauseSignal } = control
    await offsets.refresh()
    await side.run({
      ...context,
      signal: AbortSignal.any([signal, pauseSignal]),
      positions: { get: async (partition) => offsets.get(context.connector, partition) },
      commit: async (positions: readonly Position[]) => {
        // Invariant 9: a cancelled task leaves the positions to its successor.
        if (!control.cancelled) await offsets.put(context.connector, positions)
      },
    })
    return pauseSignal.aborted ? 'paused' : 'ended'
  }
}
