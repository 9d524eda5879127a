/**
 * Goal: a transactional append waits for the coordinator exactly where it has to, in the order of its producer, and gets errors that its
 * client understands. Method: real logs, and a coordinator whose answers the test gives.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import type { PartitionLog, Verification } from '../../core/log/types.ts'
import { TransactionVerifier, type VerifiedPartitions, type VerifierSettings } from '../../core/transaction-verifier.ts'
import type { PartitionOfTopic, TransactionIdentity } from '../../core/transactions/types.ts'
import { batchOf, type Scratch, scratch } from './log/scratch-log.ts'

let fixture: Scratch
let log: PartitionLog
beforeEach(async () => {
  fixture = scratch()
  ;({ log } = await fixture.openLog())
})
afterEach(() => fixture.remove())

const identity = { transactionalId: 'id', producerId: 1, producerEpoch: 0 }
const first = { topic: 't', partition: 0, sequence: 0 }
const older = { addsPartitions: false, knowsAbortable: false }
const newer = { addsPartitions: true, knowsAbortable: true }

/** A coordinator that answers each question with the next of `answers`, the last one from then on. */
function verifierWith(
  answers: readonly ErrorName[],
  settings: Partial<VerifierSettings> = {},
  held: ReadonlyMap<number, Promise<void>> = new Map(),
) {
  const questions: { partitions: readonly PartitionOfTopic[]; add: boolean }[] = []
  const coordinator = {
    async verifyPartitions({ producerId }: TransactionIdentity, partitions: readonly PartitionOfTopic[], add: boolean) {
      questions.push({ partitions, add })
      await held.get(producerId)
      const error = answers[Math.min(questions.length, answers.length) - 1]!
      return new Map<string, ErrorName>(error === 'NONE' ? [] : partitions.map(({ topic, partition }) => [`${topic}-${partition}`, error]))
    },
  }
  const logs = { get: (topic: string, partition: number) => (topic === 't' && partition === 0 ? log : undefined) }
  const all = { isEnabled: () => true, retryBackoffMs: 1, retryBackoffMaxMs: 50, ...settings }
  return { verifier: new TransactionVerifier(coordinator, logs, fixture.system.clock, all), questions }
}

const batch = (sequence: number) =>
  batchOf([`${sequence}`], { producerId: 1, producerEpoch: 0, baseSequence: sequence, transactional: true })

const result = (verified: VerifiedPartitions) => {
  const verification = verified.get('t-0')
  return verification instanceof KafkaError ? verification.error : verification
}

test('the first append asks; those after it do not wait', async () => {
  const { verifier, questions } = verifierWith(['NONE'])
  const append = (sequence: number) => (verified: VerifiedPartitions) => {
    const verification = verified.get('t-0')!
    if (verification instanceof KafkaError) throw verification
    return log.append(batch(sequence), 'client', verification).baseOffset
  }
  const appended = verifier.run(identity, [first], older, append(0))
  expect(appended).toBeInstanceOf(Promise)
  expect(await appended).toBe(0)
  expect(verifier.run(identity, [{ ...first, sequence: 1 }], older, append(1))).toBe(1)
  expect(questions).toEqual([{ partitions: [{ topic: 't', partition: 0 }], add: false }])
})

test('pipelined appends of a producer keep their order, and another producer does not wait for them', async () => {
  let answer = () => {}
  const held = new Promise<void>((resolve) => {
    answer = resolve
  })
  const { verifier, questions } = verifierWith(['NONE'], {}, new Map([[1, held]]))
  const order: string[] = []
  const append = (sequence: number) => (verified: VerifiedPartitions) => {
    order.push(`${sequence}`)
    const verification = verified.get('t-0')!
    if (!(verification instanceof KafkaError)) log.append(batch(sequence), 'client', verification)
  }
  const all = [0, 1, 2].map((sequence) => verifier.run(identity, [{ ...first, sequence }], newer, append(sequence)))
  await verifier.run({ ...identity, producerId: 2 }, [first], newer, () => void order.push('other'))
  answer()
  await Promise.all(all)
  expect(order).toEqual(['other', '0', '1', '2'])
  expect(log.logEndOffset).toBe(3)
  // The second and the third found the transaction begun.
  expect(questions.length).toBe(2)
})

test('a new client waits for the end of its previous transaction, for a while', async () => {
  const passing = verifierWith(['CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS', 'NONE'])
  expect(typeof (await passing.verifier.run(identity, [first], newer, result))).toBe('object')
  expect(passing.questions.length).toBe(3)
  const lasting = verifierWith(['CONCURRENT_TRANSACTIONS'], { retryBackoffMaxMs: 5 })
  expect(await lasting.verifier.run(identity, [first], newer, result)).toBe('CONCURRENT_TRANSACTIONS')
  const old = verifierWith(['CONCURRENT_TRANSACTIONS', 'NONE'])
  expect(await old.verifier.run(identity, [first], older, result)).toBe('CONCURRENT_TRANSACTIONS')
})

test('errors are those that the version of the client knows', async () => {
  const fenced = verifierWith(['PRODUCER_FENCED'])
  expect(await fenced.verifier.run(identity, [first], newer, result)).toBe('INVALID_PRODUCER_EPOCH')
  const abortable = verifierWith(['TRANSACTION_ABORTABLE'])
  expect(await abortable.verifier.run(identity, [first], older, result)).toBe('INVALID_TXN_STATE')
  expect(await abortable.verifier.run(identity, [first], newer, result)).toBe('TRANSACTION_ABORTABLE')
})

test('a producer that the partition has fenced is not asked about: nothing joins its transaction', async () => {
  const { verifier, questions } = verifierWith(['NONE'])
  const marker = { producerId: 1, producerEpoch: 1, committed: false, coordinatorEpoch: 3, transactionVersion: 2 }
  await log.appendEndTxnMarker(marker).durable
  for (const operation of [older, newer]) expect(verifier.run(identity, [first], operation, result)).toBe('INVALID_PRODUCER_EPOCH')
  expect(questions).toEqual([])
})

test('a partition that does not exist is not asked about; a failed question frees the producer', async () => {
  const { verifier, questions } = verifierWith(['NONE'])
  const unknown = verifier.run(identity, [{ topic: 'u', partition: 0, sequence: 0 }], older, (verified) => verified.get('u-0'))
  expect(unknown).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION' })
  expect(questions).toEqual([])
  const failing = (): never => {
    throw new Error('a bug')
  }
  await expect(verifier.run(identity, [first], older, failing)).rejects.toThrow('a bug')
  expect(typeof (await verifier.run(identity, [first], older, result))).toBe('object')
})

test('with transaction.partition.verification.enable=false only the clients that add no partitions themselves cause a question', async () => {
  const { verifier, questions } = verifierWith(['NONE'], { isEnabled: () => false })
  const append = (sequence: number) => (verified: VerifiedPartitions) =>
    log.append(batch(sequence), 'client', verified.get('t-0') as Verification).baseOffset
  expect([verifier.run(identity, [first], older, append(0)), questions]).toEqual([0, []])
  expect(await verifier.run({ ...identity, producerId: 2 }, [first], newer, () => questions.length)).toBe(1)
})
