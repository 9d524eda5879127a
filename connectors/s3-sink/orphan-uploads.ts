/**
 * Uploads that a task has left behind which was killed: they cost storage and nobody sees them. The owner of a partition aborts those of
 * its objects before it begins any itself.
 */
import { AbortMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { partitionKey, Retriable, type SinkTopicPartition, type TaskLogger } from '../../connect/sdk/index.ts'
import { S3Refused } from '../s3-driver/failures.ts'
import type { S3Store } from '../s3-driver/store.ts'
import { isObjectOf, topicFolder } from './object-name.ts'
import type { NamingOptions } from './options.ts'

/** Pages of 1,000 uploads that are looked at for a topic (Invariant 13). */
const MAX_PAGES = 100

export class OrphanUploads {
  readonly #store: S3Store
  readonly #naming: NamingOptions
  readonly #log: TaskLogger
  readonly #partitions = new Map<string, SinkTopicPartition>()

  constructor(store: S3Store, naming: NamingOptions, log: TaskLogger) {
    this.#store = store
    this.#naming = naming
    this.#log = log
  }

  add(partitions: readonly SinkTopicPartition[]): void {
    for (const partition of partitions) this.#partitions.set(partitionKey(partition), partition)
  }

  remove(partitions: readonly SinkTopicPartition[]): void {
    for (const partition of partitions) this.#partitions.delete(partitionKey(partition))
  }

  /** Of the partitions that were added since the last call. A store that does not allow it is named in the log, and fails nothing. */
  async abort(): Promise<void> {
    const partitions = [...this.#partitions.values()]
    if (partitions.length === 0) return
    try {
      for (const [topic, own] of Map.groupBy(partitions, (partition) => partition.topic)) await this.#abortOf(topic, own)
    } catch (error) {
      if (!(error instanceof S3Refused)) throw error
      this.#log.warn(
        `uploads that a killed task has left are not aborted: ${error.message} A rule of the bucket that aborts incomplete uploads does it as well.`,
      )
    }
    this.remove(partitions)
  }

  async #abortOf(topic: string, partitions: readonly SinkTopicPartition[]): Promise<void> {
    const { bucket } = this.#store
    const Prefix = topicFolder(this.#naming, topic) + this.#naming.folderDelimiter
    let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}
    for (let page = 0; page < MAX_PAGES; page++) {
      const listed = await this.#store.request(
        { what: `list uploads below ${Prefix}`, action: 's3:ListBucketMultipartUploads' },
        (client, options) => client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix, ...marker }), options),
      )
      for (const { Key, UploadId } of listed.Uploads ?? []) {
        if (Key === undefined || !partitions.some(({ partition }) => isObjectOf(this.#naming, Key, topic, partition))) continue
        await this.#store
          .request({ what: `abort an upload of ${Key}`, action: 's3:AbortMultipartUpload' }, (client, options) =>
            client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }), options),
          )
          .catch((error) => {
            if (error instanceof Retriable || !(error instanceof S3Refused) || error.code !== 'NoSuchUpload') throw error
          })
      }
      if (!listed.IsTruncated) return
      marker = {
        ...(listed.NextKeyMarker !== undefined && { KeyMarker: listed.NextKeyMarker }),
        ...(listed.NextUploadIdMarker !== undefined && { UploadIdMarker: listed.NextUploadIdMarker }),
      }
    }
  }
}
