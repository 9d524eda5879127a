/**
 * What an S3 sink does: its settings are read into these options, and no other code of the sink reads a config. A setting that means
 * nothing here is accepted without effect, and its documentation says so.
 */
import type { S3Connection } from '../s3-driver/connection-settings.ts'
import type { CustomerKey } from '../s3-driver/customer-key.ts'
import type { FileFormat } from './file-encoder.ts'
import type { Partitioner } from './partitioner.ts'
import type { CompatibilityMode } from './schema-compatibility.ts'

/** How objects are uploaded. */
export interface ObjectOptions {
  partBytes: number
  /** Of the request that begins an object: ACL, encryption. */
  parameters: Readonly<Record<string, string>>
  /** The key of the customer, which each request about an object has. */
  customerKey: CustomerKey
  sendsDigest: boolean
}

export interface RotationOptions {
  /** Records of all objects of a partition that grow at the same time. */
  flushSize: number
  /** Their bytes before compression; null without limit. */
  maxBytes: number | null
  /** How far records may be apart in time; null without limit. */
  intervalMs: number | null
  onPartitionChange: boolean
  /** The next wall clock time at which objects end, after `nowMs`; null where they never do. */
  nextSchedule: ((nowMs: number) => number) | null
  /** Objects of a partition that grow at the same time; null without limit. */
  maxOpenFiles: number | null
}

export interface NamingOptions {
  topicsFolder: string
  folderDelimiter: string
  fileDelimiter: string
  offsetDigits: number
}

export interface TaggingOptions {
  tags: Readonly<Record<string, string>>
  ignoresErrors: boolean
}

export type NullValues = 'ignore' | 'fail' | 'write'

export interface SinkOptions {
  connection: S3Connection
  objects: ObjectOptions
  rotation: RotationOptions
  naming: NamingOptions
  partitioner: Partitioner
  compatibility: CompatibilityMode
  values: FileFormat
  keys: FileFormat | null
  headers: FileFormat | null
  nullValues: NullValues
  /** Whether records without a value that are left out go to the dead-letter queue. */
  reportsNullValues: boolean
  /** The folder of records without a value, which have no object of values. */
  tombstoneFolder: string
  tagging: TaggingOptions | null
  retryBackoffMs: number
  /** Bytes in memory of a task, at most: more go to the disk. */
  maxHeldBytes: number
}
