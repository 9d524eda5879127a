/**
 * What objects are, how their content is compressed, and what becomes of keys, headers and records without a value: the settings of
 * Confluent's S3 sink, and those of CSV.
 */
import { setting } from '../../connect/sdk/index.ts'

const CONFLUENT = 'io.confluent.connect.s3.format'
const OWN = 'tributary.s3.format'
export const formatClasses = {
  json: `${CONFLUENT}.json.JsonFormat`,
  avro: `${CONFLUENT}.avro.AvroFormat`,
  parquet: `${CONFLUENT}.parquet.ParquetFormat`,
  bytes: `${CONFLUENT}.bytearray.ByteArrayFormat`,
  string: `${CONFLUENT}.string.StringFormat`,
  csv: `${OWN}.csv.CsvFormat`,
} as const
export type FormatName = keyof typeof formatClasses

const NO_LIMIT = -1

/** A setting that names one of the classes. */
export const oneOfClasses = (
  classes: Readonly<Record<string, string>>,
  options: { doc: string; default?: string; displayName: string; group: string },
) => setting.oneOf(Object.values(classes), { ...options, importance: 'HIGH', exactCase: true })

export const formatSettings = {
  'format.class': oneOfClasses(formatClasses, {
    doc:
      'What objects are: JsonFormat (a line for each record), AvroFormat, ParquetFormat, ByteArrayFormat (bytes as they are), StringFormat, ' +
      'or CsvFormat of this project.',
    group: 'Connector',
    displayName: 'Format class',
  }),
  's3.compression.type': setting.oneOf(['none', 'gzip', 'zstd'], {
    doc: 'How objects of JsonFormat, ByteArrayFormat, StringFormat and CsvFormat are compressed. Avro and Parquet compress inside.',
    default: 'none',
    importance: 'LOW',
    group: 'S3',
    displayName: 'Compression type',
  }),
  's3.compression.level': setting.int({
    doc: 'The level of the compression: -1 for the default, else 0 to 9 for gzip and 1 to 19 for zstd.',
    default: NO_LIMIT,
    importance: 'LOW',
    group: 'S3',
    displayName: 'Compression Level',
    check: (level) => (level >= -1 && level <= 19 ? undefined : 'Value must be from -1 to 19'),
  }),
  'avro.codec': setting.oneOf(['null', 'deflate', 'snappy', 'zstandard'], {
    doc: 'The codec of AvroFormat.',
    default: 'null',
    importance: 'LOW',
    group: 'Connector',
    displayName: 'Avro Compression Codec',
    expected: 'String must be one of: null, deflate, snappy, zstandard. This sink cannot write bzip2',
  }),
  'parquet.codec': setting.oneOf(['none', 'gzip', 'snappy', 'lz4', 'lz4_raw', 'brotli', 'zstd'], {
    doc: "The codec of ParquetFormat. lz4 is Hadoop's framing, lz4_raw its successor, which all readers take.",
    default: 'snappy',
    importance: 'LOW',
    group: 'Connector',
    displayName: 'Parquet Compression Codec',
  }),
  'json.decimal.format': setting.oneOf(['BASE64', 'NUMERIC'], {
    doc: 'How JsonFormat and CsvFormat write Decimals within other values: as the base64 of their bytes, or as numbers.',
    default: 'BASE64',
    group: 'S3',
    displayName: 'Decimal Format',
  }),
  'format.bytearray.extension': setting.string({
    doc: "The end of the names of ByteArrayFormat's objects.",
    default: '.bin',
    importance: 'LOW',
    group: 'S3',
    displayName: 'Output file extension for ByteArrayFormat',
  }),
  'format.bytearray.separator': setting.string({
    doc: 'What follows each record of ByteArrayFormat; \\n and \\t are escapes, and an empty text is nothing. A newline by default.',
    default: '\\n',
    importance: 'LOW',
    group: 'S3',
    displayName: 'Line separator ByteArrayFormat',
    keepsSpace: true,
  }),
  'format.csv.header': setting.boolean({
    doc: 'Whether the first line of each object of CsvFormat names the columns.',
    default: true,
    importance: 'LOW',
    group: 'Connector',
  }),
  'format.csv.delimiter': setting.string({
    doc: 'What separates the cells of CsvFormat; \\t for a tab.',
    default: ',',
    importance: 'LOW',
    group: 'Connector',
    keepsSpace: true,
    check: (text) => (text === '' ? 'String must be non-empty' : undefined),
  }),
  'enhanced.avro.schema.support': setting.boolean({
    doc: 'Whether AvroFormat keeps the symbols of enums and the namespaces of names.',
    default: true,
    importance: 'LOW',
    group: 'Connector',
    displayName: 'Enhanced Avro Support',
  }),
  'connect.meta.data': setting.boolean({
    doc: "Whether AvroFormat writes what Connect's schemas have and Avro's have not, as properties of the schema.",
    default: true,
    importance: 'LOW',
    group: 'Connector',
    displayName: 'Connect Metadata',
  }),
  'allow.optional.map.keys': setting.boolean({
    doc: 'Whether AvroFormat writes maps with optional text keys as maps.',
    default: false,
    importance: 'LOW',
    group: 'Connector',
    displayName: 'Allow Optional Map Keys',
  }),
  'schemas.cache.config': setting.int({
    doc: 'Accepted: schemas are known as long as records have them.',
    default: 1000,
    importance: 'LOW',
    group: 'Connector',
    displayName: 'Schema Cache Size',
  }),
}

export const recordSettings = {
  'behavior.on.null.values': setting.oneOf(['ignore', 'fail', 'write'], {
    doc:
      'What happens to a record without a value: ignore leaves it out, fail makes it a bad record, write stores its key, and its headers, below ' +
      'tombstone.encoded.partition.',
    default: 'fail',
    importance: 'LOW',
    group: 'S3',
    displayName: 'Behavior for null-valued records',
  }),
  'report.null.values.to.dlq': setting.boolean({
    doc: 'Whether records without a value that are left out go to the dead-letter queue, where the connector has one.',
    default: true,
    importance: 'LOW',
    group: 'S3',
    displayName: 'Report null value to dlq',
  }),
  'tombstone.encoded.partition': setting.string({
    doc: 'The folder of records without a value, with behavior.on.null.values=write.',
    default: 'tombstone',
    importance: 'LOW',
    group: 'S3',
    displayName: 'Tombstone Encoded Partition',
    check: (text) => (text === '' ? 'String must be non-empty' : undefined),
  }),
  'store.kafka.keys': setting.boolean({
    doc: 'Whether keys are stored, in objects beside those of the values with .keys before their end.',
    default: false,
    importance: 'LOW',
    group: 'Keys and Headers',
    displayName: 'Store kafka keys',
  }),
  'store.kafka.headers': setting.boolean({
    doc: 'Whether headers are stored, in objects beside those of the values with .headers before their end.',
    default: false,
    importance: 'LOW',
    group: 'Keys and Headers',
    displayName: 'Store kafka headers',
  }),
  'keys.format.class': oneOfClasses(formatClasses, {
    doc: 'The format of keys.',
    default: formatClasses.avro,
    group: 'Keys and Headers',
    displayName: 'Keys format class',
  }),
  'headers.format.class': oneOfClasses(formatClasses, {
    doc: 'The format of headers: JsonFormat, AvroFormat, ParquetFormat or CsvFormat.',
    default: formatClasses.avro,
    group: 'Keys and Headers',
    displayName: 'Headers format class',
  }),
}
