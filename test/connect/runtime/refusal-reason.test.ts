/**
 * Goal: who has sent a record hears what is wrong with it, and nobody hears that of a good one. Method: the errors of each kind.
 */
import { expect, test } from 'vitest'
import { refusalReason } from '../../../connect/runtime/refusal-reason.ts'
import { ProcessingError } from '../../../connect/runtime/retry-with-tolerance-operator.ts'
import { DataError, Retriable } from '../../../connect/sdk/index.ts'
import { KafkaError } from '../../../core/errors.ts'

test.each([
  [new DataError('no number'), 'record'],
  [new TypeError('a bug of a transform'), 'record'],
  [new Retriable('the registry is away'), 'system'],
  [new KafkaError('MESSAGE_TOO_LARGE', ''), 'too-large'],
  [new KafkaError('INVALID_TOPIC_EXCEPTION', ''), 'record'],
  [new KafkaError('INVALID_RECORD', ''), 'system'],
  [new KafkaError('TOPIC_AUTHORIZATION_FAILED', ''), 'system'],
  [new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', ''), 'system'],
])('%o is a matter of the %s', (error, reason) => {
  expect(refusalReason(error)).toBe(reason)
  expect(refusalReason(new ProcessingError('KAFKA_PRODUCE', 'x', error))).toBe(reason)
})
