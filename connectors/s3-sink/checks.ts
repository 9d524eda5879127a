/**
 * What is wrong with settings that are valid one by one, with Confluent's messages where it has one. Loaded at each start of a worker, so
 * it knows the formats by their names only.
 */
import type { SettingProblem } from '../../connect/sdk/index.ts'
import { s3ConnectionProblems } from '../s3-driver/connection-settings.ts'
import { formatClasses } from './format-settings.ts'
import { partitionerClasses } from './partitioner-settings.ts'
import type { SinkConfig } from './settings.ts'

const TIME_PARTITIONERS: readonly string[] = [partitionerClasses.time, partitionerClasses.daily, partitionerClasses.hourly]
const COMPRESSED: readonly string[] = [formatClasses.json, formatClasses.bytes, formatClasses.string, formatClasses.csv]
const MAX_GZIP_LEVEL = 9

export function problemsOf(config: SinkConfig): SettingProblem[] {
  return [
    ...s3ConnectionProblems(config),
    ...partitionerProblems(config),
    ...compressionProblems(config),
    ...recordProblems(config),
    ...encryptionProblems(config),
  ]
}

/** With Confluent's messages. */
function partitionerProblems(config: SinkConfig): SettingProblem[] {
  const problems: SettingProblem[] = []
  const partitioner = config['partitioner.class']
  const isOfTime = TIME_PARTITIONERS.includes(partitioner)
  if (partitioner === partitionerClasses.field && config['partition.field.name'].length === 0)
    problems.push({ setting: 'partition.field.name', why: 'FieldPartitioner needs the fields that name the folders' })
  if (isOfTime && config.locale === '') problems.push({ setting: 'locale', why: 'Locale cannot be empty.' })
  if (isOfTime && config.timezone === '') problems.push({ setting: 'timezone', why: 'Timezone cannot be empty.' })
  if (partitioner === partitionerClasses.time) {
    if (config['partition.duration.ms'] <= 0)
      problems.push({ setting: 'partition.duration.ms', why: 'Partition duration needs to be a positive.' })
    if (config['path.format'] === '' || config['path.format'] === config['directory.delim'])
      problems.push({ setting: 'path.format', why: 'Path format cannot be empty.' })
  }
  if (config['rotate.schedule.interval.ms'] > 0 && config.timezone === '')
    problems.push({ setting: 'timezone', why: 'timezone configuration must be set when using rotate.schedule.interval.ms' })
  if (config['rotate.interval.ms'] > 0 && !isOfTime)
    problems.push({
      setting: 'rotate.interval.ms',
      why: 'it counts with a partitioner of time: choose one, or set rotate.schedule.interval.ms',
    })
  return problems
}

function compressionProblems(config: SinkConfig): SettingProblem[] {
  const type = config['s3.compression.type']
  if (type === 'none') return []
  const problems: SettingProblem[] = []
  const formats = [
    ['format.class', config['format.class'], true],
    ['keys.format.class', config['keys.format.class'], config['store.kafka.keys']],
    ['headers.format.class', config['headers.format.class'], config['store.kafka.headers']],
  ] as const
  for (const [name, format, isUsed] of formats)
    if (isUsed && !COMPRESSED.includes(format))
      problems.push({
        setting: 's3.compression.type',
        why: `Compression Type ${type} not valid for ${name}: ( ${format} ). It compresses inside`,
      })
  if (type === 'gzip' && config['s3.compression.level'] > MAX_GZIP_LEVEL)
    problems.push({ setting: 's3.compression.level', why: 'gzip has the levels 0 to 9' })
  return problems
}

function recordProblems(config: SinkConfig): SettingProblem[] {
  const problems: SettingProblem[] = []
  if (config['behavior.on.null.values'] === 'write' && !config['store.kafka.keys'])
    problems.push({
      setting: 'store.kafka.keys',
      why: 'Writing Kafka record keys to storage is mandatory when tombstone writing is enabled.',
    })
  const headersFormat = config['headers.format.class']
  if (config['store.kafka.headers'] && (headersFormat === formatClasses.bytes || headersFormat === formatClasses.string))
    problems.push({
      setting: 'headers.format.class',
      why: 'headers have fields: choose JsonFormat, AvroFormat, ParquetFormat or CsvFormat',
    })
  return problems
}

function encryptionProblems(config: SinkConfig): SettingProblem[] {
  const problems: SettingProblem[] = []
  if (config['s3.sse.kms.key.id'] !== '' && config['s3.ssea.name'] !== 'aws:kms')
    problems.push({ setting: 's3.ssea.name', why: 's3.sse.kms.key.id needs s3.ssea.name=aws:kms' })
  if (config['s3.sse.customer.key'] !== null && config['store.url']?.startsWith('http:'))
    problems.push({ setting: 'store.url', why: 's3.sse.customer.key needs a store with https' })
  if (config['s3.sse.customer.key'] !== null && config['s3.ssea.name'] === 'aws:kms')
    problems.push({ setting: 's3.sse.customer.key', why: 'an object is encrypted with one key: set it or s3.ssea.name=aws:kms' })
  return problems
}
