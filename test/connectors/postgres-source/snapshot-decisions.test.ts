/**
 * Story of connectors/postgres-source. The decisions about snapshots and signals, without a database: modes and stored offsets, windows of
 * incremental snapshots, signals, the text format of COPY, and what a query sees of the stream.
 */
import { describe, expect, it } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { copyFields } from '../../../connectors/postgres-source/copy-reader.ts'
import { chunkQuery, maximumKeyQuery, rowsQuery } from '../../../connectors/postgres-source/incremental-queries.ts'
import { IncrementalState, type WindowRow } from '../../../connectors/postgres-source/incremental-state.ts'
import { type PostgresSourceConfig, settings } from '../../../connectors/postgres-source/settings.ts'
import { expanded, filterOf, signalAction } from '../../../connectors/postgres-source/signal-message.ts'
import { signalProblems } from '../../../connectors/postgres-source/signal-settings.ts'
import { startPlan, storedState } from '../../../connectors/postgres-source/snapshot-mode.ts'
import { StreamTransactions } from '../../../connectors/postgres-source/stream-transactions.ts'
import type { Column, Table } from '../../../connectors/postgres-source/types.ts'

const needed = { 'database.hostname': 'h', 'database.user': 'u', 'database.dbname': 'd', 'topic.prefix': 'p' }
const configOf = (raw: Record<string, string>) => parseSettings(settings, { ...needed, ...raw }) as PostgresSourceConfig

describe('a start', () => {
  const plan = (mode: string, stored: 'none' | 'snapshot' | 'stream', slotHasPosition = true, more = {}) => {
    const { snapshot, stream } = startPlan(configOf({ 'snapshot.mode': mode, ...more }), stored, slotHasPosition)
    return [snapshot && 'snapshot', stream && 'stream'].filter(Boolean).join(' ')
  }

  it('takes a snapshot as the mode says', () => {
    const table = ['initial', 'always', 'initial_only', 'no_data', 'never', 'when_needed'].map((mode) => [
      mode,
      plan(mode, 'none'),
      plan(mode, 'snapshot'),
      plan(mode, 'stream'),
      plan(mode, 'stream', false),
    ])
    expect(table).toEqual([
      ['initial', 'snapshot stream', 'snapshot stream', 'stream', 'stream'],
      ['always', 'snapshot stream', 'snapshot stream', 'snapshot stream', 'snapshot stream'],
      ['initial_only', 'snapshot', 'snapshot', '', ''],
      ['no_data', 'stream', 'stream', 'stream', 'stream'],
      ['never', 'stream', 'stream', 'stream', 'stream'],
      ['when_needed', 'snapshot stream', 'snapshot stream', 'stream', 'snapshot stream'],
    ])
  })

  it('follows the settings of configuration_based', () => {
    const based = 'snapshot.mode.configuration.based'
    expect(plan('configuration_based', 'none')).toBe('')
    expect(plan('configuration_based', 'stream', true, { [`${based}.start.stream`]: 'true' })).toBe('stream')
    expect(plan('configuration_based', 'stream', true, { [`${based}.snapshot.data`]: 'true' })).toBe('snapshot')
    expect(plan('configuration_based', 'stream', false, { [`${based}.snapshot.on.data.error`]: 'true' })).toBe('snapshot')
  })

  it('refuses what only Java can load', () => {
    for (const name of ['snapshot.mode', 'snapshot.locking.mode', 'snapshot.query.mode'])
      expect(() => configOf({ [name]: 'custom' }), name).toThrow('in Java cannot be loaded')
    expect(() => configOf({ 'signal.enabled.channels': 'source,kafka' })).toThrow('The channel kafka is not supported')
    expect(() => configOf({ 'signal.enabled.channels': 'jmx' })).toThrow('there is no JMX')
    expect(() => configOf({ 'notification.enabled.channels': 'jmx' })).toThrow('use sink or log')
  })

  it('knows a snapshot in progress by the offset of Debezium', () => {
    expect(storedState(null)).toBe('none')
    expect(storedState({})).toBe('none')
    expect(storedState({ lsn: 1, snapshot: 'INITIAL', last_snapshot_record: false, snapshot_completed: false })).toBe('snapshot')
    expect(storedState({ lsn: 1, snapshot: true, last_snapshot_record: false })).toBe('snapshot')
    expect(storedState({ lsn: 1, snapshot: 'INITIAL', last_snapshot_record: true, snapshot_completed: true })).toBe('stream')
    expect(storedState({ lsn: 1, lsn_proc: 1 })).toBe('stream')
  })

  it('needs a topic for notifications and a table for marks', () => {
    expect(signalProblems(configOf({ 'notification.enabled.channels': 'sink' })).map(({ setting }) => setting)).toEqual([
      'notification.sink.topic.name',
    ])
    expect(signalProblems(configOf({ 'signal.enabled.channels': 'file' })).map(({ setting }) => setting)).toEqual([
      'signal.data.collection',
    ])
    expect(signalProblems(configOf({ 'signal.enabled.channels': 'file', 'read.only': 'true' }))).toEqual([])
  })
})

