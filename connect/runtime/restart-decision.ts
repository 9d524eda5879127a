/**
 * Whether and when a failed connector or task is restarted: a pure decision about its failures so far. Between the failure and the restart
 * it is FAILED with its trace, as in Kafka Connect.
 */
import { KafkaError } from '../../core/errors.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import type { Random } from '../../core/system/random.ts'
import { Disconnected, InvalidSetting, MissingSetting, Retriable } from '../sdk/index.ts'
import { ConnectError } from '../types.ts'
import { ProcessingError } from './retry-with-tolerance-operator.ts'

export interface RestartPolicy {
  enabled: boolean
  /** -1: no limit. */
  max: number
  backoffMs: number
  maxBackoffMs: number
  resetMs: number
}

/** Why a failed connector or task is not restarted. */
export type NoRestart = 'disabled' | 'cannot-mend' | 'exhausted'

export interface RestartDecision {
  /** Automatic restarts so far that count, this one included. */
  restarts: number
  /** Null where it stays FAILED. */
  delayMs: number | null
  why?: NoRestart
}

/** `ranMs` is how long it ran before it failed; `restarts` those that counted until then. */
export function decideRestart(
  policy: RestartPolicy,
  { restarts, ranMs, mends }: { restarts: number; ranMs: number; mends: boolean },
  random: Random,
): RestartDecision {
  const before = ranMs >= policy.resetMs ? 0 : restarts
  if (!policy.enabled) return { restarts: before, delayMs: null, why: 'disabled' }
  if (!mends) return { restarts: before, delayMs: null, why: 'cannot-mend' }
  if (policy.max !== -1 && before >= policy.max) return { restarts: before, delayMs: null, why: 'exhausted' }
  const maxMs = Math.max(policy.backoffMs, policy.maxBackoffMs)
  return { restarts: before + 1, delayMs: Math.round(Math.min(maxMs, backoffMs({ baseMs: policy.backoffMs, maxMs }, before, random))) }
}

/** How deep the causes of an error are searched. */
const MAX_CAUSES = 10

/** Errors whose class was lost on the way from another thread, with what `waitingMends` has said there. */
const known = new WeakMap<Error, boolean>()

export function classified(error: Error, mends: boolean): Error {
  known.set(error, mends)
  return error
}

/**
 * Whether the same work may succeed later though nobody changes anything. An invalid config and a record that cannot be converted or
 * written stay what they are; a system that does not respond, and an error that nobody knows, may mend.
 */
export function waitingMends(error: unknown): boolean {
  const before = error instanceof Error ? known.get(error) : undefined
  if (before !== undefined) return before
  let next: unknown = error
  for (let depth = 0; next instanceof Error && depth < MAX_CAUSES; depth++) {
    if (next instanceof Retriable || next instanceof Disconnected || (next instanceof KafkaError && next.retriable)) return true
    if (next instanceof InvalidSetting || next instanceof MissingSetting) return false
    if (next instanceof ConnectError && next.status >= 400 && next.status < 500 && next.status !== 409) return false
    next = next.cause
  }
  return !(error instanceof ProcessingError && error.stage !== 'KAFKA_PRODUCE')
}
