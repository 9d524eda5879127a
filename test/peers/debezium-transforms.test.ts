/**
 * Goal: ExtractNewRecordState, ByLogicalTableRouter and EventRouter do what Debezium's do: the same records, errors and settings. Method:
 * random changes of all kinds go through both, with all kinds of settings; what differs on purpose is named below.
 */
import { isDeepStrictEqual } from 'node:util'
import { expect, test, vi } from 'vitest'
import byLogicalTableRouter from '../../connect/transforms/by-logical-table-router.ts'
import eventRouter from '../../connect/transforms/event-router.ts'
import extractNewRecordState from '../../connect/transforms/extract-new-record-state.ts'
import { randomFrom } from '../random.ts'
import { type Case, type CaseRecord, comparable, connectTransforms, ourAnswer, ourDefinitions } from './connect-transforms.ts'
import { DebeziumSamples, isMergedByHash } from './debezium-samples.ts'
import { debeziumClassPath } from './maven-jars.ts'
import { TransformSamples } from './transform-samples.ts'

// It starts a JVM.
vi.setConfig({ testTimeout: 240_000 })

const RECORDS = 120
const debezium = await connectTransforms(debeziumClassPath())

type Config = Record<string, string>

const modes = ['drop', 'tombstone', 'rewrite', 'rewrite-with-tombstone', 'delete-to-tombstone']
const MODE = 'delete.tombstone.handling.mode'
const placement = (text: string): Config => ({ 'table.fields.additional.placement': text })
const expand: Config = { 'table.expand.json.payload': 'true' }

const suites: {
  name: string
  // biome-ignore lint/suspicious/noExplicitAny: each declaration has its own config type
  declaration: any
  record: (samples: DebeziumSamples) => CaseRecord
  configs: Config[]
  /** Settings that one side declares and the other does not. */
  ours: string[]
  theirs: string[]
}[] = [
  {
    name: 'ExtractNewRecordState',
    declaration: extractNewRecordState,
    record: (samples) => samples.change(),
    ours: ['replace.null.with.default'],
    theirs: [],
    configs: [
      {},
      ...modes.flatMap((mode): Config[] => [
        { [MODE]: mode },
        {
          [MODE]: ` ${mode.toUpperCase()} `,
          'add.fields': 'op,source.ts_ms,lsn:LSN,nope',
          'add.headers': 'op,db,total_order,transaction.id',
        },
        { [MODE]: mode, 'route.by.field': 'route', 'replace.null.with.default': 'false' },
        { [MODE]: mode, 'drop.fields.header.name': 'drop', 'add.fields': 'op,ts_ms', 'add.fields.prefix': 'x_' },
        { [MODE]: mode, 'drop.fields.header.name': 'drop', 'drop.fields.from.key': 'true', 'drop.fields.keep.schema.compatible': 'false' },
      ]),
      { 'add.fields': 'op:op:op' },
      { 'add.fields': 'op:,source.db:a', 'add.headers': 'snapshot,ts_ms:', 'add.headers.prefix': '' },
      { 'add.fields': 'op:a' },
      { [MODE]: 'none' },
      { 'drop.fields.from.key': 'x' },
    ],
  },
  {
    name: 'ByLogicalTableRouter',
    declaration: byLogicalTableRouter,
    record: (samples) => samples.change(),
    ours: ['key.field.name', 'schema.name.adjustment.mode'],
    theirs: [],
    configs: [
      {},
      { 'topic.regex': '(.*)' },
      { 'topic.regex': '[', 'topic.replacement': 'x' },
      { 'topic.regex': 'server\\.(.*)\\.(.*)', 'topic.replacement': '$1-$2' },
      { 'topic.regex': 'server\\.(.*)\\.(.*)', 'topic.replacement': '1$1-$2.é', 'schema.name.adjustment.mode': 'avro' },
      { 'topic.regex': '(.*)', 'topic.replacement': '_$1-x', 'schema.name.adjustment.mode': 'AVRO_unicode' },
      { 'topic.regex': '(.*)', 'topic.replacement': 'all', 'key.enforce.uniqueness': 'false' },
      { 'topic.regex': '(.*)', 'topic.replacement': 'all', 'key.field.name': 'a' },
      {
        'topic.regex': '(.*)',
        'topic.replacement': 'all',
        'key.field.name': 'table',
        'key.field.regex': '(.*)\\.(.*)',
        'key.field.replacement': '$2',
      },
      { 'topic.regex': '(.*)', 'topic.replacement': 'all', 'key.field.regex': '(.*)' },
      { 'topic.regex': '(x?).*', 'topic.replacement': '$1' },
      { 'topic.regex': '(.*)', 'topic.replacement': '$2' },
      { 'topic.regex': '(.*)', 'topic.replacement': 'all', 'logical.table.cache.size': '1' },
    ],
  },
  {
    name: 'EventRouter',
    declaration: eventRouter,
    record: (samples) => samples.event(),
    // Debezium declares the last with false, and takes true where it is not set.
    ours: ['field.name.adjustment.mode', 'tracing.with.context.field.only'],
    theirs: ['table.field.event.type', 'tracing.with.context.field.only'],
    configs: [
      {},
      expand,
      { ...expand, 'table.json.payload.null.behavior': 'optional_bytes' },
      { ...expand, ...placement('type:envelope') },
      placement('type:header,shard:partition,aggregateid:envelope:aid'),
      placement('type:header:eventType , at:header'),
      { ...placement('nope:header,shard:header'), 'table.fields.additional.error.on.missing': 'false' },
      placement('nope:header'),
      placement('type:partition'),
      { ...placement('type:envelope'), 'table.field.event.schema.version': 'shard' },
      { 'route.tombstone.on.empty.payload': 'true' },
      { 'route.tombstone.on.empty.payload': 'true', ...placement('type:envelope') },
      { 'table.field.event.timestamp': 'at' },
      { 'table.field.event.timestamp': 'shard' },
      { 'table.field.event.timestamp': 'nope' },
      { 'table.field.event.id': 'type', 'table.field.event.key': 'shard', 'table.field.event.payload': 'at' },
      { 'table.field.event.id': 'nope' },
      { 'table.field.event.payload': 'nope' },
      { 'route.by.field': 'type', 'route.topic.regex': '(Order).*', 'route.topic.replacement': '$1s' },
      { 'route.by.field': 'shard' },
      { 'route.topic.replacement': '${nope}' },
      { 'table.op.invalid.behavior': 'fatal' },
      { 'table.op.invalid.behavior': 'explode' },
      { 'route.topic.regex': '(' },
      placement('type'),
      placement('type:header:a:b'),
    ],
  },
]

