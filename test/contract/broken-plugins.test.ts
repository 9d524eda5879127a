/**
 * Goal: the contract suites find what is broken. Method: for each kind a plugin that keeps the contract, and ones that break one promise
 * each on purpose: the suite must fail in exactly the checks that are named.
 */
import { expect, test } from 'vitest'
import {
  type Checks,
  type ConverterSubject,
  converterChecks,
  type Declared,
  declarationChecks,
  failuresOf,
  predicateChecks,
  sinkChecks,
  sinkRecord,
  sourceChecks,
  transformChecks,
} from '../../connect/contract/index.ts'
import {
  BadRecord,
  DataError,
  defineTransform,
  type SinkSide,
  type SinkTask,
  type SourceSide,
  schemas,
  setting,
  type Transform,
} from '../../connect/sdk/index.ts'
import { MemoryLog, MemoryRecords } from '../../connect/storage/memory-log.ts'
import type { RecordLog } from '../../connect/storage/record-log.ts'
import { ConfigProviderError } from '../../core/config-references/config-provider.ts'
import { type ConfigProviderSubject, configProviderChecks } from './config-provider-checks.ts'
import { storeChecks } from './store-checks.ts'

/** The names of the checks that fail. */
const failedChecks = async <S>(checks: Checks<S>, subject: () => S | Promise<S>) =>
  (await failuresOf(checks, subject)).map(({ check }) => check)

const whole: Declared = {
  class: 'a.b.Whole',
  doc: 'Does something.',
  settings: { 'a.setting': setting.int({ default: 5, doc: 'A whole number.' }), needed: setting.string({ doc: 'A text.' }) },
}

test.each<[string, Declared, string[]]>([
  ['nothing', whole, []],
  ['its class', { ...whole, class: 'Whole' }, ['has the name of a class and a sentence about it']],
  ['its doc', { ...whole, doc: '' }, ['has the name of a class and a sentence about it']],
  ['a doc', { ...whole, settings: { a: setting.int({ default: 1, doc: '' }) } }, ['each setting has a name and a doc']],
  [
    'a default',
    { ...whole, settings: { a: { ...setting.int({ default: 1, doc: 'A setting.' }), default: 'x' } } },
    ['a default as text is read as the default'],
  ],
  [
    'a required setting',
    { ...whole, settings: { a: { ...setting.string({ default: '', doc: 'A setting.' }), required: true } } },
    ['a required setting that is missing is named'],
  ],
  [
    'an alias',
    { ...whole, settings: { ...whole.settings, b: setting.int({ default: 1, doc: 'B setting.', aliases: ['needed'] }) } },
    ['no setting has two names for one, or the name of another'],
  ],
])('declarations: %s is broken', async (_what, declared, failed) => {
  expect(await failedChecks(declarationChecks, () => declared)).toEqual(failed)
})

const transformOf = (apply: Transform) => ({
  declaration: defineTransform({ class: 'a.T', doc: 'A setting.', settings: {}, create: () => apply }),
  fixture: { configs: [{}], tombstones: 'change' as const },
})
const suffixed: Transform = (record) => ({ ...record, topic: `${record.topic}-x` })
const text = schemas.string()
let calls = 0

test.each<[string, Transform, string[]]>([
  ['nothing', suffixed, []],
  [
    'it changes its input',
    (record) => {
      record.topic = `${record.topic}-x`
      return { ...record }
    },
    ['changes no record that it is given', 'a tombstone becomes what is documented'],
  ],
  ['values do not match', (record) => ({ ...suffixed(record)!, value: 5, valueSchema: text }), ['results match their schemas']],
  [
    'a field is extra',
    (record) => ({ ...suffixed(record)!, value: { a: 1 }, valueSchema: schemas.struct({}) }),
    ['results match their schemas', 'equal records have equal results, with the same schemas'],
  ],
  ['it does nothing', (record) => record, ['changes at least one record, or drops or fails it', 'a tombstone becomes what is documented']],
  ['it counts', (record) => ({ ...record, topic: `t${calls++}` }), ['equal records have equal results, with the same schemas']],
  [
    'its schemas are new each time',
    (record) => ({ ...suffixed(record)!, value: 'x', valueSchema: schemas.string() }),
    ['equal records have equal results, with the same schemas'],
  ],
  [
    'its errors are bugs',
    (record) => {
      if (record.value === null) return suffixed(record)
      throw new RangeError('oops')
    },
    ['errors are those that users of Kafka Connect know'],
  ],
  [
    'it fails everything',
    () => {
      throw new DataError('no')
    },
    ['succeeds with at least one record', 'a tombstone becomes what is documented'],
  ],
  [
    'it makes records anew',
    ({ topic, partition, timestamp, key, keySchema, value, valueSchema, headers }) =>
      ({ topic: `${topic}-x`, partition, timestamp, key, keySchema, value, valueSchema, headers }) as never,
    ['what only a record of a sink has stays'],
  ],
  ['tombstones are dropped', (record) => (record.value === null ? null : suffixed(record)), ['a tombstone becomes what is documented']],
])('transforms: %s', async (_what, apply, failed) => {
  expect(await failedChecks(transformChecks, () => transformOf(apply))).toEqual(failed)
})

