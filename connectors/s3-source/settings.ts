/**
 * The settings of the S3 source. Those that Confluent's has too have its names; those of the files of a backup have the names that the S3
 * sink has for them, so that the config of a sink needs few changes.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { patternProblem } from '../../connect/sdk/java-pattern.ts'
import { type FileFormat, readerSettings } from '../file-readers/settings.ts'
import { s3ConnectionProblems, s3ConnectionSettings } from '../s3-driver/connection-settings.ts'
import { customerKeyProblem } from '../s3-driver/customer-key.ts'
import { unescaped } from '../s3-driver/escapes.ts'

/** Objects are divided into so many shards, and these among the tasks: more tasks have nothing to do. */
export const SHARDS = 64

const atLeast = (least: number) => (value: number) => (value < least ? `Value must be at least ${least}` : undefined)
const notEmpty = (text: string) => (text === '' ? 'String must be non-empty' : undefined)

const classes: Readonly<Record<string, FileFormat>> = {
  'io.confluent.connect.s3.format.json.JsonFormat': 'json',
  'io.confluent.connect.s3.format.avro.AvroFormat': 'avro',
  'io.confluent.connect.s3.format.parquet.ParquetFormat': 'parquet',
  'io.confluent.connect.s3.format.bytearray.ByteArrayFormat': 'bytes',
  'io.confluent.connect.s3.format.string.StringFormat': 'lines',
  'tributary.s3.format.csv.CsvFormat': 'csv',
  // Those of any objects, which Confluent's source has besides.
  'io.confluent.connect.cloud.storage.source.format.CloudStorageJsonFormat': 'json',
  'io.confluent.connect.cloud.storage.source.format.CloudStorageAvroFormat': 'avro',
  'io.confluent.connect.cloud.storage.source.format.CloudStorageParquetFormat': 'parquet',
  'io.confluent.connect.cloud.storage.source.format.CloudStorageByteArrayFormat': 'bytes',
  'io.confluent.connect.cloud.storage.source.format.CloudStorageStringFormat': 'lines',
}
const formats: readonly FileFormat[] = ['lines', 'json', 'csv', 'avro', 'parquet', 'bytes', 'raw']
const companionFormats: readonly FileFormat[] = ['json', 'avro', 'parquet', 'bytes', 'lines']

/** The format that a name or a class of Confluent's stands for. */
export const formatOf = (name: string): FileFormat => classes[name] ?? (name.toLowerCase() as FileFormat)

const oneOfFormats = (known: readonly FileFormat[]) => (name: string) =>
  known.includes(formatOf(name))
    ? undefined
    : `It is no format: use ${known.join(', ')}, or one of Confluent's classes such as ${Object.keys(classes)[0]}`

const topicPattern = /(?:^|,)\s*([a-zA-Z0-9._-]{1,249}):/g

export interface TopicPattern {
  readonly topic: string
  readonly pattern: string
}

/** `orders:.*[.]json,users:.*[.]avro`. A comma of a pattern is one that no `topic:` follows. */
export function topicPatterns(text: string): TopicPattern[] {
  const starts = [...text.matchAll(topicPattern)]
  return starts.map((start, index) => ({
    topic: start[1]!,
    pattern: text.slice(start.index + start[0].length, starts[index + 1]?.index ?? text.length).trim(),
  }))
}

function topicPatternsProblem(text: string): string | undefined {
  const found = topicPatterns(text)
  if (found.length === 0 || text.search(topicPattern) !== 0) return 'It must be topic:pattern, with commas between several'
  return found.map(({ pattern }) => patternProblem(pattern)).find((problem) => problem !== undefined)
}