describe('the state of incremental snapshots', () => {
  const collection = (name: string) => ({ name, filter: '', surrogateKey: '', signal: 's' })
  const row = (id: string, isAgain = false): WindowRow => ({ row: [id], key: [id], identity: [id], isAgain })
  const running = () => {
    const state = new IncrementalState()
    state.add([collection('public.a'), collection('public.b')], 's')
    state.begin(['9'])
    state.open([row('1'), row('2'), row('3')], ['integer'])
    return state
  }

  it('delivers the rows of a window that did not change meanwhile', () => {
    const state = running()
    state.supersede(['2'], false)
    state.supersede(['7'], false)
    const rows = state.close()
    expect(rows.map(({ key }) => key[0])).toEqual(['1', '3'])
    state.delivered(rows)
    expect(state.chunkEnd).toEqual(['3'])
  })

  it('reads rows again that changed without their large values, also after a restart', () => {
    const state = running()
    state.supersede(['2'], true)
    state.delivered(state.close())
    expect(IncrementalState.load(state.offsetFields()).again).toEqual([['2']])
    state.open([row('2', true)], ['integer'])
    expect(state.again).toEqual([])
    expect(state.chunkEnd).toEqual(['3'])
  })

  it('is read back from its offset, with Debezium’s fields alone too', () => {
    const state = running()
    state.delivered(state.close())
    const { tributary_incremental_snapshot: own, ...debezium } = state.offsetFields()
    expect(own).toBeTypeOf('string')
    for (const offset of [state.offsetFields(), debezium]) {
      const read = IncrementalState.load(offset)
      expect(read.collections).toEqual([collection('public.a'), collection('public.b')])
      expect(read.chunkEnd).toEqual(['3'])
      expect(read.maximumKey).toEqual(['9'])
      expect(read.signal).toBe('s')
    }
  })

  it('begins a table again whose keys only Java can read', () => {
    const state = running()
    state.open([row('1.5')], ['other'])
    state.delivered(state.close())
    const { tributary_incremental_snapshot: _, ...debezium } = state.offsetFields()
    const read = IncrementalState.load(debezium)
    expect(read.isRunning).toBe(true)
    expect([read.chunkEnd, read.maximumKey]).toEqual([null, null])
  })

  it('has no fields when nothing runs', () => {
    const state = running()
    expect(state.remove(['public.b', 'public.x'])).toEqual(['public.b'])
    expect(state.isWindowEmpty).toBe(false)
    state.next()
    expect(state.isWindowEmpty).toBe(true)
    expect(state.offsetFields()).toEqual({})
    expect(IncrementalState.load({ lsn: 1 }).isRunning).toBe(false)
    expect(IncrementalState.load({ incremental_snapshot_collections: 'x' }).isRunning).toBe(false)
  })
})

describe('the queries of a chunk', () => {
  const column = (name: string, isOptional = false): Column => ({
    name,
    typeOid: 23,
    typeModifier: -1,
    isOptional,
    defaultExpression: null,
    isGenerated: false,
    position: 1,
  })
  const columns = [column('id'), column('Odd "x"'), column('n', true)]
  const table: Table = { schema: 'public', name: 'a', oid: 1, columns, key: ['id'], replicaIdentity: 'default' }
  const source = (key: Column[], filter = '') => ({
    table,
    key,
    identity: [columns[0]!],
    collection: { name: 'public.a', filter, surrogateKey: '', signal: null },
    hasTies: false,
    isRead: (name: string) => name !== 'n',
  })

  it('compare rows where no column of the key has NULLs', () => {
    expect(maximumKeyQuery(source(columns.slice(0, 2)))).toEqual({
      text: 'SELECT "id", "Odd ""x""" FROM "public"."a" ORDER BY "id" DESC, "Odd ""x""" DESC LIMIT 1',
      values: [],
    })
    expect(chunkQuery(source(columns.slice(0, 2), 'x OR y'), ['1', '2'], ['8', '9'], 10)).toEqual({
      text:
        'SELECT "id", "Odd ""x""", NULL, "id", "Odd ""x""" FROM "public"."a" WHERE ("id", "Odd ""x""") > ($1, $2) AND ' +
        '("id", "Odd ""x""") <= ($3, $4) AND (x OR y\n) ORDER BY "id", "Odd ""x""" LIMIT 10',
      values: ['1', '2', '8', '9'],
    })
  })

  it('put NULLs last', () => {
    expect(chunkQuery({ ...source([columns[2]!]), hasTies: true }, ['1'], [null], 10)).toEqual({
      text:
        'SELECT "id", "Odd ""x""", NULL, "n" FROM "public"."a" WHERE ((("n" > $1 OR "n" IS NULL))) AND NOT ((false)) ORDER BY "n" ' +
        'FETCH FIRST 10 ROWS WITH TIES',
      values: ['1'],
    })
  })

  it('read rows by their identities', () => {
    expect(rowsQuery(source([columns[1]!]), [['1'], ['2']])).toEqual({
      text: 'SELECT "id", "Odd ""x""", NULL, "Odd ""x""" FROM "public"."a" WHERE (("id" = $1) OR ("id" = $2))',
      values: ['1', '2'],
    })
  })
})

