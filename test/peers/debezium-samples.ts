/**
 * Random changes as Debezium's connectors write them: envelopes with rows of all types, deletes, truncates, tombstones, heartbeats, and
 * rows of outbox tables, as texts in JsonConverter's envelope.
 */
import type { CaseRecord } from './connect-transforms.ts'
import { envelope, type TransformSamples } from './transform-samples.ts'

type Schema = Record<string, unknown>
type Row = Record<string, unknown>

const field = (name: string, type: string, optional: boolean, more: Schema = {}): Schema => ({ field: name, type, optional, ...more })

const source: Schema = {
  field: 'source',
  type: 'struct',
  optional: false,
  name: 'io.debezium.connector.postgresql.Source',
  fields: [
    field('version', 'string', false),
    field('connector', 'string', false),
    field('ts_ms', 'int64', false),
    field('snapshot', 'string', true, { name: 'io.debezium.data.Enum', version: 1, default: 'false' }),
    field('db', 'string', false),
    field('lsn', 'int64', true),
  ],
}
const transaction: Schema = {
  field: 'transaction',
  type: 'struct',
  optional: true,
  name: 'event.block',
  version: 1,
  fields: [field('id', 'string', false), field('total_order', 'int64', false), field('data_collection_order', 'int64', false)],
}

const outboxFields: Schema[] = [
  field('id', 'string', false, { name: 'io.debezium.data.Uuid', version: 1 }),
  field('aggregatetype', 'string', false),
  field('aggregateid', 'string', true),
  field('type', 'string', true, { default: 'created' }),
  field('shard', 'int32', true),
  field('version', 'int32', true),
  field('at', 'int64', true, { name: 'io.debezium.time.MicroTimestamp', version: 1 }),
  field('payload', 'string', true, { name: 'io.debezium.data.Json', version: 1 }),
]

/**
 * The items of an array have several shapes. Debezium merges them in the order of hashes that differ from one JVM to the next: what comes
 * of it is no specification.
 */
const mergedPayloads = [
  '{"a":[{"x":1},{"y":"z"},{"x":null}]}',
  '{"a":[{"x":null},{"x":2}]}',
  '{"a":{"a":{"a":[{"b":{"c":1}},{"b":{"d":2}}]}}}',
  '{"a":[{"x":1},{"x":1.5}]}',
]
export const isMergedByHash = ({ value }: { value?: string | null | undefined }): boolean =>
  mergedPayloads.some((payload) => value?.includes(JSON.stringify(payload)))

/** Debezium gives an empty array and one at the root a schema that is not that of the text which it keeps: neither is here. */
const payloads = [
  ...mergedPayloads,
  null, '', ' ', 'text', '{}', '{"a":1,"b":"x","c":true,"d":null}', '{"a":1.0,"b":-0.5e3,"n":{"x":[1,2],"y":[]}}', '{"a":3000000000}',
  '{"a":99999999999999999999}', '{"a":[1,"x"]}', '{"a":[1,3000000000]}', '{"a":[null,null]}',
  '{"a":[[1],[2,3]]}', '{"a":[1,null,3]}', '{"a":[{"x":1},null]}', '{"a-b":1,"1c":2,"_d":3,"é.f":4}',
  '{"a":', '{"a":"2024-01-01","b":[true,false]}', '{"":1}',
  '{"a":-2147483648,"b":-2147483649,"c":9223372036854775807}',
] // biome-ignore format: a list

export class DebeziumSamples {
  readonly #samples: TransformSamples

  constructor(samples: TransformSamples) {
    this.#samples = samples
  }

