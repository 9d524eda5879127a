/**
 * The folders of objects, and when objects end: the settings of Confluent's S3 sink, and rotation by size. The checks of patterns,
 * languages and zones are those that the sink fails by.
 */
import { setting } from '../../connect/sdk/index.ts'
import { zoneOffset } from '../../connect/sdk/zone-offset.ts'
import { oneOfClasses } from './format-settings.ts'
import { jodaFormat } from './joda-format.ts'

const STORAGE = 'io.confluent.connect.storage'
export const partitionerClasses = {
  default: `${STORAGE}.partitioner.DefaultPartitioner`,
  field: `${STORAGE}.partitioner.FieldPartitioner`,
  time: `${STORAGE}.partitioner.TimeBasedPartitioner`,
  daily: `${STORAGE}.partitioner.DailyPartitioner`,
  hourly: `${STORAGE}.partitioner.HourlyPartitioner`,
} as const

const NO_LIMIT = -1

export const rotationSettings = {
  'flush.size': setting.int({
    doc: 'The number of records of a partition after which its objects end.',
    importance: 'HIGH',
    group: 'Connector',
    displayName: 'Flush Size',
    least: 1,
  }),
  'rotate.size.bytes': setting.long({
    doc: 'The bytes before compression after which the objects of a partition end; -1 for no limit.',
    default: NO_LIMIT,
    group: 'Connector',
    displayName: 'Rotate Size (bytes)',
  }),
  'rotate.interval.ms': setting.long({
    doc:
      'The time in ms between the first record of the objects of a partition and the one that ends them, by timestamp.extractor; -1 for no limit. ' +
      'It counts with a partitioner of time.',
    default: NO_LIMIT,
    importance: 'HIGH',
    group: 'Connector',
    displayName: 'Rotate Interval (ms)',
  }),
  'rotate.schedule.interval.ms': setting.long({
    doc:
      'The interval in ms, counted from midnight in timezone, at which objects end by the clock of the machine; -1 for never. With it, a crash ' +
      'may write records twice.',
    default: NO_LIMIT,
    group: 'Connector',
    displayName: 'Rotate Schedule Interval (ms)',
  }),
  'rotate.file.on.partition.change': setting.boolean({
    doc: 'Whether, with rotate.interval.ms, a record of another time partition than the one before ends the objects.',
    default: true,
    importance: 'LOW',
    group: 'S3',
    displayName: 'Rotate files on partition change',
  }),
  'partitioner.max.open.files': setting.int({
    doc: 'The number of folders whose objects grow at the same time, for each partition of a topic; -1 for no limit.',
    default: NO_LIMIT,
    importance: 'LOW',
    group: 'S3',
  }),
  'schema.compatibility': setting.oneOf(['NONE', 'BACKWARD', 'FORWARD', 'FULL'], {
    doc:
      'What a record with another schema does: NONE ends the objects; the others project it to the schema of its object where versions and ' +
      'types allow it.',
    default: 'NONE',
    importance: 'HIGH',
    group: 'Schema',
    displayName: 'Schema Compatibility',
  }),
}

export const partitionerSettings = {
  'partitioner.class': oneOfClasses(partitionerClasses, {
    doc:
      'The folders of objects: DefaultPartitioner partition=N, FieldPartitioner by partition.field.name, TimeBasedPartitioner by path.format, ' +
      'DailyPartitioner and HourlyPartitioner by year, month and day, and hour.',
    default: partitionerClasses.default,
    group: 'Partitioner',
    displayName: 'Partitioner Class',
  }),
  'partition.field.name': setting.list({
    doc: 'The fields of FieldPartitioner; a dot leads into a struct.',
    default: [],
    group: 'Partitioner',
    displayName: 'Partition Field Name',
    check: (names) =>
      names.some((name) => name.split('.').some((part) => part.trim() === '')) ? 'Field name cannot be null or empty' : undefined,
  }),
  'partition.duration.ms': setting.long({
    doc: 'The length in ms of a partition of TimeBasedPartitioner.',
    default: NO_LIMIT,
    group: 'Partitioner',
    displayName: 'Partition Duration (ms)',
  }),
  'path.format': setting.string({
    doc: "The folders of TimeBasedPartitioner, by the letters of Joda-Time: 'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH.",
    default: '',
    group: 'Partitioner',
    displayName: 'Path Format',
    check: pathProblem,
  }),
  locale: setting.string({
    doc:
      'The language of names of months and days in path.format, as en or fr. With a country, as en-US, names are the short English ones, as in ' +
      "Confluent's sink. Partitioners of time need it.",
    default: '',
    group: 'Partitioner',
    displayName: 'Locale',
    check: localeProblem,
  }),
  timezone: setting.string({
    doc: 'The zone of partitions of time and of rotate.schedule.interval.ms: UTC, Europe/Paris or +05:30.',
    default: '',
    group: 'Partitioner',
    displayName: 'Timezone',
    check: zoneProblem,
  }),
  'timestamp.extractor': setting.oneOf(['Wallclock', 'Record', 'RecordField'], {
    doc: "The time of a record: that of the machine, the record's timestamp, or the field timestamp.field.",
    default: 'Wallclock',
    group: 'Partitioner',
    displayName: 'Timestamp Extractor',
    exactCase: true,
  }),
  'timestamp.field': setting.string({
    doc: 'The field of RecordField: ms since the epoch, a text as 2026-01-31T10:00:00Z, or a Timestamp. A dot leads into a struct.',
    default: 'timestamp',
    group: 'Partitioner',
    displayName: 'Record Field for Timestamp Extractor',
  }),
  's3.schema.partition.affix.type': setting.oneOf(['NONE', 'PREFIX', 'SUFFIX'], {
    doc: "Whether the name of the value's schema is a folder before or behind those of the partitioner.",
    default: 'NONE',
    importance: 'LOW',
    group: 'S3',
    displayName: 'Schema Partition Affix Type',
  }),
}

function pathProblem(format: string): string | undefined {
  try {
    jodaFormat(format, 'en')
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function localeProblem(locale: string): string | undefined {
  if (locale === '') return undefined
  try {
    new Intl.DateTimeFormat(locale.replaceAll('_', '-'))
    return undefined
  } catch {
    // Only a malformed tag throws here.
    return 'It is no language tag, such as en-US'
  }
}

function zoneProblem(zone: string): string | undefined {
  if (zone === '') return undefined
  try {
    zoneOffset(zone)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