test.each<[string, (record: { headers: readonly unknown[] }) => unknown, string[]]>([
  ['nothing', ({ headers }) => headers.length > 0, []],
  ['it tells no boolean', ({ headers }) => headers.length, ['tells of every record whether it is selected']],
  ['it selects nothing', () => false, ['selects some records']],
  [
    'it changes records',
    (record) => {
      record.headers = []
      return true
    },
    ['changes no record that it is given'],
  ],
  ['it counts', () => calls++ % 3 === 0, ['says the same of equal records']],
])('predicates: %s', async (_what, select, failed) => {
  const declaration = { class: 'a.P', doc: 'A setting.', settings: {}, create: () => select as () => boolean }
  expect(await failedChecks(predicateChecks, () => ({ declaration, config: {} }))).toEqual(failed)
})

type Converting = ReturnType<ConverterSubject['make']>
const utf8: Converting = {
  fromConnect: (_topic, _schema, value) => (value === null ? null : Buffer.from(JSON.stringify(value))),
  toConnect: (_topic, bytes) => {
    try {
      return { schema: null, value: bytes === null ? null : JSON.parse(bytes.toString()) }
    } catch (cause) {
      throw new DataError('no JSON', { cause })
    }
  },
}
test.each<[string, Converting, string[]]>([
  ['nothing', utf8, []],
  ['null is written', { ...utf8, fromConnect: (_t, _s, value) => Buffer.from(JSON.stringify(value)) }, ['nothing stays nothing']],
  [
    'letters are lost',
    { ...utf8, fromConnect: (_t, _s, value) => (value === null ? null : Buffer.from(JSON.stringify(value), 'latin1')) },
    ['what it writes it reads, under any topic'],
  ],
  [
    'its errors are bugs',
    { ...utf8, toConnect: (_t, bytes) => ({ schema: null, value: bytes === null ? null : JSON.parse(bytes.toString()) }) },
    ['any bytes are a value or a DataError'],
  ],
])('converters: %s', async (_what, converter, failed) => {
  expect(await failedChecks(converterChecks, () => ({ make: () => converter, schema: null, values: undefined }))).toEqual(failed)
})

function provider(change: Partial<{ all: boolean; cached: boolean; tells: boolean }>): ConfigProviderSubject {
  let stored: Record<string, string> = {}
  return {
    path: 'good',
    unreadable: 'bad',
    write: (values) => {
      stored = { ...values }
    },
    open: async () => {
      const cached = stored
      return {
        async get(path, keys) {
          const values = change.cached ? cached : stored
          if (path === 'bad') throw new ConfigProviderError(change.tells ? `bad: ${Object.values(values)}` : 'bad')
          return new Map(Object.entries(values).filter(([key]) => change.all || keys.has(key)))
        },
      }
    },
  }
}
test.each<[string, Parameters<typeof provider>[0], string[]]>([
  ['nothing', {}, []],
  ['it gives what nobody asked for', { all: true }, ['gives the values that were asked for and exist']],
  ['it reads once', { cached: true }, ['reads anew each time']],
  ['it tells values', { tells: true }, ['a path that cannot be read gives nothing, or a ConfigException without a value']],
])('configuration providers: %s', async (_what, change, failed) => {
  expect(await failedChecks(configProviderChecks, () => provider(change))).toEqual(failed)
})

function store(broken: 'nothing' | 'a deletion' | 'the next reader' | 'the first'): () => RecordLog {
  const records = new MemoryRecords()
  return () => {
    const log = new MemoryLog(broken === 'the next reader' ? new MemoryRecords() : records)
    const { append } = log
    if (broken === 'a deletion')
      log.append = (given) =>
        append.call(
          log,
          given.filter(({ value }) => value !== null),
        )
    if (broken === 'the first') log.append = (given) => append.call(log, given.slice(1))
    return log
  }
}
const [IN_ORDER, MANY] = ['gives back what was appended, in order, to this and the next reader', 'many appends at once are all there']
test.each([
  ['nothing', []],
  ['a deletion', [IN_ORDER]],
  ['the next reader', [IN_ORDER, MANY]],
  ['the first', [IN_ORDER, MANY]],
] as const)('stores: %s is lost', async (what, failed) => {
  expect(await failedChecks(storeChecks, () => store(what))).toEqual(failed)
})

