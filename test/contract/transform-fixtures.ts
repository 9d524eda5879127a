/**
 * The settings with which the contract tests run each transform, by class without `$Key` and `$Value`, and what each does with a tombstone.
 */
import type { TransformFixture } from '../../connect/contract/index.ts'

const kafka = (name: string) => `org.apache.kafka.connect.transforms.${name}`
const debezium = (name: string) => `io.debezium.transforms.${name}`
const of = (tombstones: TransformFixture['tombstones'], ...configs: Record<string, string>[]): TransformFixture => ({ tombstones, configs })

export const transformFixtures: Readonly<Record<string, TransformFixture>> = {
  [kafka('Cast')]: of('pass', { spec: 'int32:string,float64:int8,timestamp:int64' }, { spec: 'string' }),
  [kafka('DropHeaders')]: of('change', { headers: 'h' }),
  [kafka('ExtractField')]: of('pass', { field: 'string' }, { field: 'struct.x', 'field.syntax.version': 'V2' }),
  [kafka('Filter')]: of('drop', {}),
  [kafka('Flatten')]: of('pass', {}, { delimiter: '_' }),
  [kafka('HeaderFrom')]: of('fail', { fields: 'string', headers: 'copied', operation: 'move' }),
  [kafka('HoistField')]: of('change', { field: 'line' }),
  [kafka('InsertField')]: of('pass', {
    'topic.field': 't',
    'timestamp.field': 'at!',
    'offset.field': 'o',
    'static.field': 's',
    'static.value': 'x',
  }),
  [kafka('InsertHeader')]: of('change', { header: 'n', 'value.literal': '[1, 2]' }),
  [kafka('MaskField')]: of('fail', { fields: 'string,int32,decimal,array,constructor' }, { fields: 'string', replacement: '***' }),
  [kafka('RegexRouter')]: of('change', { regex: '(.*)', replacement: 'new-$1' }),
  [kafka('ReplaceField')]: of('pass', { exclude: 'bytes,map', renames: 'int8:small' }, { include: 'string' }),
  [kafka('SetSchemaMetadata')]: of('pass', { 'schema.name': 'n', 'schema.version': '2' }),
  [kafka('TimestampConverter')]: of(
    'pass',
    { field: 'timestamp', 'target.type': 'unix' },
    { 'target.type': 'string', field: 'date', format: 'yyyy' },
  ),
  [kafka('TimestampRouter')]: of('change', {}),
  [kafka('ValueToKey')]: of('fail', { fields: 'string' }),
  [debezium('ByLogicalTableRouter')]: of('change', { 'topic.regex': '(.*)', 'topic.replacement': 'all' }),
  [debezium('ContentBasedRouter')]: of('pass', { language: 'cel', 'topic.expression': "has(value.op) ? value.op : 'x'" }),
  [debezium('ExtractNewRecordState')]: of(
    'drop',
    { 'add.fields': 'op,source.ts_ms', 'add.headers': 'op' },
    { 'delete.tombstone.handling.mode': 'rewrite-with-tombstone' },
  ),
  [debezium('Filter')]: of('pass', { language: 'cel', condition: "value.op == 'c'" }),
  [debezium('outbox.EventRouter')]: of(
    'drop',
    { 'table.expand.json.payload': 'true' },
    { 'table.fields.additional.placement': 'id:envelope,aggregateid:header' },
  ),
}

/** Undefined for a transform that nobody has written a fixture for. */
export const transformFixture = (className: string): TransformFixture | undefined =>
  transformFixtures[className.replace(/\$(Key|Value)$/, '')]
