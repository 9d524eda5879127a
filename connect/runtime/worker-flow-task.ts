/**
 * The inside of a flow task: a connector that owns its I/O on both sides. The loop starts it, pauses it by ending it, starts it again from
 * its positions, and tries again what may be tried again.
 */
import type { System } from '../../core/system/index.ts'
import { EndOfSource, type FlowContext, type FlowSide, type Position, Retriable } from '../sdk/index.ts'
import type { OffsetStore } from '../storage/offset-backing-store.ts'
import type { Tolerance } from './retry-with-tolerance-operator.ts'
import type { TaskControl, TaskLoop } from './task-control.ts'
import { mayBeTriedAgain } from './worker-source-task.ts'

export interface FlowLoopParts {
  // biome-ignore lint/suspicious/noExplicitAny: the config's type is the connector's own
  side: FlowSide<any>
  // biome-ignore lint/suspicious/noExplicitAny: see above
  context: Omit<FlowContext<any>, 'signal' | 'positions' | 'commit'>
  offsets: OffsetStore
  tolerance: Tolerance
  system: System
}

/** How often a paused flow looks whether it may go on, and a running one whether it is to pause. */
const WATCH_MS = 100

export class FlowLoop implements TaskLoop {
  readonly #parts: FlowLoopParts

  constructor(parts: FlowLoopParts) {
    this.#parts = parts
  }

  async run(control: TaskControl): Promise<void> {
    const { context, system, tolerance } = this.#parts
    for (let attempts = 0; !control.stopping; ) {
      await control.active()
      if (control.stopping) return
      const began = system.clock.monotonic()
      try {
        if ((await this.#once(control)) === 'ended') await control.ended()
      } catch (error) {
        if (error instanceof EndOfSource) {
          await control.ended()
          return
        }
        if (control.stopping) return
        if (!mayBeTriedAgain(error)) throw error
        if (system.clock.monotonic() - began > 60_000) attempts = 0
        const delay = (error instanceof Retriable ? error.afterMs : undefined) ?? tolerance.backoff(attempts++)
        context.log.warn(`the flow starts again in ${delay} ms: ${error.message}`, { err: error })
        await system.clock.sleep(delay, control.signal)
      }
    }
  }

  /** One run, which a pause or the end of the task cuts short. */
  async #once(control: TaskControl): Promise<'ended' | 'paused'> {
    const { side, context, offsets, system } = this.#parts
    await offsets.refresh()
    const ending = new AbortController()
    const end = () => ending.abort()
    control.signal.addEventListener('abort', end, { once: true })
    const watch = system.clock.every(WATCH_MS, () => {
      if (control.paused) end()
    })
    try {
      await side.run({
        ...context,
        signal: ending.signal,
        positions: { get: async (partition) => offsets.get(context.connector, partition) },
        commit: async (positions: readonly Position[]) => {
          // Invariant 9: a task that was given up on leaves the positions to its successor
          if (!control.abandoned) await offsets.put(context.connector, positions)
        },
      })
      return control.paused ? 'paused' : 'ended'
    } finally {
      watch.cancel()
      control.signal.removeEventListener('abort', end)
    }
  }
}