/** A system of numbers, and a source of it. */
function source(broken: 'nothing' | 'positions' | 'order' | 'stop') {
  const numbers: number[] = []
  let wake: () => void = () => {}
  const fill = (count: number) => {
    for (let i = 0; i < count; i++) numbers.push(numbers.length)
    wake()
  }
  const side = {
    class: 'a.Source',
    settings: {},
    async *read({ positions, signal }: { positions: { get(partition: object): Promise<{ at?: unknown } | null> }; signal: AbortSignal }) {
      let at = broken === 'positions' ? 0 : Number((await positions.get({ p: 1 }))?.at ?? 0)
      while (!signal.aborted) {
        const part = numbers.slice(at, at + 100)
        if (part.length === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve
            signal.addEventListener('abort', () => resolve(), { once: true })
          })
          if (broken === 'stop' && signal.aborted) yield { records: [], positions: [] }
          continue
        }
        at += part.length
        yield {
          records: (broken === 'order' ? part.reverse() : part).map((value) => ({ value })),
          positions: [{ partition: { p: 1 }, offset: { at } }],
        }
      }
    },
  } as unknown as SourceSide<Record<never, never>>
  const make = async () => {
    numbers.length = 0
    return { config: {}, fill: async (count: number) => fill(count), more: async (count: number) => fill(count), numberOf: Number }
  }
  return { side, make }
}
const [ALL, CONTINUES, ENDS] = [
  'reads all records, once and in order',
  'continues from any stored position, without a gap and without a duplicate',
  'ends when its task stops, though it waits for data',
]
test.each([
  ['nothing', []],
  ['positions', [CONTINUES]],
  ['order', [ALL, 'reads what is written later', CONTINUES]],
  ['stop', [ENDS]],
] as const)('sources: %s is broken', async (what, failed) => {
  expect(await failedChecks(sourceChecks, () => source(what))).toEqual(failed)
})

test.each([
  ['nothing', [], []],
  ['that it keeps nothing', [{ partition: { p: 1 }, offset: { at: 1 } }], [ALL, 'reads what is written later']],
] as const)('a source whose system keeps nothing: %s is broken', async (_what, positions, failed) => {
  const published = () => {
    let take: ((value: number) => void) | null = null
    let count = 0
    const side = {
      class: 'a.Source',
      settings: {},
      async *read({ signal }: { signal: AbortSignal }) {
        const values: number[] = []
        let wake: () => void = () => {}
        signal.addEventListener('abort', () => wake(), { once: true })
        take = (value) => {
          values.push(value)
          wake()
        }
        while (!signal.aborted) {
          if (values.length > 0) yield { records: values.splice(0).map((value) => ({ value })), positions }
          else
            await new Promise<void>((resolve) => {
              wake = resolve
            })
        }
      },
    } as unknown as SourceSide<Record<never, never>>
    const publish = async (more: number) => {
      for (const end = count + more; count < end; count++) take!(count)
    }
    return { side, make: async () => ({ config: {}, fill: publish, more: publish, numberOf: Number, keepsNothing: true }) }
  }
  expect(await failedChecks(sourceChecks, published)).toEqual(failed)
})

test.each([
  ['nothing', {}, []],
  [
    'what it finds',
    { checkSystem: async () => [{ setting: 'a', why: 'it is wrong' }] },
    ['finds nothing wrong in a system in which nothing is'],
  ],
  ['a metric', { observe: async () => ({ metrics: { 'Lag Bytes': 1 }, warnings: [] }) }, ['observes its system']],
  ['a value', { observe: async () => ({ metrics: { lag: Number.NaN }, warnings: [] }) }, ['observes its system']],
  ['a warning', { observe: async () => ({ metrics: { lag: 1 }, warnings: [{}] }) }, ['observes its system']],
] as const)('what a source says of its system: %s is broken', async (_what, hooks, failed) => {
  const { side, make } = source('nothing')
  expect(await failedChecks(sourceChecks, () => ({ side: { ...side, ...hooks } as typeof side, make }))).toEqual(failed)
})

function sink(broken: 'nothing' | 'flush' | 'repeats' | 'bad records') {
  const stored = new Map<number, number>()
  const list: number[] = []
  const side = {
    class: 'a.Sink',
    settings: {},
    async start(): Promise<SinkTask> {
      return {
        async write(records) {
          const bad: BadRecord[] = []
          for (const [index, { value }] of records.entries()) {
            if (typeof value !== 'number') bad.push(new BadRecord(broken === 'bad records' ? 0 : index, 'no number'))
            else if (broken === 'flush' && value === 500) continue
            else if (broken === 'repeats') list.push(value)
            else stored.set(value, value)
          }
          if (bad.length > 0) throw new BadRecord(bad[0]!.index, 'no number', { also: bad.slice(1) })
        },
        async flush() {},
      }
    },
  } as unknown as SinkSide<Record<never, never>>
  const make = async () => ({
    config: {},
    record: (number: number, offset: number) => sinkRecord({ topic: 'contract', offset, value: number }),
    bad: (offset: number) => sinkRecord({ topic: 'contract', offset, value: 'bad' }),
    stored: async () => (broken === 'repeats' ? list : [...stored.values()]),
  })
  return { side, make }
}
test.each([
  ['nothing', []],
  ['flush', ['what was flushed is in the system, in order']],
  ['repeats', ['after a crash, the next task loses nothing that was flushed, and writes nothing twice']],
  ['bad records', ['bad records are reported by their index, and the others are written']],
] as const)('sinks: %s is broken', async (what, failed) => {
  expect(await failedChecks(sinkChecks, () => sink(what))).toEqual(failed)
})
