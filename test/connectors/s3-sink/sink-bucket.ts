/** An S3 sink on a real server, with a bucket of its own for each test of a file, and what tests read there. */
import {
  AbortMultipartUploadCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { sinkRecord, taskContext } from '../../../connect/contract/index.ts'
import type { SinkContext, SinkRecord, SinkTask } from '../../../connect/sdk/index.ts'
import { s3Sink } from '../../../connectors/s3-sink/connector.ts'
import { S3_START_MS, type TestS3, testS3 } from '../../services/s3.ts'

/** The settings that reach a bucket. */
export const bucketConfig = (server: TestS3, bucket: string): Record<string, string> => ({
  's3.bucket.name': bucket,
  's3.region': server.region,
  'store.url': server.endpoint,
  'aws.access.key.id': server.accessKeyId,
  'aws.secret.access.key': server.secretAccessKey,
})

export class Bucket {
  readonly server: TestS3
  readonly name: string

  constructor(server: TestS3, name: string) {
    this.server = server
    this.name = name
  }

  async keys(): Promise<string[]> {
    const keys: string[] = []
    for await (const page of paginateListObjectsV2({ client: this.server.client }, { Bucket: this.name }))
      for (const { Key } of page.Contents ?? []) keys.push(Key!)
    return keys.sort()
  }

  async bytes(key: string): Promise<Buffer> {
    const { Body } = await this.server.client.send(new GetObjectCommand({ Bucket: this.name, Key: key }))
    return Buffer.from(await Body!.transformToByteArray())
  }

  /** The values of JSON lines in all objects, by the names of the objects. */
  async lines(): Promise<Record<string, unknown[]>> {
    const found: Record<string, unknown[]> = {}
    for (const key of await this.keys()) found[key] = jsonLines(await this.bytes(key))
    return found
  }

  async tags(key: string): Promise<Record<string, string>> {
    const { TagSet } = await this.server.client.send(new GetObjectTaggingCommand({ Bucket: this.name, Key: key }))
    return Object.fromEntries(TagSet!.map(({ Key, Value }) => [Key!, Value!]))
  }

  /** The names of the objects whose uploads have begun and not ended. */
  async uploads(): Promise<string[]> {
    const { Uploads } = await this.server.client.send(new ListMultipartUploadsCommand({ Bucket: this.name }))
    return (Uploads ?? []).map(({ Key }) => Key!)
  }

  async abortUploads(): Promise<void> {
    const { Uploads } = await this.server.client.send(new ListMultipartUploadsCommand({ Bucket: this.name }))
    for (const { Key, UploadId } of Uploads ?? [])
      await this.server.client.send(new AbortMultipartUploadCommand({ Bucket: this.name, Key, UploadId }))
  }
}

export const jsonLines = (bytes: Buffer): unknown[] =>
  bytes
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

/** Starts the server before the tests of a file, makes a bucket before each test, and stops its tasks after it. */
export class SinkBucket {
  bucket!: Bucket
  server!: TestS3
  readonly #tasks: SinkTask[] = []

  constructor({ killable = false } = {}) {
    beforeAll(async () => {
      this.server = await testS3({ killable })
    }, S3_START_MS)
    afterAll(async () => this.server?.stop())
    beforeEach(async () => {
      this.bucket = new Bucket(this.server, await this.server.bucket())
    })
    afterEach(async () => {
      for (const task of this.#tasks.splice(0)) await task.stop!()
    })
  }

  context(config: Record<string, string>, signal = new AbortController().signal) {
    const given = {
      ...bucketConfig(this.server, this.bucket.name),
      'format.class': 'io.confluent.connect.s3.format.json.JsonFormat',
      'flush.size': '3',
      's3.part.retries': '0',
      'retry.backoff.ms': '10',
      ...config,
    }
    return taskContext(s3Sink.settings, given, signal)
  }

  /** A task with the partition 0 of the topic `t`. */
  async start(config: Record<string, string> = {}, more: Partial<SinkContext<never>> = {}): Promise<SinkTask> {
    const task = await s3Sink.start({ ...this.context(config), ...more })
    this.#tasks.push(task)
    await task.open?.([{ topic: 't', partition: 0 }])
    return task
  }
}

export const record = (offset: number, value: unknown = { n: offset }, parts: Partial<SinkRecord> = {}): SinkRecord =>
  sinkRecord({ topic: 't', partition: 0, offset, value, ...parts })

export const records = (from: number, to: number, parts: Partial<SinkRecord> = {}): SinkRecord[] =>
  Array.from({ length: to - from }, (_, index) => record(from + index, { n: from + index }, parts))
