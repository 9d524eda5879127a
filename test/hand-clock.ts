/**
 * A clock that a test advances: timers run when their time has come, in the order of their times.
 */
import type { Clock } from '../core/system/clock.ts'

export interface HandClock {
  readonly clock: Clock
  /** Those that have not run. */
  readonly timers: number
  advance(ms: number): void
}

export function handClock(): HandClock {
  let now = 0
  const timers = new Set<{ at: number; task(): void }>()
  const after: Clock['after'] = (delayMs, task) => {
    const timer = { at: now + delayMs, task }
    timers.add(timer)
    return { cancel: () => timers.delete(timer) }
  }
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after,
    every(periodMs, task) {
      let timer = after(periodMs, again)
      function again(): void {
        timer = after(periodMs, again)
        task()
      }
      return { cancel: () => timer.cancel() }
    },
    sleep: (delayMs) => new Promise((resolve) => after(delayMs, resolve)),
    soon: (task) => void after(0, task),
  }
  return {
    clock,
    get timers() {
      return timers.size
    },
    advance(ms) {
      const end = now + ms
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
        if (!next) break
        timers.delete(next)
        now = next.at
        next.task()
      }
      now = end
    },
  }
}
