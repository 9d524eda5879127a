/**
 * Goal: Cast, ExtractField, Flatten, HoistField, InsertField, MaskField, ReplaceField, SetSchemaMetadata and ValueToKey do what Kafka
 * Connect's do: the same records, errors and settings. Method: random records of all types go through both, with all kinds of settings.
 */
import { isDeepStrictEqual } from 'node:util'
import { expect, test, vi } from 'vitest'
import cast from '../../connect/transforms/cast.ts'
import extractField from '../../connect/transforms/extract-field.ts'
import flatten from '../../connect/transforms/flatten.ts'
import hoistField from '../../connect/transforms/hoist-field.ts'
import insertField from '../../connect/transforms/insert-field.ts'
import maskField from '../../connect/transforms/mask-field.ts'
import replaceField from '../../connect/transforms/replace-field.ts'
import setSchemaMetadata from '../../connect/transforms/set-schema-metadata.ts'
import valueToKey from '../../connect/transforms/value-to-key.ts'
import { randomFrom } from '../random.ts'
import { type Case, comparable, connectTransforms, ourAnswer, ourDefinitions } from './connect-transforms.ts'
import { TransformSamples } from './transform-samples.ts'

// It starts a JVM.
vi.setConfig({ testTimeout: 240_000 })

const RECORDS = 60
const kafka = await connectTransforms()

const types = ['int8', 'int16', 'int32', 'int64', 'float32', 'float64', 'boolean', 'string'] as const
const keepNull = { 'replace.null.with.default': 'false' }
const both = (configs: readonly Record<string, string>[]) => configs.flatMap((config) => [config, { ...config, ...keepNull }])

const suites = [
  {
    name: 'Cast',
    declarations: cast,
    configs: both([
      ...types.map((type) => ({ spec: type })),
      ...types.flatMap((type) => [
        { spec: ['a', 'b', 'c', 'n', 'a.b'].map((name) => `${name}:${type}`).join(',') },
        { spec: `a:${type}` },
        { spec: `constructor : ${type.toUpperCase()} , a:string` },
      ]),
      ...['', 'bytes', 'a:foo', 'a:', 'a:b:int8', 'int8,a:int8', 'a:int8,,b:int8', 'a:int8,a:string', ':int8'].map((spec) => ({
        spec,
      })),
    ]),
  },
  {
    name: 'ExtractField',
    declarations: extractField,
    configs: both([
      ...['a', 'n', 'a.b', 'missing', 'constructor', ''].map((field) => ({ field })),
      ...['a', 'n.a', 'n.n.b', '`a.b`', 'a.`a.b`', '`a.b`.c', 'missing.a', 'a.', '.a', '`a', 'n.`a\\`.b`', '`a`b`.c', '`a\\`', '``'].map(
        (field) => ({
          field,
          'field.syntax.version': 'v2',
        }),
      ),
      { field: 'a', 'field.syntax.version': 'V3' },
      {},
    ]),
  },
  { name: 'Flatten', declarations: flatten, configs: [{}, { delimiter: '_' }, { delimiter: '' }, { delimiter: '::' }] },
  { name: 'HoistField', declarations: hoistField, configs: [{ field: 'wrapped' }, { field: '' }, { field: '__proto__' }, {}] },
  {
    name: 'InsertField',
    declarations: insertField,
    configs: both([
      { 'topic.field': 'x' },
      { 'partition.field': 'x!', 'topic.field': 'y?' },
      { 'offset.field': 'offset' },
      { 'timestamp.field': 'ts', 'partition.field': 'p' },
      { 'timestamp.field': 'ts!' },
      { 'static.field': 's!', 'static.value': 'text' },
      { 'static.field': 'a', 'static.value': '' },
      { 'topic.field': 'x', 'static.value': 'unused' },
      { 'topic.field': '!' },
      {},
    ]),
  },
  {
    name: 'MaskField',
    declarations: maskField,
    configs: both([
      { fields: 'a,b,c,n,a.b,constructor' },
      { fields: 'a' },
      { fields: 'a', replacement: '-70000' },
      ...['7', '-1.5', '300', 'text', '99999999999999999999', '1e3', '1e99999', ' 1', '.5', '', '1e999999999999'].map((replacement) => ({
        fields: 'a,b,c,n,constructor,missing',
        replacement,
      })),
      ...['', 'a,', 'missing'].map((fields) => ({ fields })),
    ]),
  },
  {
    name: 'ReplaceField',
    declarations: replaceField,
    configs: both([
      {},
      { exclude: 'a,c' },
      { include: 'a,a.b,constructor' },
      { include: 'a,b', exclude: 'b' },
      { renames: 'a:x,b:y' },
      { renames: 'a:b' },
      { renames: 'a:b,b:a' },
      { renames: 'constructor:__proto__,n:toString' },
      { renames: 'a:x', exclude: 'b', include: 'a,c' },
      { renames: 'a,b:c:d' },
      { renames: 'a:' },
      { renames: ':a' },
      { renames: 'a:b,' },
      { exclude: 'a,' },
    ]),
  },
  {
    name: 'SetSchemaMetadata',
    declarations: setSchemaMetadata,
    configs: both([
      { 'schema.name': 'other' },
      { 'schema.version': '7' },
      { 'schema.name': 'other', 'schema.version': '-1' },
      { 'schema.version': 'x' },
      { 'schema.name': '' },
      {},
    ]),
  },
  {
    name: 'ValueToKey',
    declarations: [valueToKey],
    configs: both([
      { fields: 'a' },
      { fields: 'a,n' },
      { fields: 'constructor' },
      { fields: 'missing' },
      { fields: '' },
      { fields: 'a,' },
      {},
    ]),
  },
] as const

