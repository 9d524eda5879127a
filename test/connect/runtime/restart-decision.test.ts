/**
 * Goal: a failed task is restarted where waiting may help, ever later, and not for ever. Method: stories of failures, told to the pure
 * decision with a random that adds no jitter.
 */
import { describe, expect, test } from 'vitest'
import { decideRestart, type RestartPolicy, waitingMends } from '../../../connect/runtime/restart-decision.ts'
import { ProcessingError } from '../../../connect/runtime/retry-with-tolerance-operator.ts'
import { BadRecord, DataError, Disconnected, InvalidSetting, MissingSetting, Retriable } from '../../../connect/sdk/index.ts'
import { ConnectError } from '../../../connect/types.ts'
import { KafkaError } from '../../../core/errors.ts'
import type { Random } from '../../../core/system/random.ts'

const noJitter = { below: (limit: number) => limit / 2 } as Random
const policy: RestartPolicy = { enabled: true, max: 4, backoffMs: 10, maxBackoffMs: 35, resetMs: 1_000 }

/** The delays of failures one after another; each ran for `ranMs`. */
function story(ranMs: readonly number[], more: Partial<RestartPolicy> = {}, mends = true) {
  let restarts = 0
  return ranMs.map((ran) => {
    const decision = decideRestart({ ...policy, ...more }, { restarts, ranMs: ran, mends }, noJitter)
    restarts = decision.restarts
    return decision.delayMs ?? decision.why
  })
}

describe('a task that fails again and again', () => {
  test('is restarted ever later, up to a maximum, and then no more', () => {
    expect(story([0, 0, 0, 0, 0, 0])).toEqual([10, 20, 35, 35, 'exhausted', 'exhausted'])
  })
  test('begins anew after it has run well', () => {
    expect(story([0, 0, 1_000, 0, 999, 0])).toEqual([10, 20, 10, 20, 35, 35])
  })
  test('is restarted for ever with a maximum of -1, and never with 0', () => {
    expect(story(Array(50).fill(0), { max: -1 }).at(-1)).toBe(35)
    expect(story([0], { max: 0 })).toEqual(['exhausted'])
  })
  test('a first back-off above the longest one is the longest', () => {
    expect(story([0, 0], { backoffMs: 50 })).toEqual([50, 50])
  })
  test('stays FAILED where restarts are off, or do not help', () => {
    expect(story([0, 5_000], { enabled: false })).toEqual(['disabled', 'disabled'])
    expect(story([0, 5_000], {}, false)).toEqual(['cannot-mend', 'cannot-mend'])
  })
})

describe('waiting', () => {
  const processing = (stage: ConstructorParameters<typeof ProcessingError>[0], cause: unknown) => new ProcessingError(stage, 'x.Y', cause)
  test.each([
    ['a connection that was lost', new Disconnected('gone'), true],
    ['an error that may be retried', new Retriable('later'), true],
    ['an error that nobody knows', new TypeError('x is not a function'), true],
    ['a broker that does not respond', new KafkaError('REQUEST_TIMED_OUT', 'no'), true],
    ['a record that Kafka refused', processing('KAFKA_PRODUCE', new KafkaError('MESSAGE_TOO_LARGE', 'no')), true],
    ['a converter whose registry does not respond', processing('VALUE_CONVERTER', new Retriable('no response')), true],
    ['an invalid setting', new InvalidSetting('a', 'b', 'why'), false],
    ['a missing setting behind another error', new Error('cannot start', { cause: new MissingSetting('a') }), false],
    ['a class that is not installed', new ConnectError(400, 'Failed to find any class'), false],
    ['a conflict of a rebalance', new ConnectError(409, 'rebalance'), true],
    ['a value that is not JSON', processing('VALUE_CONVERTER', new DataError('not JSON')), false],
    ['a row that the table refuses', processing('TASK_PUT', new BadRecord(0, 'no column')), false],
  ])('may mend %s: %#', (_what, error, mends) => {
    expect(waitingMends(error)).toBe(mends)
  })
})
