/**
 * Restarts failed connectors and tasks of this worker after a back-off. What is stopped, restarted by a user or assigned to another worker
 * meanwhile is left alone. `restart-decision.ts` decides; this holds the counts and the timers.
 */

import type { Timer } from '../../core/system/clock.ts'
import type { System } from '../../core/system/index.ts'
import { decideRestart, type NoRestart, type RestartPolicy, waitingMends } from './restart-decision.ts'

/** What a status says about a restart to come, or about why there is none. */
export interface RestartPlan {
  /** Automatic restarts since it last ran well, this one included. */
  restarts: number
  /** Ms since the epoch; null where a user must restart it. */
  nextTime: number | null
  reason: 'restart' | NoRestart
}

interface Entry {
  restarts: number
  startedMs: number
  timer: Timer | null
}

export class AutomaticRestarts {
  readonly #system: System
  readonly #restart: (key: string) => void
  readonly #entries = new Map<string, Entry>()

  /** `restart` is called when the back-off of a key is over. */
  constructor(system: System, restart: (key: string) => void) {
    this.#system = system
    this.#restart = restart
  }

  started(key: string): void {
    const entry = this.#entries.get(key)
    if (entry) entry.startedMs = this.#system.clock.monotonic()
    else this.#entries.set(key, { restarts: 0, startedMs: this.#system.clock.monotonic(), timer: null })
  }

  /** How many automatic restarts count at the moment. */
  restartsOf = (key: string): number => this.#entries.get(key)?.restarts ?? 0

  failed(key: string, policy: RestartPolicy, error: unknown): RestartPlan {
    const { clock, random } = this.#system
    const entry = this.#entries.get(key) ?? { restarts: 0, startedMs: clock.monotonic(), timer: null }
    this.#entries.set(key, entry)
    entry.timer?.cancel()
    const failure = { restarts: entry.restarts, ranMs: clock.monotonic() - entry.startedMs, mends: waitingMends(error) }
    const { restarts, delayMs, why } = decideRestart(policy, failure, random)
    entry.restarts = restarts
    entry.timer =
      delayMs === null
        ? null
        : clock.after(delayMs, () => {
            entry.timer = null
            this.#restart(key)
          })
    return { restarts, nextTime: delayMs === null ? null : Math.round(clock.now() + delayMs), reason: why ?? 'restart' }
  }

  /** It was stopped, or a user has restarted it: what comes later counts from zero. */
  forget(key: string): void {
    this.#entries.get(key)?.timer?.cancel()
    this.#entries.delete(key)
  }

  close(): void {
    for (const key of [...this.#entries.keys()]) this.forget(key)
  }
}