/** Of several fields of a map that are wrong, Java's order of maps decides which is reported. */
function firstOfSeveral(given: Case, at: number, ours: unknown, theirs: unknown): boolean {
  const { key, value } = given.records[at]!
  const text = given.class.endsWith('$Key') ? key : value
  const severalFields = [given.config.spec, given.config.fields].some((names) => names?.includes(','))
  return severalFields && (text?.startsWith('{"schema":null') ?? false) && isFailure(ours) && isFailure(theirs)
}

const isFailure = (result: unknown): boolean => typeof result === 'object' && result !== null && 'exception' in result

for (const { name, declarations, configs } of suites) {
  test(`${name}: random records of all types have the same results and errors`, async () => {
    const samples = new TransformSamples(randomFrom(20_261_130))
    const cases = declarations.flatMap((declaration) =>
      (configs as readonly Record<string, string>[]).map((config) => ({
        declaration,
        given: { class: declaration.class, config, records: Array.from({ length: RECORDS }, () => samples.record()) } satisfies Case,
      })),
    )
    const theirs = await kafka.answers(cases.map(({ given }) => given))
    const different: object[] = []
    let compared = 0
    for (const [index, { declaration, given }] of cases.entries()) {
      const spec = given.config.spec?.toLowerCase() ?? ''
      const toFloat = spec.includes('float32') ? Math.fround : spec.includes('float64') ? (value: number) => value : undefined
      const [{ results: ours = [], ...ourSettings }, { results = [], ...settings }] = [
        comparable(ourAnswer(declaration, given), toFloat),
        comparable(theirs[index]!, toFloat),
      ]
      expect(ourSettings, `${given.class} ${JSON.stringify(given.config)}`).toEqual(settings)
      for (const [at, result] of results.entries()) {
        // What JsonConverter can neither read nor write says nothing about the transform.
        if (result === 'unreadable' || result === 'unconvertible') continue
        compared++
        if (!isDeepStrictEqual(ours[at], result) && !firstOfSeveral(given, at, ours[at], result))
          different.push({ config: given.config, record: given.records[at], ours: ours[at], theirs: result })
      }
    }
    expect(different.length, JSON.stringify(different.slice(0, 3), undefined, 1)).toBe(0)
    expect(compared).toBeGreaterThan((cases.length * RECORDS) / 3)
  })

  test(`${name}: the settings have Kafka's types, defaults and importance`, async () => {
    for (const declaration of declarations) {
      const theirs = await kafka.definitions(declaration.class)
      expect(theirs).toEqual(ourDefinitions(declaration))
    }
  })
}
