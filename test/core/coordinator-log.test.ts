/**
 * Goal: the log of a coordinator gives what can be read, says once what cannot, and turns failed writes into errors that clients expect.
 * Method: records and writes of the test's own.
 */
import { expect, test } from 'vitest'
import { CoordinatorLog } from '../../core/coordinator-log.ts'
import { KafkaError } from '../../core/errors.ts'
import { keepingLogger, type LogLine } from '../broker-in-process.ts'

async function* records(...values: string[]) {
  yield* values
}

function parse(value: string) {
  if (value.startsWith('bad')) throw new Error(value)
  if (value.startsWith('v')) return { kind: 'unknown' as const, version: Number(value.slice(1)) }
  return { kind: 'known' as const, value }
}

function fixture() {
  const lines: LogLine[] = []
  return { lines, log: new CoordinatorLog('__topic', keepingLogger(lines)) }
}

test('malformed and unknown records are left out, and said once', async () => {
  const { lines, log } = fixture()
  const read: string[] = []
  for await (const { value } of log.read(3, records('a', 'bad 1', 'v7', 'b', 'bad 2', 'v7', 'v9', 'c'), parse)) read.push(value)
  expect(read).toEqual(['a', 'b', 'c'])
  expect(lines.map(({ level, details }) => [level, details])).toMatchObject([
    ['error', { partition: 3, err: { message: 'bad 1' } }],
    ['error', { partition: 3, records: 2 }],
    ['warn', { partition: 3, versions: [7, 9] }],
  ])
})

test('a load that fails is COORDINATOR_NOT_AVAILABLE', async () => {
  const { lines, log } = fixture()
  const load = log.load(1, () => Promise.reject(new Error('the disk')))
  await expect(load).rejects.toMatchObject({ error: 'COORDINATOR_NOT_AVAILABLE', cause: { message: 'the disk' } })
  expect(lines.length).toBe(1)
})

test('a failed write is what clients expect of a coordinator, unless it is their own error; idle waits for all', async () => {
  const { lines, log } = fixture()
  const ofClient = ({ error }: KafkaError) => error === 'INVALID_TXN_STATE'
  const failing = (error: Error) => log.write(0, Promise.reject(error), ofClient)
  await expect(failing(new KafkaError('KAFKA_STORAGE_ERROR'))).rejects.toMatchObject({ error: 'NOT_COORDINATOR' })
  await expect(failing(new Error('a bug'))).rejects.toMatchObject({ error: 'UNKNOWN_SERVER_ERROR' })
  expect(lines.length).toBe(2)
  await expect(failing(new KafkaError('INVALID_TXN_STATE'))).rejects.toMatchObject({ error: 'INVALID_TXN_STATE' })
  expect(lines.length).toBe(2)
  const order: string[] = []
  let finish = () => {}
  const slow = log.write(0, new Promise<void>((resolve) => (finish = resolve))).then(() => order.push('written'))
  const idle = log.idle().then(() => order.push('idle'))
  finish()
  await Promise.all([slow, idle])
  expect(order).toEqual(['written', 'idle'])
})
