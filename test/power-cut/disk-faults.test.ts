/**
 * Goal: a disk that fills up or fails in the middle of anything breaks no promise: the broker answers with Kafka's errors, goes on when
 * space returns, and after a failure a restart recovers. Method: clients work while the n-th write or sync of one kind of file meets
 * ENOSPC or EIO on a disk in memory; they work again afterwards; what they know is compared with the broker, and with the next start after
 * a power cut. A failed sync drops what it was to cover, and the power is cut at several moments after it.
 */
import { describe, expect, type TestContext, test } from 'vitest'
import { KafkaError } from '../../core/errors.ts'
import { ClientKnowledge } from './client-knowledge.ts'
import { cutAll, HOW_UNSYNCED, moments, random } from './recording.ts'
import { type DiskCall, diskError, RecordingDisk } from './recording-disk.ts'
import { fenceProducer, type SimulatedBroker, startOn, startSimulated } from './simulated-broker.ts'
import { Workload } from './workload.ts'

const ROUNDS = 2
/** While the disk is full or has failed, clients give up soon. */
const IMPATIENT_MS = 300
/** The fault meets one of the first calls of its kind. */
const MAX_CALLS_BEFORE = 3
const IMPATIENT = { rounds: 1, timeoutMs: IMPATIENT_MS }
const SHORT_WRITE_BYTES = 200
/** Of each kind, after a failure. */
const CUTS = 3

/** What the fault is in the middle of. */
const targets = [
  ['an append', /\/orders-\d\/\d+\.log$/],
  ['a roll', /\/orders-\d\/\d+\.(index|timeindex|snapshot)$/],
  ['the decision of a transaction', /\/__transaction_state-0\/\d+\.log$/],
  ['a marker', /\/payments-\d\/\d+\.log$/],
  ['a commit of offsets', /\/__consumer_offsets-0\/\d+\.log$/],
  ['a metadata change', /\/__cluster_metadata-0\/\d+\.log$/],
  ['a metadata snapshot', /\/__cluster_metadata-0\/.*\.checkpoint/],
  ['a cleaning', /\.(cleaned|swap)$/],
  ['a checkpoint', /-checkpoint(\.tmp)?$/],
] as const

type OnFinished = TestContext['onTestFinished']

async function start(disk: RecordingDisk, onTestFinished: OnFinished): Promise<SimulatedBroker> {
  const simulated = await startSimulated(disk)
  onTestFinished(() => simulated.close().catch(() => {}))
  return simulated
}

/** Works until every request has its response, and returns the errors. */
async function work(
  client: SimulatedBroker['client'],
  knowledge: ClientKnowledge,
  name: string,
  { rounds = ROUNDS, timeoutMs = 60_000 } = {},
): Promise<unknown[]> {
  const errors: unknown[] = []
  const workload = new Workload({ client, knowledge, name, timeoutMs, onError: (error) => errors.push(error) })
  await workload.run(rounds)
  await workload.close()
  return errors
}

/** All errors have names of Kafka, and say what a client can do. */
function expectKafkaErrors(errors: readonly unknown[]): void {
  const others = errors.filter((error) => !(error instanceof KafkaError) || error.error === 'UNKNOWN_SERVER_ERROR')
  expect(others).toEqual([])
}

/** Of the live broker, and of the next start after a power cut now. */
async function checkAll(
  { broker }: SimulatedBroker,
  knowledge: ClientKnowledge,
  disk: RecordingDisk,
  onTestFinished: OnFinished,
): Promise<void> {
  await fenceProducer(broker)
  await knowledge.check(broker, disk.step, 'after the fault')
  const { step } = disk
  const next = await startOn(disk.afterPowerCut(step, 'lost', random))
  onTestFinished(() => next.close().catch(() => {}))
  await fenceProducer(next)
  await knowledge.check(next, step, `power cut at step ${step}, after the fault`)
}

/** `meet` throws at the n-th call of these types on a path that matches. Returns whether that has happened. */
function faultAt(disk: RecordingDisk, types: readonly DiskCall['type'][], path: RegExp, meet: (call: DiskCall) => never): () => boolean {
  let before = Math.floor(random() * MAX_CALLS_BEFORE)
  let hasMet = false
  disk.fault = (call) => {
    if (hasMet || !types.includes(call.type) || !path.test(call.path) || before-- > 0) return
    hasMet = true
    meet(call)
  }
  return () => hasMet
}

describe.concurrent('a disk that fills up', { timeout: 240_000 }, () => {
  test.for(targets)('in the middle of %s', async ([, path], { onTestFinished }) => {
    const disk = new RecordingDisk()
    const knowledge = new ClientKnowledge(() => disk.step)
    const simulated = await start(disk, onTestFinished)
    expect(await work(simulated.client, knowledge, 'before')).toEqual([])

    const impatient = simulated.impatientClient(IMPATIENT_MS)
    const hasMet = faultAt(disk, ['write', 'create'], path, (call) => {
      // The next write is a short one, and then there is no byte left.
      disk.roomBytes = Math.floor(random() * SHORT_WRITE_BYTES)
      throw diskError('ENOSPC', call.path)
    })
    while (!hasMet()) expectKafkaErrors(await work(impatient, knowledge, 'meanwhile', IMPATIENT))
    expectKafkaErrors(await work(impatient, knowledge, 'full', IMPATIENT))
    await impatient.close()

    disk.roomBytes = Number.POSITIVE_INFINITY
    expect(await work(simulated.client, knowledge, 'after')).toEqual([])
    await checkAll(simulated, knowledge, disk, onTestFinished)
  })
})

describe.concurrent('a disk that fails once', { timeout: 240_000 }, () => {
  const calls = [
    ['a write', ['write', 'create', 'rename']],
    ['a sync', ['sync']],
  ] as const
  const cases = calls.flatMap(([call, types]) => targets.map(([what, path]) => [call, what, types, path] as const))
  test.for(cases)('at %s in the middle of %s', async ([, , types, path], { onTestFinished }) => {
    const disk = new RecordingDisk()
    const knowledge = new ClientKnowledge(() => disk.step)
    const failing = await start(disk, onTestFinished)
    expect(await work(failing.client, knowledge, 'before')).toEqual([])

    const impatient = failing.impatientClient(IMPATIENT_MS)
    const hasMet = faultAt(disk, types, path, (call) => {
      throw diskError('EIO', call.path)
    })
    const failure = { name: 'a failure', from: disk.step }
    while (!hasMet()) expectKafkaErrors(await work(impatient, knowledge, 'meanwhile', IMPATIENT))
    await impatient.close()
    await failing.close().catch((error: Error) => expect(error.message).toMatch(/could not be closed|KAFKA_STORAGE_ERROR|EIO/))

    const restart = { name: 'the restart after a failure', from: disk.step }
    const restarted = await start(disk, onTestFinished)
    expect(await work(restarted.client, knowledge, 'after')).toEqual([])
    await checkAll(restarted, knowledge, disk, onTestFinished)
    const parts = [failure, restart, { name: 'the end', from: disk.step }]
    const recording = { disk, knowledge, properties: {}, parts }
    for (const unsynced of HOW_UNSYNCED) await cutAll(recording, moments(recording, CUTS), unsynced)
  })
})
