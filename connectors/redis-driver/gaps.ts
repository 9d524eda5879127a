/**
 * The gaps of a subscription: how often, and for how long, a task was not subscribed after it had been. Counted over the reads of a task,
 * which has one config object.
 */
import type { SourceContext } from '../../connect/sdk/index.ts'

interface GapState {
  count: number
  lostAtMs: number | null
}

const states = new WeakMap<object, GapState>()

export class SubscriptionGaps {
  readonly #context: Pick<SourceContext<unknown>, 'log' | 'gauge'>
  readonly #state: GapState

  constructor(context: Pick<SourceContext<object>, 'log' | 'gauge' | 'config'>) {
    this.#context = context
    const known = states.get(context.config) ?? { count: 0, lostAtMs: null }
    states.set(context.config, known)
    this.#state = known
    context.gauge?.('subscription-gaps', known.count)
  }

  lost(nowMs: number): void {
    this.#state.lostAtMs ??= nowMs
  }

  /** A part of what is listened to, which was not before; `lost` says what that has cost. */
  joined(part: string, lost: string): void {
    this.#tell(`${part} was not listened to: ${lost}`)
  }

  /** `lost` says what the gap has cost. */
  subscribed(nowMs: number, lost: string): void {
    const { lostAtMs } = this.#state
    if (lostAtMs === null) return
    this.#state.lostAtMs = null
    this.#tell(`The subscription was interrupted for ${nowMs - lostAtMs} ms: ${lost}`)
  }

  #tell(message: string): void {
    this.#state.count++
    this.#context.log.warn(message)
    this.#context.gauge?.('subscription-gaps', this.#state.count)
  }
}
