/**
 * Goal: a record with another schema than its object's begins new objects where Confluent's sink does, is projected where it can be, and is
 * bad only where neither helps. Method: the verdict of each mode about pairs of schemas, and projected values. Expected verdicts are those
 * of Confluent's StorageSchemaCompatibility.
 */
import { describe, expect, test } from 'vitest'
import { type Schema, schemas, UnwritableRecord } from '../../../connect/sdk/index.ts'
import { type CompatibilityMode, project, schemaVerdict } from '../../../connectors/s3-sink/schema-compatibility.ts'

const struct = (version: number | undefined, fields: Record<string, Schema>, parameters?: Record<string, string>): Schema =>
  schemas.struct(fields, { name: 'Order', ...(version !== undefined && { version }), ...(parameters && { parameters }) })
const id = { id: schemas.int32() }
const note = schemas.string({ optional: true })
const modes: readonly CompatibilityMode[] = ['NONE', 'BACKWARD', 'FORWARD', 'FULL']
const verdicts = (current: Schema, next: Schema) => modes.map((mode) => schemaVerdict(mode, current, next))

describe('a record of another schema', () => {
  test('is projected by BACKWARD and FULL where it is older, and by FORWARD where it is newer', () => {
    const [one, two] = [struct(1, id), struct(2, { ...id, note })]
    expect(verdicts(two, one)).toEqual(['rotate', 'project', 'rotate', 'project'])
    expect(verdicts(one, two)).toEqual(['rotate', 'rotate', 'project', 'rotate'])
  })

  test('of an equal schema is in the same object, also without versions', () => {
    expect(verdicts(struct(1, id), struct(1, { id: schemas.int32() }))).toEqual(['same', 'same', 'same', 'same'])
    expect(verdicts(struct(undefined, id), struct(undefined, { id: schemas.int32() }))).toEqual(['same', 'same', 'same', 'same'])
  })

  test('is bad where a mode needs versions and there are none', () => {
    expect(schemaVerdict('NONE', struct(undefined, id), struct(2, { ...id, note }))).toBe('rotate')
    for (const mode of modes.slice(1))
      expect(() => schemaVerdict(mode, struct(undefined, id), struct(2, { ...id, note }))).toThrow(UnwritableRecord)
  })

  test('begins new objects where it lacks a field that the schema of its object needs', () => {
    const [one, two] = [struct(1, id), struct(2, { ...id, note: schemas.string() })]
    expect(verdicts(two, one)).toEqual(['rotate', 'rotate', 'rotate', 'rotate'])
    const withDefault = struct(2, { ...id, note: schemas.string({ default: 'none' }) })
    expect(verdicts(withDefault, one)).toEqual(['rotate', 'project', 'rotate', 'project'])
  })

  test('begins new objects where a field may be null that the schema of its object needs', () => {
    const [one, two] = [struct(1, { id: schemas.int32({ optional: true }) }), struct(2, id)]
    expect(verdicts(two, one)).toEqual(['rotate', 'rotate', 'rotate', 'rotate'])
    expect(schemaVerdict('BACKWARD', struct(2, { id: schemas.int32({ default: 7 }) }), one)).toBe('project')
  })

  test('begins new objects where a nested field cannot be projected', () => {
    const within = (version: number, inner: Record<string, Schema>) =>
      struct(version, { ...id, inner: schemas.array(schemas.struct(inner)) })
    expect(schemaVerdict('BACKWARD', within(2, { a: schemas.string() }), within(1, { a: schemas.int32() }))).toBe('rotate')
    expect(schemaVerdict('BACKWARD', within(2, { a: schemas.int64() }), within(1, { a: schemas.int32() }))).toBe('project')
    expect(schemaVerdict('BACKWARD', within(2, { a: schemas.int32() }), within(1, { a: schemas.int64() }))).toBe('rotate')
  })

  test('is projected where only the documentation differs', () => {
    const documented = struct(1, id, { 'connect.record.doc': 'an order', 'io.confluent.connect.avro.field.doc.id': 'its number' })
    expect(schemaVerdict('BACKWARD', struct(2, id), documented)).toBe('project')
    expect(schemaVerdict('BACKWARD', struct(2, id), struct(1, id, { team: 'sales' }))).toBe('rotate')
  })

  test('with an enum is projected where the schema of its object has all its symbols', () => {
    const NAME = 'io.confluent.connect.avro.Enum'
    const states = (version: number, ...symbols: string[]) =>
      struct(version, {
        state: schemas.string({
          parameters: { [NAME]: 'State', ...Object.fromEntries(symbols.map((symbol) => [`${NAME}.${symbol}`, symbol])) },
        }),
      })
    expect(schemaVerdict('BACKWARD', states(2, 'open', 'paid'), states(1, 'open'))).toBe('project')
    expect(schemaVerdict('FORWARD', states(1, 'open'), states(2, 'open', 'paid'))).toBe('rotate')
  })
})

describe('a projected value', () => {
  test('loses the fields that its object lacks, and gets the defaults of those that it has besides', () => {
    const from = struct(1, { ...id, gone: schemas.string() })
    const to = struct(2, { ...id, note, state: schemas.string({ default: 'open' }), size: schemas.int32({ optional: true, default: 3 }) })
    expect(project({ id: 1, gone: 'x' }, from, to)).toEqual({ id: 1, note: null, state: 'open', size: 3 })
  })

  test('has the default where it is null and must not be', () => {
    const from = struct(1, { id: schemas.int32({ optional: true }) })
    expect(project({ id: null }, from, struct(2, { id: schemas.int32({ default: 7 }) }))).toEqual({ id: 7 })
  })
})
