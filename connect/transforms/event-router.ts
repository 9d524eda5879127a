/**
 * EventRouter: makes events of the rows that are inserted into an outbox table, as Debezium's transform of this name. The topic, key, value
 * and headers come from fields of the row. Records without Debezium's envelope pass as they are; deletes and tombstones are dropped.
 */
import { type ConnectRecord, DataError, defineTransform, type Header, type Schema, setting, TransformError } from '../sdk/index.ts'
import { type Replacement, replaceFirst, replacementOf } from '../sdk/java-pattern.ts'
import { optionOf, type Refusal, regexOf } from './data/debezium-settings.ts'
import { DerivedValues } from './data/derived-values.ts'
import { envelopeOf, operations, requireField, typedReader } from './data/envelope.ts'
import { JsonExpansion } from './data/json-expansion.ts'
import { fieldNameAdjuster, nameAdjustments } from './data/name-adjustment.ts'
import { additionalFields, type OutboxField, outboxTimestamp } from './data/outbox-fields.ts'
import { type Fields, requireStruct } from './data/requirements.ts'
import { ConfigError } from './data/settings.ts'
import { checkedFields, fieldReader, perSchema, type ReadField } from './data/structs.ts'
import { mayTrace, traceChange } from './data/tracing-span.ts'

/** Schemas of values that are kept: one for each payload schema, topic and version. */
const MAX_VALUE_SCHEMAS = 10_000

const PAYLOAD = 'payload'

const refusal: Refusal = (name, value, problem) => new ConfigError(`Invalid value ${value} for configuration ${name}: ${problem}`)

/** What is read of the rows of an outbox table. */
interface Outbox {
  readonly row: Schema
  readonly id: { schema: Schema; read: ReadField }
  readonly key: { schema: Schema; read: ReadField }
  readonly payload: { schema: Schema; read: ReadField }
  readonly route: (row: Fields) => string | null
  readonly version: ((row: Fields) => number | null) | null
  readonly timestamp: (row: Fields) => number | bigint | null
  readonly headers: readonly (OutboxField & { schema: Schema; read: ReadField })[]
  readonly envelope: readonly (OutboxField & { schema: Schema; read: ReadField })[]
  readonly partition: ((row: Fields) => number | null) | null
  readonly values: DerivedValues<string, WeakMap<Schema, Schema>>
}

/** The name of the schema of a value: that of the row, with the routed name before its last part. */
function valueName(row: string | undefined, routed: string): string {
  if (row === undefined) return routed
  const lastDot = row.lastIndexOf('.')
  return `${row.slice(0, lastDot + 1)}${routed}.${row.slice(lastDot + 1)}`
}

const table = (order: number, displayName: string, fallback: string | null, doc: string, importance: 'LOW' | 'MEDIUM' = 'LOW') =>
  setting.string({ default: fallback, importance, group: 'Table', order, width: 'MEDIUM', displayName, doc })
const tracing = { importance: 'HIGH', group: 'Tracing', width: 'MEDIUM' } as const

