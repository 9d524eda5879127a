/** The names of objects: those of Confluent's sink, so that what reads its buckets reads these. Pure. */
import { type SinkRecord, UnwritableRecord } from '../../connect/sdk/index.ts'
import type { NamingOptions } from './options.ts'

/** Of S3, in UTF-8. */
const MAX_NAME_BYTES = 1024

/**
 * Names come from values too, such as those of partition.field.name. Throws UnwritableRecord where a store would refuse the name or take it
 * for another one, so that the record is bad, and not the task.
 */
export function requireObjectName(name: string): void {
  const bad = (why: string) => new UnwritableRecord(`the name of its object ${why}. It comes from the fields that name folders`)
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw bad(`would have more than ${MAX_NAME_BYTES} bytes`)
  if (!name.isWellFormed() || name.includes('\0')) throw bad('would have characters that no store takes')
  if (name.split('/').some((folder) => folder === '.' || folder === '..')) throw bad('would lead into another folder, with . or ..')
}

/** The name without its end: `topics/orders/partition=0/orders+0+0000000042`. `first` is the first record of the object. */
export function objectName(naming: NamingOptions, encodedPartition: string, first: SinkRecord): string {
  const { folderDelimiter, fileDelimiter, offsetDigits } = naming
  const { topic, partition, offset, replayOf } = first
  const parts = [topic, String(partition), String(offset).padStart(offsetDigits, '0')]
  // A record that is replayed must not replace the object that began with its offset.
  if (replayOf) parts.push(`replay-${replayOf.topic}-${replayOf.partition}-${replayOf.offset}`)
  return [topicFolder(naming, topic), encodedPartition, parts.join(fileDelimiter)].join(folderDelimiter)
}

/** The folder of a topic. */
export const topicFolder = ({ topicsFolder, folderDelimiter }: NamingOptions, topic: string): string =>
  topicsFolder.trim() === '' ? topic : topicsFolder + folderDelimiter + topic

/** Whether a name is that of an object of the partition. */
export function isObjectOf(naming: NamingOptions, key: string, topic: string, partition: number): boolean {
  const { folderDelimiter, fileDelimiter } = naming
  const file = key.slice(key.lastIndexOf(folderDelimiter) + folderDelimiter.length)
  return file.startsWith(topic + fileDelimiter + partition + fileDelimiter)
}
