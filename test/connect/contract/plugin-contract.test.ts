/**
 * Goal: the contract of a module's plugins needs no test runner: each plugin is checked with the fixture of its class, what cannot be
 * checked is said, and fixtures are stopped. Method: plugins that keep it, one that does not, some without a fixture.
 */
import { expect, test } from 'vitest'
import { contractFailures, contractReport, sinkRecord } from '../../../connect/contract/index.ts'
import { NotAPlugin } from '../../../connect/plugins/plugin-module.ts'
import {
  BadRecord,
  defineConnector,
  defineConverter,
  defineKeyAndValueTransforms,
  definePredicate,
  defineSink,
  setting,
} from '../../../connect/sdk/index.ts'

const predicate = definePredicate({
  class: 'a.b.Named',
  doc: 'Selects records of a topic.',
  settings: { topic: setting.string({ doc: 'The name of the topic.' }) },
  create:
    ({ topic }) =>
    (record) =>
      record.topic === topic,
})

const transforms = defineKeyAndValueTransforms({
  class: 'a.b.Nothing',
  doc: 'Makes a key or value null.',
  settings: {},
  create: (_config, side) => (record) => side.replace(record, null, null),
})

const broken = defineConverter({
  class: 'a.b.Latin',
  doc: 'Texts in Latin 1.',
  settings: {},
  create: () => ({
    fromConnect: (_topic, _schema, value) => (value === null ? null : Buffer.from(String(value), 'latin1')),
    toConnect: (_topic, bytes) => ({ schema: null, value: bytes === null ? null : bytes.toString('latin1') }),
  }),
})

test('plugins are checked with the fixtures of their classes', async () => {
  const reports = await contractReport([predicate, ...transforms, broken], {
    'a.b.Named': { config: { topic: 'topic' } },
    'a.b.Nothing': { configs: [{}], tombstones: 'change' },
    'a.b.Nothing$Value': { configs: [{}], tombstones: 'pass' },
  })
  const shown = reports.map(({ class: name, kind, failed, notChecked }) => [name, kind, failed.map(({ check }) => check), notChecked])
  // The schema of a tombstone goes, so that it is another record.
  expect(shown).toEqual([
    ['a.b.Latin', 'converter', ['what it writes it reads, under any topic'], null],
    ['a.b.Nothing$Key', 'transformation', ['a tombstone becomes what is documented'], null],
    ['a.b.Nothing$Value', 'transformation', [], null],
    ['a.b.Named', 'predicate', [], null],
  ])
  expect(reports[0]!.passed).toBeGreaterThan(5)
  expect(reports[0]!.failed[0]!.error.message).toContain('was written, and')
})

test('what has no fixture is said, and a test of one line fails for it', async () => {
  const [report] = await contractReport(predicate)
  expect(report).toMatchObject({ failed: [], notChecked: expect.stringContaining('there is no fixture for a.b.Named') })
  expect(await contractFailures(predicate)).toMatchObject([{ class: 'a.b.Named', check: 'has a fixture' }])
  expect(await contractFailures(predicate, { 'a.b.Named': { config: { topic: 'topic' } } })).toEqual([])
})

test('what is no plugin is refused', async () => {
  await expect(contractReport({ a: 5 })).rejects.toThrow(NotAPlugin)
})

test('each check of a sink has a fixture of its own, which is stopped', async () => {
  let [made, stopped] = [0, 0]
  const stores = new Map<string, number[]>()
  const sink = defineSink({
    class: 'a.b.MemorySink',
    settings: { store: setting.string({ doc: 'The name of the store.' }) },
    start: ({ config: { store } }) => ({
      async write(records) {
        const numbers = stores.get(store)!
        const bad = records.flatMap(({ value }, index) => (typeof value === 'number' ? [] : [new BadRecord(index, 'no number')]))
        for (const { value } of records) if (typeof value === 'number' && !numbers.includes(value)) numbers.push(value)
        const [first, ...also] = bad
        if (first) throw new BadRecord(first.index, first.message, { also })
      },
      async flush() {},
    }),
  })
  const fixture = () => {
    const store = String(made++)
    stores.set(store, [])
    return {
      config: { store },
      record: (number: number, offset: number) => sinkRecord({ topic: 't', offset, value: number }),
      bad: (offset: number) => sinkRecord({ topic: 't', offset, value: 'x' }),
      stored: async () => stores.get(store)!,
      stop: () => void stopped++,
    }
  }
  const connector = defineConnector({ name: 'memory', doc: 'Keeps numbers.', sink })
  expect(await contractFailures(connector, { 'a.b.MemorySink': fixture })).toEqual([])
  expect([made, stopped]).toEqual([3, 3])
})