export default defineTransform({
  class: 'io.debezium.transforms.outbox.EventRouter',
  doc: 'Makes events of the rows that are inserted into an outbox table.',
  settings: {
    'table.field.event.id': table(1, 'Event ID Field', 'id', 'The field with the id of the event, which becomes the header id.'),
    'table.field.event.key': table(2, 'Event Key Field', 'aggregateid', 'The field with the key of the event.'),
    'table.field.event.payload': table(4, 'Event Payload Field', PAYLOAD, 'The field with the value of the event.'),
    'table.field.event.timestamp': table(
      5,
      'Event Timestamp Field',
      null,
      'The field with the timestamp of the event. With none it is the time at which the change was read.',
      'MEDIUM',
    ),
    'table.fields.additional.placement': setting.list({
      default: null,
      importance: 'HIGH',
      group: 'Table',
      order: 6,
      width: 'MEDIUM',
      displayName: 'Settings for each additional column in the outbox table',
      doc: 'Further fields, as field:placement or field:placement:alias. Placements are header, envelope and partition.',
    }),
    'table.fields.additional.error.on.missing': setting.boolean({
      default: true,
      group: 'Table',
      order: 7,
      width: 'MEDIUM',
      displayName: 'Should the transform error if an additional field is missing in the change data',
      doc: 'Whether a record without one of these fields is an error. If false, the field is left out.',
    }),
    'table.field.event.schema.version': table(
      8,
      'Event Schema Version Field',
      null,
      'The field with the version of the schema of the value, an int32.',
    ),
    'table.op.invalid.behavior': setting.string({
      default: 'warn',
      group: 'Table',
      order: 9,
      width: 'MEDIUM',
      displayName: 'Behavior when capturing an unexpected outbox event',
      doc: 'What an update of a row is: warn and error log it and drop the record, fatal fails the task.',
    }),
    'table.expand.json.payload': setting.boolean({
      default: false,
      group: 'Table',
      order: 10,
      width: 'MEDIUM',
      displayName: 'Expand Payload escaped string as real JSON',
      doc: 'Whether a payload that is the text of a JSON object or array becomes a struct or array. Another text stays, with a warning.',
    }),
    'table.json.payload.null.behavior': setting.string({
      default: 'ignore',
      group: 'Table',
      order: 11,
      width: 'MEDIUM',
      displayName: 'Behavior when json payload including null value',
      doc: 'What null in such a payload is. ignore: there is no field. optional_bytes: a field of optional bytes.',
    }),
    'field.name.adjustment.mode': setting.string({
      default: 'none',
      importance: 'LOW',
      width: 'MEDIUM',
      displayName: 'Field Name Adjustment',
      doc:
        'How the names of the fields of such a payload are changed. avro: an underscore for each character that Avro does not take. ' +
        'avro_unicode: its code. none: they stay.',
    }),
    'route.by.field': setting.string({
      default: 'aggregatetype',
      importance: 'HIGH',
      group: 'Router',
      order: 1,
      width: 'MEDIUM',
      displayName: 'Field to route events by',
      doc: 'The field that the topic is made of.',
    }),
    'route.topic.regex': setting.string({
      default: '(?<routedByValue>.*)',
      importance: 'LOW',
      group: 'Router',
      order: 2,
      width: 'MEDIUM',
      displayName: 'The name of the routed topic',
      doc: 'The regular expression that the value of route.by.field must match as a whole. If it does not, the value is the topic.',
    }),
    'route.topic.replacement': setting.string({
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder in users' configs
      default: 'outbox.event.${routedByValue}',
      importance: 'HIGH',
      group: 'Router',
      order: 3,
      width: 'MEDIUM',
      displayName: 'The name of the routed topic',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder in users' configs
      doc: 'The topic. ${routedByValue} is the value of route.by.field, by the group of this name in route.topic.regex.',
    }),
    'route.tombstone.on.empty.payload': setting.boolean({
      default: false,
      importance: 'HIGH',
      group: 'Router',
      order: 4,
      width: 'MEDIUM',
      displayName: 'Empty payloads cause a tombstone message',
      doc: 'Whether an event whose payload is empty or null is a tombstone.',
    }),
    'tracing.span.context.field': setting.string({
      ...tracing,
      default: 'tracingspancontext',
      order: 1,
      displayName: 'Serialized tracing span context field',
      doc: 'The field with the context of a trace, as java.util.Properties writes it. It goes on in the headers of the event.',
    }),
    'tracing.operation.name': setting.string({
      ...tracing,
      default: 'debezium-read',
      order: 2,
      displayName: 'Tracing operation name',
      doc: 'The name of the span for the reading of the change.',
    }),
    'tracing.with.context.field.only': setting.boolean({
      ...tracing,
      default: true,
      order: 3,
      displayName: 'Trace only events with context field present',
      doc: 'Whether only events with such a context are traced.',
    }),
  },
  create(config, log) {
    const onUpdate = optionOf('table.op.invalid.behavior', ['warn', 'error', 'fatal'], config['table.op.invalid.behavior'], refusal)
    const nulls = optionOf(
      'table.json.payload.null.behavior',
      ['ignore', 'optional_bytes'],
      config['table.json.payload.null.behavior'],
      refusal,
    )
    const adjustment = optionOf('field.name.adjustment.mode', nameAdjustments, config['field.name.adjustment.mode'], refusal)
    const expansion = config['table.expand.json.payload']
      ? new JsonExpansion(nulls === 'optional_bytes', fieldNameAdjuster(adjustment))
      : null
    const additions = additionalFields(config['table.fields.additional.placement'] ?? [], refusal)
    const failsOnMissing = config['table.fields.additional.error.on.missing']
    const hasEnvelope = additions.some(({ placement }) => placement === 'envelope')
    const pattern = regexOf('route.topic.regex', config['route.topic.regex'], refusal)
    let replacement: Replacement | undefined

    const operationOf = perSchema((envelope) => typedReader<string>(envelope, 'op', 'string'))
    const readAtOf = perSchema((envelope) => typedReader<number | bigint>(envelope, 'ts_ms', 'int64'))

    const tracedOf = perSchema((envelope) => mayTrace(config, envelope))

    const outboxOf = perSchema((envelope): Outbox => {
      const row = requireField(envelope, 'after').schema
      if (row.type !== 'struct') throw new DataError('Only Struct objects supported for [Read Outbox Event]')
      const payload = row.fields!.find(({ name }) => name === config['table.field.event.payload'])
      if (!payload) throw new TransformError(`Unable to find payload field ${config['table.field.event.payload']} in event`)
      const read = (name: string) => {
        const field = requireField(row, name)
        return { schema: field.schema, read: fieldReader(field, true) }
      }
      const placed = additions.filter(({ field }) => failsOnMissing || row.fields!.some(({ name }) => name === field))
      // In Debezium's order, so that of several errors the same one is reported.
      const ofPayload = { schema: payload.schema, read: fieldReader(payload, true) }
      const timestamp = outboxTimestamp(row, config['table.field.event.timestamp'])
      const id = read(config['table.field.event.id'])
      const routeOf = () => typedReader<string>(row, config['route.by.field'], 'string')
      const version = config['table.field.event.schema.version']
      if (hasEnvelope) routeOf()
      const readVersion = version === null || version === '' || !hasEnvelope ? null : typedReader<number>(row, version, 'int32')
      let partition: Outbox['partition'] = null
      const additional = placed.map((field) => {
        if (field.placement === 'partition') partition = typedReader<number>(row, field.field, 'int32')
        return { ...field, ...read(field.field) }
      })
      const at = (placement: OutboxField['placement']) => additional.filter((field) => field.placement === placement)
      const key = read(config['table.field.event.key'])
      const route = routeOf()
      const values = new DerivedValues<string, WeakMap<Schema, Schema>>(MAX_VALUE_SCHEMAS)
      const [headers, wrapped] = [at('header'), at('envelope')]
      return { row, timestamp, id, payload: ofPayload, key, route, version: readVersion, headers, envelope: wrapped, partition, values }
    })

    function valueSchemaOf(outbox: Outbox, payload: Schema, routed: string, version: number | null): Schema {
      const ofPayload = outbox.values.get(`${version} ${routed}`, () => new WeakMap<Schema, Schema>())
      let schema = ofPayload.get(payload)
      if (!schema) {
        const fields = [
          { name: PAYLOAD, schema: payload },
          ...outbox.envelope.map(({ alias, schema: of }) => ({ name: alias, schema: of })),
        ]
        const name = valueName(outbox.row.name, routed)
        schema = { type: 'struct', optional: false, name, ...(version !== null && { version }), fields: checkedFields(fields) }
        ofPayload.set(payload, schema)
      }
      return schema
    }

    /** A payload that cannot be expanded stays as it is. */
    function payloadOf(outbox: Outbox, row: Fields, record: ConnectRecord): { schema: Schema; value: unknown } {
      const plain = { schema: outbox.payload.schema, value: outbox.payload.read(row) }
      if (!expansion) return plain
      if (typeof plain.value !== 'string') {
        log?.warn('a payload is no string, so it is not expanded as JSON: set table.expand.json.payload to false', { topic: record.topic })
        return plain
      }
      try {
        return expansion.expand(config['table.field.event.payload'], plain.value)
      } catch (error) {
        if (!(error instanceof DataError) && !(error instanceof SyntaxError)) throw error
        log?.warn('a payload cannot be expanded as JSON, so it stays a string', { topic: record.topic, error: error.message })
        return plain
      }
    }

    function topicOf(routed: string): string {
      if (!pattern.matches(routed)) return routed
      replacement ??= replacementOf(config['route.topic.replacement'], pattern)
      return replaceFirst(pattern, routed, replacement)
    }

    return (record) => {
      if (record.value === null || record.value === undefined) return null
      const envelope = envelopeOf(record)
      if (envelope === null) return record
      const value = requireStruct(envelope, record.value, 'Detect Debezium Operation')
      const operation = operationOf(envelope)(value)
      if (operation === operations.delete) return null
      if (operation === operations.update) {
        if (onUpdate === 'fatal')
          throw new TransformError('Unexpected update message received, fail: rows of an outbox table must not be updated')
        log?.[onUpdate]('a row of an outbox table was updated, which is no event: the record is dropped', { topic: record.topic })
        return null
      }
      const traced = tracedOf(envelope) ? traceChange(config, envelope, value) : []
      const row = requireStruct(requireField(envelope, 'after').schema, value.after, 'Read Outbox Event')
      const outbox = outboxOf(envelope)
      const routed = outbox.route(row)
      if (routed === null) throw new DataError(`the field ${config['route.by.field']} is null, so the event has no topic`)
      const timestamp = outbox.timestamp(row) ?? readAtOf(envelope)(value)
      const { schema: payloadSchema, value: payload } = payloadOf(outbox, row, record)
      const headers: Header[] = [
        ...record.headers,
        ...traced,
        { key: 'id', schema: outbox.id.schema, value: outbox.id.read(row) },
        ...outbox.headers.map(({ alias, schema, read }) => ({ key: alias, schema, value: read(row) })),
      ]
      const partition = outbox.partition === null ? null : outbox.partition(row)
      const key = outbox.key.read(row)
      const event = { ...record, topic: topicOf(routed), partition, keySchema: outbox.key.schema, key, headers, timestamp: msOf(timestamp) }
      const isEmpty = payload === null || (typeof payload === 'string' && payload.trim() === '')
      if (isEmpty && config['route.tombstone.on.empty.payload']) return { ...event, valueSchema: null, value: null }
      if (!hasEnvelope) return { ...event, valueSchema: payloadSchema, value: payload }
      const valueSchema = valueSchemaOf(outbox, payloadSchema, routed, outbox.version?.(row) ?? null)
      const wrapped: Fields = { [PAYLOAD]: payload }
      for (const { alias, read } of outbox.envelope) wrapped[alias] = read(row)
      return { ...event, valueSchema, value: wrapped }
    }
  },
})

const msOf = (timestamp: number | bigint | null): number | null => (timestamp === null ? null : Number(timestamp))