  #row(schema: Schema): unknown {
    return Object.fromEntries((schema.fields as Schema[]).map((of) => [of.field, this.#samples.value(of)]))
  }

  #envelope(row: Schema, before: unknown, after: unknown, op: string): string {
    const { chance } = this.#samples
    const schema = {
      type: 'struct',
      optional: false,
      name: chance(0.95) ? 'server.public.t.Envelope' : 'server.public.t.Other',
      version: 2,
      fields: [
        { ...row, field: 'before', optional: true },
        { ...row, field: 'after', optional: true },
        source,
        ...(chance(0.9) ? [transaction] : []),
        field('op', 'string', false),
        field('ts_ms', 'int64', true),
      ],
    }
    const fields = schema.fields.map((of) => (of as { field: string }).field)
    return envelope(schema, {
      before,
      after,
      source: {
        version: '3.4',
        connector: 'postgresql',
        ts_ms: 1_700_000_000_000,
        snapshot: chance(0.5) ? 'true' : null,
        db: 'd',
        lsn: null,
      },
      ...(fields.includes('transaction') && {
        transaction: chance(0.5) ? { id: 'tx', total_order: 7, data_collection_order: 3 } : null,
      }),
      op,
      ts_ms: chance(0.9) ? 1_700_000_000_123 : null,
    })
  }

  #key(): string | null {
    const { chance, one } = this.#samples
    if (chance(0.1)) return null
    if (chance(0.05)) return envelope(null, { a: 1 })
    const schema = {
      type: 'struct',
      optional: false,
      name: 'server.public.t.Key',
      fields: [field('a', 'int32', false), field('b', 'string', true, chance(0.3) ? { default: 'x' } : {})],
    }
    return envelope(schema, { a: one([1, 2, -3]), b: one(['x', null]) })
  }

  #heartbeat = (): string =>
    envelope(
      { type: 'struct', optional: false, name: 'io.debezium.connector.common.Heartbeat', fields: [field('ts_ms', 'int64', false)] },
      { ts_ms: 5 },
    )

  #with(value: string | null, headers: CaseRecord['headers'] = []): CaseRecord {
    const { chance, one } = this.#samples
    return {
      topic: one(['server.public.t', 'server.public.t_1', 'server.other.t-2', 'x']),
      partition: chance(0.5) ? 3 : null,
      timestamp: chance(0.8) ? 1_700_000_000_999 : null,
      key: this.#key(),
      value,
      headers,
    }
  }

  /** A change of a table, with a header `drop` that may list fields. */
  change(): CaseRecord {
    const { chance, one } = this.#samples
    const lists = [['a'], ['a', 'b', 'nope'], ['b', '__op', '__deleted'], []]
    const list = { type: 'array', optional: false, items: { type: 'string', optional: false } }
    const headers = chance(0.5) ? [{ key: 'drop', value: envelope(list, one(lists)) }] : []
    if (chance(0.08)) return this.#with(null, headers)
    if (chance(0.05)) return this.#with(this.#heartbeat(), headers)
    if (chance(0.05)) return this.#with(envelope(null, { op: 'c' }), headers)
    const row: Schema = { ...this.#samples.struct(), name: 'server.public.t.Value' }
    delete row.default
    if (chance(0.6)) row.fields = [...(row.fields as Schema[]), field('route', 'string', true, chance(0.3) ? { default: 'fallback' } : {})]
    const given = () => {
      const value = this.#row(row) as Row
      if ('route' in value) value.route = one(['routed', ' ', '', null, 'other'])
      return value
    }
    const op = one(['c', 'u', 'd', 'r', 'd', 't'])
    const before = op === 'd' || op === 'u' ? given() : null
    const after = op === 'd' || op === 't' ? null : given()
    return this.#with(this.#envelope(row, before, after, op), headers)
  }

  /** A change of an outbox table. */
  event(): CaseRecord {
    const { chance, one } = this.#samples
    if (chance(0.06)) return this.#with(null)
    if (chance(0.04)) return this.#with(this.#heartbeat())
    const row: Schema = {
      type: 'struct',
      ...(chance(0.9) && { name: one(['server.public.outbox.Value', 'Value']) }),
      fields: chance(0.9)
        ? outboxFields
        : outboxFields.filter((of) => of.field !== one(['shard', 'at', 'payload', 'aggregateid', 'version'])),
    }
    const known = new Set((row.fields as Schema[]).map((of) => of.field as string))
    const value: Row = {
      id: 'b3a4c1f0',
      aggregatetype: one(['order', 'order', 'Customer.x', 'a-b']),
      aggregateid: one(['7', null]),
      type: one(['OrderCreated', null]),
      shard: one([0, 5, null]),
      version: one([1, 2, null]),
      at: one([1_700_000_000_123_456, -1, null]),
      payload: one(payloads),
    }
    const after = Object.fromEntries(Object.entries(value).filter(([name]) => known.has(name)))
    const op = one(['c', 'c', 'c', 'c', 'r', 'u', 'd', 't'])
    return this.#with(this.#envelope(row, op === 'd' ? after : null, op === 'd' || op === 't' ? null : after, op), [
      ...(chance(0.2) ? [{ key: 'h', value: envelope({ type: 'int32', optional: false }, 7) }] : []),
    ])
  }
}
