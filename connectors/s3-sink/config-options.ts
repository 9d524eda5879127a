/**
 * Reads the settings into the options of the sink. It loads the formats, and with them their libraries, so only a task and a check of the
 * store load it.
 */
import { zoneOffset } from '../../connect/sdk/zone-offset.ts'
import { s3Connection } from '../s3-driver/connection-settings.ts'
import { customerKeyOf } from '../s3-driver/customer-key.ts'
import { unescaped } from '../s3-driver/escapes.ts'
import { avroFormat } from './avro-format.ts'
import { csvFormat } from './csv-format.ts'
import type { FileFormat } from './file-encoder.ts'
import { formatClasses } from './format-settings.ts'
import type { LineOptions } from './line-content.ts'
import { byteArrayFormat, jsonFormat, stringFormat } from './line-formats.ts'
import type { ObjectOptions, RotationOptions, SinkOptions } from './options.ts'
import { parquetFormat } from './parquet-format.ts'
import {
  defaultPartitioner,
  fieldPartitioner,
  type Partitioner,
  schemaPartitioner,
  timePartitioner,
  tombstonePartitioner,
} from './partitioner.ts'
import { partitionerClasses } from './partitioner-settings.ts'
import { nextScheduled } from './schedule.ts'
import type { SinkConfig } from './settings.ts'
import { timestampExtractor } from './timestamp-extractor.ts'

const HOUR_MS = 3_600_000
const MIB = 1024 * 1024

const limit = (value: number): number | null => (value > 0 ? value : null)

function formatOf(name: string, config: SinkConfig): FileFormat {
  const lines: LineOptions = {
    compression: config['s3.compression.type'],
    compressionLevel: config['s3.compression.level'],
    decimals: config['json.decimal.format'] === 'NUMERIC' ? 'numeric' : 'base64',
    byteArrayExtension: config['format.bytearray.extension'],
    byteArraySeparator: unescaped(config['format.bytearray.separator']),
    csvHeader: config['format.csv.header'],
    csvDelimiter: unescaped(config['format.csv.delimiter']),
  }
  switch (name) {
    case formatClasses.avro:
      return avroFormat({
        codec: config['avro.codec'],
        data: {
          enhanced: config['enhanced.avro.schema.support'],
          metaData: config['connect.meta.data'],
          optionalMapKeys: config['allow.optional.map.keys'],
          scrub: false,
          discardTypeDocDefault: false,
          flattenSingletonUnions: true,
          generalizedSumTypes: false,
          ignoreDefaultForNullables: false,
        },
      })
    case formatClasses.parquet:
      return parquetFormat(config['parquet.codec'])
    case formatClasses.bytes:
      return byteArrayFormat(lines)
    case formatClasses.string:
      return stringFormat(lines)
    case formatClasses.csv:
      return csvFormat(lines)
    default:
      return jsonFormat(lines)
  }
}

function partitionerOf(config: SinkConfig): Partitioner {
  const delimiter = config['directory.delim']
  let partitioner = basePartitioner(config, delimiter)
  const affix = config['s3.schema.partition.affix.type']
  if (affix !== 'NONE') partitioner = schemaPartitioner(partitioner, affix, delimiter)
  return config['behavior.on.null.values'] === 'write'
    ? tombstonePartitioner(partitioner, config['tombstone.encoded.partition'])
    : partitioner
}

function basePartitioner(config: SinkConfig, delimiter: string): Partitioner {
  const name = config['partitioner.class']
  if (name === partitionerClasses.default) return defaultPartitioner
  if (name === partitionerClasses.field) return fieldPartitioner(config['partition.field.name'], delimiter)
  const day = ["'year'=YYYY", "'month'=MM", "'day'=dd"].join(delimiter)
  const [durationMs, format] =
    name === partitionerClasses.daily
      ? [24 * HOUR_MS, day]
      : name === partitionerClasses.hourly
        ? [HOUR_MS, `${day}${delimiter}'hour'=HH`]
        : [config['partition.duration.ms'], config['path.format']]
  return timePartitioner({
    durationMs,
    pathFormat: format.endsWith(delimiter) ? format.slice(0, -delimiter.length) : format,
    locale: config.locale,
    offset: zoneOffset(config.timezone),
    timestamp: timestampExtractor(config['timestamp.extractor'], config['timestamp.field']),
  })
}

function rotationOf(config: SinkConfig): RotationOptions {
  const scheduleMs = limit(config['rotate.schedule.interval.ms'])
  const offset = scheduleMs === null ? null : zoneOffset(config.timezone)
  return {
    flushSize: config['flush.size'],
    maxBytes: limit(config['rotate.size.bytes']),
    intervalMs: limit(config['rotate.interval.ms']),
    onPartitionChange: config['rotate.file.on.partition.change'],
    nextSchedule: offset && ((nowMs) => nextScheduled(nowMs, scheduleMs!, offset)),
    maxOpenFiles: limit(config['partitioner.max.open.files']),
  }
}

export function objectOptions(config: SinkConfig): ObjectOptions {
  const customerKey = customerKeyOf(config)
  const acl = config['s3.acl.canned']
  const encryption = config['s3.ssea.name']
  const kmsKey = config['s3.sse.kms.key.id']
  return {
    partBytes: config['s3.part.size'],
    parameters: {
      ...(acl !== null && { ACL: acl }),
      // AES256 is the algorithm of a key of the customer too.
      ...(encryption !== '' && !customerKey.SSECustomerKey && { ServerSideEncryption: encryption }),
      ...(kmsKey !== '' && { SSEKMSKeyId: kmsKey }),
    },
    customerKey,
    sendsDigest: config['s3.send.digest'],
  }
}

export function sinkOptions(config: SinkConfig): SinkOptions {
  return {
    connection: s3Connection(config),
    objects: objectOptions(config),
    rotation: rotationOf(config),
    naming: {
      topicsFolder: config['topics.dir'],
      folderDelimiter: config['directory.delim'],
      fileDelimiter: config['file.delim'],
      offsetDigits: config['filename.offset.zero.pad.width'],
    },
    partitioner: partitionerOf(config),
    compatibility: config['schema.compatibility'],
    values: formatOf(config['format.class'], config),
    keys: config['store.kafka.keys'] ? formatOf(config['keys.format.class'], config) : null,
    headers: config['store.kafka.headers'] ? formatOf(config['headers.format.class'], config) : null,
    nullValues: config['behavior.on.null.values'],
    reportsNullValues: config['report.null.values.to.dlq'],
    tombstoneFolder: config['tombstone.encoded.partition'],
    tagging: config['s3.object.tagging']
      ? {
          tags: Object.fromEntries(
            config['s3.object.tagging.key.value.pairs'].map((pair) => [
              pair.slice(0, pair.indexOf(':')),
              pair.slice(pair.indexOf(':') + 1),
            ]),
          ),
          ignoresErrors: config['s3.object.behavior.on.tagging.error'] === 'ignore',
        }
      : null,
    retryBackoffMs: config['retry.backoff.ms'],
    maxHeldBytes: config['buffer.memory.mb'] * MIB,
  }
}