describe('a signal', () => {
  it('asks for a snapshot', () => {
    const data = JSON.stringify({
      'data-collections': [' public.a '],
      type: 'BLOCKING',
      'additional-conditions': [{ 'data-collection': 'public.A', filter: 'SELECT 1' }],
      'surrogate-key': ' x ',
    })
    const action = signalAction({ id: '1', type: 'execute-snapshot', data })
    expect(action).toEqual({
      action: 'execute-snapshot',
      type: 'blocking',
      collections: ['public.a'],
      conditions: [{ collection: 'public.A', filter: 'SELECT 1' }],
      surrogateKey: 'x',
    })
    expect(filterOf('public.a', [{ collection: 'public.A', filter: 'f' }])).toBe('f')
    expect(filterOf('public.b', [{ collection: 'public.A', filter: 'f' }])).toBe('')
  })

  it.each([
    ['execute-snapshot', '[]', 'its data is no JSON object'],
    ['execute-snapshot', '{', 'its data is no JSON object'],
    ['execute-snapshot', '{"data-collections": [1]}', 'data-collections has to be a list of names'],
    ['execute-snapshot', '{"data-collections": ["a"], "additional-conditions": [{}]}', 'need data-collection and filter'],
    [
      'execute-snapshot',
      '{"data-collections": ["a"], "additional-conditions": [{"data-collection": "(", "filter": ""}]}',
      'no regular expression',
    ],
    ['stop-snapshot', '{"data-collections": [1]}', 'has to be a list of names'],
    ['stop-snapshot', '{"type": "x"}', 'neither incremental nor blocking'],
    ['log', '{}', 'has no message'],
    ['x', null, 'its type x is unknown'],
  ])('of type %s with %s is ignored', (type, data, why) => {
    expect(signalAction({ id: '7', type, data })).toContain(why)
  })

  it('names tables by patterns, each once, or itself', () => {
    expect(expanded(['public\\.[ab]', 'public.b', 'other.x', '('], ['public.a', 'public.b', 'public.c'])).toEqual([
      'public.a',
      'public.b',
      'other.x',
      '(',
    ])
  })
})

it('the fields of COPY are unescaped', () => {
  expect(copyFields('a\tb')).toEqual(['a', 'b'])
  expect(copyFields('')).toEqual([''])
  expect(copyFields('\\N\t\\\\N\t\\ta\\n\\\\\\r\t\\b\\f\\v')).toEqual([null, '\\N', '\ta\n\\\r', '\b\f\v'])
})

describe('a query', () => {
  it('sees the stream where none of its transactions is running or later for it', () => {
    const transactions = new StreamTransactions()
    for (const id of [100, 100, 102, null]) transactions.saw(id)
    expect(transactions.allVisible('103:103:')).toBe(true)
    expect(transactions.allVisible('101:103:101')).toBe(true)
    expect(transactions.allVisible('100:103:100,101')).toBe(false)
    expect(transactions.allVisible('102:102:')).toBe(false)
  })

  it('knows ids that have gone round', () => {
    const transactions = new StreamTransactions()
    transactions.saw(5)
    transactions.saw(4_294_967_290)
    expect(transactions.allVisible('4294967310:4294967310:')).toBe(true)
    expect(transactions.allVisible('4294967300:4294967300:')).toBe(false)
    expect(transactions.allVisible('4294967290:4294967310:4294967290')).toBe(false)
  })
})
