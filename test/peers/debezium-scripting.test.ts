/**
 * Goal: Filter and ContentBasedRouter do with CEL what Debezium's do with Groovy. Method: random changes go through both, with expressions
 * that mean the same in either language; the settings are compared too.
 */
import { expect, test, vi } from 'vitest'
import contentBasedRouter from '../../connect/transforms/content-based-router.ts'
import expressionFilter from '../../connect/transforms/expression-filter.ts'
import { randomFrom } from '../random.ts'
import { type Case, comparable, connectTransforms, ourAnswer, ourDefinitions } from './connect-transforms.ts'
import { DebeziumSamples } from './debezium-samples.ts'
import { debeziumClassPath, mavenClassPath } from './maven-jars.ts'
import { TransformSamples } from './transform-samples.ts'

// It starts a JVM.
vi.setConfig({ testTimeout: 240_000 })

const RECORDS = 150
// The newest version whose jar Maven Central gives with all that it names; its transforms are those of 3.4.
const scripting = await mavenClassPath('debezium-scripting', [
  'io.debezium:debezium-scripting:2.7.4.Final',
  'org.apache.groovy:groovy-jsr223:4.0.28',
])
const debezium = await connectTransforms(debeziumClassPath(), scripting)

const NULLS = 'null.handling.mode'

/** Groovy, CEL, and what else is set. An envelope is read where there is one: `value.op` of another record is an error in both. */
const conditions: [groovy: string, cel: string, more?: Record<string, string>][] = [
  ["value.op == 'c'", "value.op == 'c'"],
  ["value.op == 'c' || value.op == 'r'", "value.op in ['c', 'r']", { [NULLS]: 'drop' }],
  ['value == null', 'value == null', { [NULLS]: 'evaluate' }],
  ['value.after.shard != null && value.after.shard > 3', 'value.after.shard != null && value.after.shard > 3'],
  ['value.source.ts_ms == 1700000000000L', 'value.source.ts_ms == 1700000000000'],
  ["value.after?.type == 'created'", "value.after != null && value.after.type == 'created'"],
  ["topic.startsWith('server')", "topic.startsWith('server')", { 'topic.regex': 'server\\.(public|other)\\..*' }],
  ["header.containsKey('h') && header.h.value == 7", "'h' in header && header.h.value == 7"],
  ['valueSchema.name() == "server.public.t.Envelope"', 'valueSchema.name == "server.public.t.Envelope"'],
  ['key == null || key.a == 1', 'key == null || key.a == 1'],
  ['value.nope == 1', 'value.nope == 1'],
  ['1', '1'],
]
const topics: typeof conditions = [
  ["value.op == 'u' ? 'updates' : null", "value.op == 'u' ? 'updates' : null"],
  ["topic + '-' + value.op", "topic + '-' + value.op"],
  [
    'value.after == null ? null : value.after.aggregatetype.toLowerCase()',
    'value.after == null ? null : value.after.aggregatetype.lowerAscii()',
  ],
  ['5', '5'],
]

const isFailure = (result: unknown) => typeof result === 'object' && result !== null && 'exception' in result

test.each([
  ['Filter', expressionFilter, 'condition', conditions],
  ['ContentBasedRouter', contentBasedRouter, 'topic.expression', topics],
] as const)('%s: changes that are kept or routed are the same', async (_name, declaration, setting, pairs) => {
  const samples = new DebeziumSamples(new TransformSamples(randomFrom(20_261_202)))
  const cases = pairs.map(([groovy, cel, more]) => {
    const records = Array.from({ length: RECORDS }, () => samples.event())
    const of = (language: string, text: string): Case => ({
      class: declaration.class,
      config: { language, [setting]: text, ...more },
      records,
    })
    return { cel, theirs: of('jsr223.groovy', groovy), ours: of('cel', cel) }
  })
  const answers = await debezium.answers(cases.map(({ theirs }) => theirs))
  const seen = { kept: 0, dropped: 0, failed: 0 }
  for (const [index, { cel, ours: given }] of cases.entries()) {
    const [ours, theirs] = [comparable(ourAnswer(declaration, given)), comparable(answers[index]!)]
    expect(theirs.configure, cel).toBeUndefined()
    for (const [at, result] of theirs.results!.entries()) {
      if (isFailure(result)) expect(isFailure(ours.results![at]), `${cel}: ${JSON.stringify([given.records[at], result])}`).toBe(true)
      else expect(ours.results![at], `${cel}: ${JSON.stringify(given.records[at])}`).toEqual(result)
      seen[isFailure(result) ? 'failed' : result === null ? 'dropped' : 'kept']++
    }
  }
  expect(seen.kept).toBeGreaterThan(RECORDS)
  expect(seen.failed).toBeGreaterThan(RECORDS / 2)
})

test('the settings have the types, defaults and importance of Debezium', async () => {
  for (const declaration of [expressionFilter, contentBasedRouter])
    expect(ourDefinitions(declaration)).toEqual(await debezium.definitions(declaration.class))
})
