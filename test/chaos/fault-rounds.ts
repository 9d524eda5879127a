/**
 * Rounds of faults against a broker process under a workload: kill -9 and start again, or SIGSTOP and SIGCONT. Each round waits until the
 * writers have written again since the last one.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Workload } from '../history/workload.ts'
import { until } from '../until.ts'

export interface Victim {
  readonly pid: number
  kill(): Promise<void>
  start(): Promise<void>
}

export const faults = ['kill', 'pause'] as const
export type Fault = (typeof faults)[number]

export interface FaultRounds {
  readonly rounds: readonly Fault[]
  readonly random: () => number
  /** How long a paused broker sleeps at the most. */
  readonly longestPauseMs: number
  onRound?(round: number, fault: Fault): void
}

/** How long the clients may take to get on after a fault. */
const RECOVERY_MS = 120_000
/** Within which the moment of a fault is chosen. */
const MOMENT_MS = 500

export async function faultRounds(
  workload: Workload,
  victim: Victim,
  { rounds, random, longestPauseMs, onRound }: FaultRounds,
): Promise<void> {
  const clients = [...workload.progress().keys()]
  await until(() => progressed(workload, clients, 0), 'every client has done something', RECOVERY_MS)
  for (const [i, fault] of rounds.entries()) {
    const before = workload.progress()
    await until(() => progressed(workload, workload.writers, before), `every writer writes again before round ${i + 1}`, RECOVERY_MS)
    await pause(random() * MOMENT_MS)
    onRound?.(i + 1, fault)
    if (fault === 'kill') {
      await victim.kill()
      await victim.start()
    } else {
      process.kill(victim.pid, 'SIGSTOP')
      try {
        await pause(random() * longestPauseMs)
      } finally {
        process.kill(victim.pid, 'SIGCONT')
      }
    }
    await workload.observeGroups()
  }
}

/** Throws with the names of those that did nothing more, so that they are in the message when the time is over. */
function progressed(workload: Workload, names: readonly string[], since: 0 | ReadonlyMap<string, number>): true {
  const now = workload.progress()
  const waiting = names.filter((name) => now.get(name)! <= (since === 0 ? 0 : since.get(name)!))
  if (waiting.length > 0) throw new Error(`nothing yet from ${waiting.join(', ')}`)
  return true
}

/** Kills and pauses in turn, beginning with a kill. */
export const alternating = (rounds: number): Fault[] => Array.from({ length: rounds }, (_, i) => faults[i % faults.length]!)