export const settings = {
  ...s3ConnectionSettings,
  's3.sse.customer.key': setting.password({
    doc: 'The key with which the store has encrypted the objects, and keeps not: 32 bytes in base64. It needs HTTPS.',
    default: null,
    importance: 'LOW',
    check: customerKeyProblem,
  }),
  mode: setting.oneOf(['GENERIC', 'RESTORE_BACKUP'], {
    doc:
      "'RESTORE_BACKUP' reads what the S3 sink has written under topics.dir, back into its topics and partitions; 'GENERIC' reads any objects. " +
      'Without it: GENERIC where topic is set, and RESTORE_BACKUP otherwise.',
    default: null,
    importance: 'HIGH',
  }),
  topic: setting.string({
    doc: 'The topic of all records, with mode=GENERIC',
    default: null,
    importance: 'HIGH',
    check: (name) => (/^[a-zA-Z0-9._-]{1,249}$/.test(name) ? undefined : 'It is no name of a topic'),
  }),
  'topic.regex.list': setting.string({
    doc: 'Instead of topic: topic:pattern, with commas between several. An object goes to the first topic whose pattern its whole key matches.',
    default: null,
    importance: 'HIGH',
    check: topicPatternsProblem,
  }),
  prefix: setting.string({
    doc: 'What the keys of the objects begin with. Without it: topics.dir and directory.delim, or the whole bucket where topic is set.',
    default: null,
    importance: 'HIGH',
  }),
  'object.pattern': setting.string({
    doc: 'A regular expression that the whole key of an object must match, with topic; without it all are read',
    default: null,
    check: patternProblem,
  }),
  format: setting.string({
    doc:
      "What the objects are: 'lines' of text, 'json' with one value a line, 'csv' whose first line names the columns, 'avro' object " +
      "container files, 'parquet', 'bytes' with format.bytearray.separator between values, 'raw' for one value of bytes an object; or a class of Confluent's",
    importance: 'HIGH',
    recommended: formats,
    aliases: ['format.class'],
    check: oneOfFormats(formats),
  }),
  'format.bytearray.separator': setting.string({
    doc: "What is between the values of an object of 'bytes'; \\n for a newline",
    default: '\\n',
    keepsSpace: true,
    check: notEmpty,
  }),
  ...readerSettings,
  delimiter: { ...readerSettings.delimiter, aliases: ['format.csv.delimiter'] },
  'behavior.on.error': setting.oneOf(['FAIL', 'LOG', 'IGNORE'], {
    doc: "What happens to an object that cannot be read: 'FAIL' fails the task, 'LOG' and 'IGNORE' send its records before, and go on with the next; LOG says so",
    default: 'FAIL',
  }),
  listing: setting.oneOf(['full', 'incremental'], {
    doc:
      "How new objects are found: 'full' lists all objects each time, 'incremental' only those behind the last one that was read, for writers " +
      'whose keys ascend, as those with a date do',
    default: 'full',
  }),
  's3.poll.interval.ms': setting.long({
    doc: 'The time between two looks for new objects while there is nothing to read',
    default: 60_000,
    check: atLeast(1),
  }),
  'file.discovery.starting.timestamp': setting.long({
    doc: 'Objects that were changed last before this time, in ms since the epoch, are not read',
    default: 0,
    check: atLeast(0),
  }),
  'changed.objects': setting.oneOf(['read', 'ignore'], {
    doc: "What happens to an object that was read and then overwritten: 'read' reads it from its beginning, 'ignore' leaves it",
    default: 'read',
  }),
  's3.part.size': setting.int({
    doc: 'How many bytes of an object one request fetches. A task holds up to eight of such parts.',
    default: 8 * 1024 * 1024,
    importance: 'LOW',
    check: atLeast(1024),
  }),
  'task.batch.size': setting.int({
    doc: "Accepted, as in configs of Confluent's source: objects are read one after the other.",
    default: 10,
    importance: 'LOW',
  }),
  'topics.dir': setting.string({
    doc: "The folder of a backup, as the sink's; empty for the whole bucket",
    default: 'topics',
  }),
  'directory.delim': setting.string({
    doc: "What is between the folders of a key, as the sink's",
    default: '/',
    importance: 'LOW',
    check: notEmpty,
  }),
  'file.delim': setting.string({
    doc: "What is between topic, partition and offset in the name of a file of a backup, as the sink's",
    default: '+',
    importance: 'LOW',
    check: notEmpty,
  }),
  'format.bytearray.extension': setting.string({
    doc: "The extension of the files of a backup of 'bytes', as the sink's",
    default: '.bin',
    importance: 'LOW',
    check: (text) => (text.startsWith('.') ? undefined : 'It must begin with a dot'),
  }),
  'store.kafka.keys': setting.boolean({
    doc: "Whether a backup has files with the records' keys, as the sink's. A missing one is an error of the object.",
    default: false,
  }),
  'store.kafka.headers': setting.boolean({
    doc: "Whether a backup has files with the records' headers, as the sink's. A missing one is an error of the object.",
    default: false,
  }),
  'keys.format.class': setting.string({
    doc: "The format of the files of keys, as the sink's",
    default: 'io.confluent.connect.s3.format.avro.AvroFormat',
    recommended: companionFormats,
    check: oneOfFormats(companionFormats),
  }),
  'headers.format.class': setting.string({
    doc: "The format of the files of headers, as the sink's: JSON, Avro or Parquet",
    default: 'io.confluent.connect.s3.format.avro.AvroFormat',
    recommended: ['json', 'avro', 'parquet'],
    check: oneOfFormats(['json', 'avro', 'parquet']),
  }),
  'tombstone.encoded.partition': setting.string({
    doc: 'The folder in which the sink keeps the keys of records without a value. They are restored with store.kafka.keys.',
    default: 'tombstone',
    importance: 'LOW',
    check: notEmpty,
  }),
  'task.count': setting.int({
    doc: 'The number of tasks, which divide the objects among them. The connector sets it.',
    default: 1,
    importance: 'LOW',
    visible: false,
  }),
}

