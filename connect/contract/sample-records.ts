/**
 * Records of all types, with and without schemas, and whether a value is one of its schema in the data model. They are new ones at each
 * call, so that a plugin that changes one harms no other check.
 */
import { type ConnectRecord, logicalTypes, type Schema, type SinkRecord, schemas } from '../sdk/index.ts'

const optional = { optional: true } as const

const inner = schemas.struct({ x: schemas.int64(), y: schemas.string(optional) }, { name: 'inner' })
export const everyType: Schema = schemas.struct(
  {
    int8: schemas.int8(),
    int16: schemas.int16(),
    int32: schemas.int32(),
    int64: schemas.int64(),
    float32: schemas.float32(),
    float64: schemas.float64(),
    boolean: schemas.boolean(),
    string: schemas.string(),
    bytes: schemas.bytes(),
    decimal: schemas.decimal(2),
    date: schemas.date(),
    time: schemas.time(),
    timestamp: schemas.timestamp(),
    array: schemas.array(schemas.int32()),
    map: schemas.map(schemas.string(), schemas.float64()),
    struct: inner,
    missing: schemas.string({ optional: true, default: 'none' }),
    constructor: schemas.int32(optional),
  },
  { name: 'every.type', version: 3, doc: 'every type', parameters: { p: 'q' } },
)
const ofEveryType = () => ({
  int8: 1,
  int16: -300,
  int32: 70_000,
  int64: 2n ** 60n,
  float32: 1.5,
  float64: -0.25,
  boolean: true,
  string: 'text',
  bytes: Buffer.from('bytes'),
  decimal: '12.50',
  date: new Date(86_400_000),
  time: new Date(3_600_000),
  timestamp: new Date(1_700_000_000_123),
  array: [1, 2],
  map: { a: 1.5 },
  struct: { x: 5, y: null },
  missing: null,
  constructor: 7,
})

const row = schemas.struct({
  id: schemas.string(),
  aggregatetype: schemas.string(),
  aggregateid: schemas.string(),
  payload: schemas.string(),
})
export const changeOfRow: Schema = schemas.struct(
  {
    before: { ...row, optional: true },
    after: { ...row, optional: true },
    source: schemas.struct({ ts_ms: schemas.int64() }),
    op: schemas.string(),
    ts_ms: schemas.int64(),
  },
  { name: 's.t.Envelope' },
)
const change = (op: string, before: boolean, after: boolean) => {
  const value = { id: 'i', aggregatetype: 'order', aggregateid: '7', payload: '{"a":1}' }
  return { before: before ? value : null, after: after ? value : null, source: { ts_ms: 5 }, op, ts_ms: 7 }
}

const [text, bytes, id] = [schemas.string(), schemas.bytes(), schemas.struct({ id: schemas.int32() })]
const optionalStruct: Schema = { ...everyType, optional: true }

const record = (parts: Partial<SinkRecord>): SinkRecord => ({
  topic: 'topic',
  partition: 2,
  offset: 9,
  timestamp: 1_700_000_000_123,
  timestampType: 'CreateTime',
  key: { id: 1 },
  keySchema: id,
  value: null,
  valueSchema: null,
  headers: [{ key: 'h', value: 'x', schema: text }],
  ...parts,
})

export const tombstone = (): SinkRecord => record({})

/** New ones at each call, with the same schemas. */
export const sampleRecords = (): SinkRecord[] => [
  record({ value: ofEveryType(), valueSchema: everyType }),
  record({ value: ofEveryType(), valueSchema: everyType, key: ofEveryType(), keySchema: everyType }),
  record({
    value: { string: 'text', int32: 5, struct: { x: 1 }, timestamp: 1_700_000_000_123, list: [1, null] },
    key: { string: 'k' },
    keySchema: null,
  }),
  record({ value: {}, key: {}, keySchema: null }),
  record({ value: null, valueSchema: optionalStruct }),
  record({ value: 'text', valueSchema: text, key: null, keySchema: null }),
  record({ value: 5, key: 'k', keySchema: null, headers: [] }),
  record({ value: [1, 'x', { a: null }], timestamp: null }),
  record({ value: Buffer.from('b'), valueSchema: bytes }),
  ...(['c', 'u', 'd', 't'] as const).map((op) =>
    record({ value: change(op, op === 'd' || op === 'u', op === 'c' || op === 'u'), valueSchema: changeOfRow }),
  ),
  tombstone(),
]

/** What is wrong with a value of a schema; undefined where nothing is. */
export function mismatch(schema: Schema | null | undefined, value: unknown, at: string): string | undefined {
  if (!schema) return value === undefined ? `${at} is undefined` : undefined
  // A field without a value is null; whether it must have one is checked when it is written.
  if (value === null || value === undefined) return undefined
  const expected = (is: boolean): string | undefined => (is ? undefined : `${at} is no ${schema.name ?? schema.type}: ${String(value)}`)
  if (schema.name === logicalTypes.decimal) return expected(typeof value === 'string')
  if (schema.name === logicalTypes.date || schema.name === logicalTypes.time || schema.name === logicalTypes.timestamp)
    return expected(value instanceof Date)
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
      return expected(Number.isInteger(value) && Math.abs(value as number) <= 2 ** (Number(schema.type.slice(3)) - 1))
    case 'int64':
      return expected(Number.isSafeInteger(value) || (typeof value === 'bigint' && BigInt.asIntN(64, value) === value))
    case 'float32':
    case 'float64':
      return expected(typeof value === 'number')
    case 'boolean':
    case 'string':
      return expected(typeof value === schema.type)
    case 'bytes':
      return expected(value instanceof Uint8Array)
    case 'array':
      return Array.isArray(value) ? firstOf(value.map((item, i) => mismatch(schema.values, item, `${at}[${i}]`))) : expected(false)
    case 'map': {
      const entries = value instanceof Map ? [...value] : typeof value === 'object' ? Object.entries(value) : undefined
      return entries ? firstOf(entries.map(([key, item]) => mismatch(schema.values, item, `${at}.${key}`))) : expected(false)
    }
    case 'struct': {
      if (typeof value !== 'object' || Array.isArray(value)) return expected(false)
      const struct = value as Record<string, unknown>
      const names = new Set(schema.fields!.map(({ name }) => name))
      const extra = Object.keys(struct).find((name) => !names.has(name))
      if (extra !== undefined) return `${at}.${extra} is no field`
      if (names.size !== schema.fields!.length) return `${at} has two fields with one name`
      return firstOf(
        schema.fields!.map(({ name, schema: of }) => mismatch(of, Object.hasOwn(struct, name) ? struct[name] : null, `${at}.${name}`)),
      )
    }
  }
}

const firstOf = (problems: readonly (string | undefined)[]) => problems.find((problem) => problem !== undefined)

export const recordMismatch = (given: ConnectRecord): string | undefined =>
  firstOf([
    typeof given.topic === 'string' ? undefined : 'the topic is no text',
    given.partition === null || Number.isInteger(given.partition) ? undefined : 'the partition is no whole number',
    given.timestamp === null || Number.isInteger(given.timestamp) ? undefined : 'the timestamp is no whole number',
    mismatch(given.keySchema, given.key, 'key'),
    mismatch(given.valueSchema, given.value, 'value'),
    ...given.headers.map(({ key, schema, value }) => mismatch(schema, value, `header ${key}`)),
  ])

/** The value and all that it has; what cannot be frozen is compared afterwards. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}