/** Faults of Java's that are no answer: a null or a wrong cast that nobody expected. */
const javaFault = /NullPointerException|ClassCastException|ArrayIndexOutOfBounds/
/** Where a payload fails after its schema, Debezium keeps the text with that schema. */
const notExpanded = /^Invalid Java object for schema "payload" with type STRUCT: class java.lang.String/
const isFailure = (result: unknown): result is { exception: string; message: string | null } =>
  typeof result === 'object' && result !== null && 'exception' in result

/** Debezium keeps one schema of values for each payload schema, whatever the topic, so its name is that of the first topic. */
const withoutValueName = (result: unknown) =>
  JSON.parse(JSON.stringify(result), (name, value) =>
    name === 'schema' && value?.type === 'struct' ? { ...value, name: undefined } : value,
  )

/** What both mean to be the same. */
function same(ours: unknown, theirs: unknown): boolean {
  if (isFailure(theirs)) {
    if (notExpanded.test(`${theirs.message}`)) return true
    if (!isFailure(ours)) return javaFault.test(theirs.exception)
    return javaFault.test(theirs.exception) || ours.message === theirs.message || /Unexpected update|Only Struct/.test(`${theirs.message}`)
  }
  return isDeepStrictEqual(withoutValueName(ours), withoutValueName(theirs))
}

for (const { name, declaration, record, configs, ours: onlyOurs, theirs: onlyTheirs } of suites) {
  test(`${name}: random changes have the same results and errors`, async () => {
    const samples = new DebeziumSamples(new TransformSamples(randomFrom(20_261_201)))
    const cases = configs.map(
      (config) => ({ class: declaration.class, config, records: Array.from({ length: RECORDS }, () => record(samples)) }) satisfies Case,
    )
    const theirs = await debezium.answers(cases)
    const different: object[] = []
    let compared = 0
    for (const [index, given] of cases.entries()) {
      const ours = comparable(ourAnswer(declaration, given))
      const answer = comparable(theirs[index]!)
      expect(ours.configure === undefined, `${JSON.stringify(given.config)}: ${ours.configure} / ${answer.configure}`).toBe(
        answer.configure === undefined,
      )
      for (const [at, result] of (answer.results ?? []).entries()) {
        if (result === 'unreadable' || result === 'unconvertible') continue
        compared++
        if (!same(ours.results![at], result) && !isMergedByHash(given.records[at]!))
          different.push({ config: given.config, record: given.records[at], ours: ours.results![at], theirs: result })
      }
    }
    expect(different.length, JSON.stringify(different.slice(0, 6))).toBe(0)
    expect(compared).toBeGreaterThan((configs.length * RECORDS) / 3)
  })

  test(`${name}: the settings have Debezium's types, defaults, importance and groups`, async () => {
    const theirs = (await debezium.definitions(declaration.class)).filter((setting) => !onlyTheirs.includes(setting.name))
    const ours = ourDefinitions(declaration).filter((setting) => !onlyOurs.includes(setting.name))
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
    expect(ours.sort(byName)).toEqual(theirs.sort(byName))
  })
}