export type S3SourceConfig = ConfigOf<typeof settings>

export const isRestore = (config: S3SourceConfig): boolean =>
  config.mode === null ? config.topic === null : config.mode === 'RESTORE_BACKUP'

/** What the keys of all objects that are listed begin with. */
export function prefixOf(config: S3SourceConfig): string {
  if (config.prefix !== null) return config.prefix
  const folder = config['topics.dir']
  return folder === '' || (!isRestore(config) && config.topic !== null) ? '' : folder + config['directory.delim']
}

/** Of the values of `bytes`. */
export const separatorOf = (config: S3SourceConfig): Buffer => Buffer.from(unescaped(config['format.bytearray.separator']))

/** Checks that concern several settings. */
export function check(config: S3SourceConfig): SettingProblem[] {
  const problems = s3ConnectionProblems(config)
  if (config['s3.sse.customer.key'] !== null && config['store.url']?.startsWith('http:'))
    problems.push({ setting: 'store.url', why: 's3.sse.customer.key needs a store with https' })
  const format = formatOf(config.format)
  const keys = config['store.kafka.keys']
  if (isRestore(config)) {
    if (config.topic !== null) problems.push({ setting: 'topic', why: 'RESTORE_BACKUP writes to the topics of the backup: leave it out' })
    if (format === 'raw') problems.push({ setting: 'format', why: 'The files of a backup have several values: use bytes' })
    if (keys && config['key.field'] !== null)
      problems.push({ setting: 'key.field', why: 'The files of store.kafka.keys have the keys: set one of both' })
    if ((keys || config['store.kafka.headers']) && config['bad.lines'] === 'skip')
      problems.push({ setting: 'bad.lines', why: 'Keys and headers would be those of other values: set fail' })
  } else {
    if ((config.topic === null) === (config['topic.regex.list'] === null)) {
      const why = 'GENERIC needs exactly one of topic and topic.regex.list'
      problems.push({ setting: config.topic === null ? 'topic.regex.list' : 'topic', why })
    }
    if (keys) problems.push({ setting: 'store.kafka.keys', why: 'Files of keys belong to a backup: set mode=RESTORE_BACKUP' })
    if (config['store.kafka.headers'])
      problems.push({ setting: 'store.kafka.headers', why: 'Files of headers belong to a backup: set mode=RESTORE_BACKUP' })
  }
  if (format === 'parquet' && config.compression !== 'auto' && config.compression !== 'none')
    problems.push({
      setting: 'compression',
      why: 'A Parquet file is compressed inside, and cannot be read where it is compressed as a whole',
    })
  if ((format === 'bytes' || format === 'raw') && config['key.field'] !== null)
    problems.push({ setting: 'key.field', why: `Values of ${format} have no fields` })
  return problems
}
