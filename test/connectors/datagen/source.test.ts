/**
 * Goal: records are those of Confluent's connector in form, a task goes on after any position with the record that would have come, and
 * the pace is that of the settings. Method: tasks without a system; the pace at given times.
 */
import { expect, test } from 'vitest'
import { StoredPositions } from '../../../connect/contract/index.ts'
import { Pace } from '../../../connectors/datagen/pace.ts'
import { generated } from './generated.ts'

const text = (records: Awaited<ReturnType<typeof generated>>) =>
  records.map(({ value }) => JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? String(part) : part)))

test('the key, its schema and the headers', async () => {
  const [record] = await generated(1, { quickstart: 'pageviews' })
  expect(record).toMatchObject({
    topic: 't',
    key: 1,
    keySchema: { type: 'int64' },
    valueSchema: { type: 'struct', name: 'ksql.pageviews' },
    value: { viewtime: 1, userid: expect.stringMatching(/^User_[1-9]$/), pageid: expect.stringMatching(/^Page_[1-9]\d$/) },
  })
  expect(record!.headers.map(({ key, value }) => [key, value])).toEqual([
    ['task.generation', 0],
    ['task.id', 0],
    ['current.iteration', 0],
  ])
  expect((await generated(1, { quickstart: 'pageviews', 'schema.keyfield': 'userid' }))[0]!.keySchema).toMatchObject({ type: 'string' })
  const schema = '{"type":"record","name":"r","fields":[{"name":"a","type":"int"}]}'
  expect((await generated(1, { 'schema.string': schema }))[0]).toMatchObject({ key: null, keySchema: { type: 'string', optional: true } })
})

/** Its iteration is used as often as an array is long. */
const listSchema = JSON.stringify({
  type: 'record',
  name: 'r',
  fields: [
    { name: 'n', type: { type: 'int', 'arg.properties': { iteration: { start: 0 } } } },
    { name: 'list', type: { type: 'array', items: { type: 'long', 'arg.properties': { iteration: { start: 5 } } } } },
    { name: 'any', type: 'double' },
  ],
})

test('a task that is started again goes on with the record that would have come', async () => {
  const config = { 'schema.string': listSchema, 'random.seed': '11' }
  const all = text(await generated(70, config))
  const positions = new StoredPositions()
  const parts: string[] = []
  while (parts.length < 70) parts.push(...text(await generated(1, config, { positions })))
  expect(parts).toEqual(all)
  const [later] = await generated(1, config, { positions })
  expect(later!.headers.map(({ value }) => value)).toEqual([10, 0, 70])
})

test('a position of Confluent is taken over', async () => {
  const positions = new StoredPositions()
  positions.store([
    { partition: { 'task.id': 0 }, offset: { 'task.generation': 3, 'current.iteration': 40, 'random.seed': -5_025_562_857_975_150_000 } },
  ])
  const [record] = await generated(1, { quickstart: 'orders' }, { positions })
  expect([(record!.value as { orderid: number }).orderid, record!.headers.map(({ value }) => value)]).toEqual([40, [3, 0, 40]])
})

test('one seed gives the same records, and each task has records of its own', async () => {
  const config = { quickstart: 'users', 'random.seed': '5' }
  const [first, again, other] = [await generated(20, config), await generated(20, config), await generated(20, config, { task: 1 })]
  expect(text(again)).toEqual(text(first))
  expect(text(other)).not.toEqual(text(first))
})

test('iterations is how many records a task makes, over all its starts', async () => {
  const positions = new StoredPositions()
  const config = { quickstart: 'orders', iterations: '10' }
  expect(await generated(7, config, { positions })).toHaveLength(7)
  await expect(generated(7, config, { positions })).rejects.toThrow('generated the configured 10 number of messages')
  expect(await positions.get({ 'task.id': 0 })).toMatchObject({ 'current.iteration': 10 })
})

test('records.per.second is even, and what could not be sent is made up for within a second', () => {
  const pace = new Pace({ maxIntervalMs: 500, recordsPerSecond: 100, random: () => 0.5 }, 0)
  expect([pace.waitMs(0), pace.take(5, 1000), pace.take(10, 1000), pace.waitMs(12)]).toEqual([10, 0, 1, 8])
  expect(pace.take(1000, 1000)).toBe(99)
  expect(pace.take(61_000, 1000)).toBe(101)
})

test('max.interval is the most between two records', () => {
  const pace = new Pace({ maxIntervalMs: 500, recordsPerSecond: null, random: () => 0.5 }, 0)
  expect([pace.waitMs(0), pace.take(249, 10), pace.take(250, 10), pace.take(1000, 10)]).toEqual([250, 0, 1, 3])
  expect(new Pace({ maxIntervalMs: 0, recordsPerSecond: null, random: () => 0.5 }, 0).take(0, 10)).toBe(10)
})
