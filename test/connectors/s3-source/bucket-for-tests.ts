/**
 * A bucket for the tests of a file, and tasks of the S3 source that read it.
 */
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { type LogLine, StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import type { Position, SourceRecord, TaskWork } from '../../../connect/sdk/index.ts'
import { s3Source } from '../../../connectors/s3-source/source.ts'
import { S3_START_MS, type TestS3, testS3 } from '../../services/s3.ts'

export const connectionConfig = (server: TestS3, bucket: string): Record<string, string> => ({
  's3.bucket.name': bucket,
  's3.region': server.region,
  'store.url': server.endpoint,
  'aws.access.key.id': server.accessKeyId,
  'aws.secret.access.key': server.secretAccessKey,
})

export const putObject = (server: TestS3, Bucket: string, Key: string, Body: string | Uint8Array) =>
  server.client.send(new PutObjectCommand({ Bucket, Key, Body }))

export interface Reading {
  /** Of the task; 0 without it. */
  task?: number
  /** Called with the number of records that were read so far, before the next batch is asked for. */
  onBatch?: (count: number) => Promise<void> | void
  /** Called with the records of each batch once its positions are stored. */
  onRecords?: (records: readonly SourceRecord[]) => void
  /** Whether the task stops when it has nothing more to read. */
  untilRead?: boolean
  /** Batches after which the task stops. */
  batches?: number
}

export class BucketForTests {
  server!: TestS3
  bucket = ''
  positions = new StoredPositions()
  logged: LogLine[] = []
  works: (TaskWork | null)[] = []
  gauges = new Map<string, number>()
  /** All that were stored, in order. */
  stored: Position[] = []

  constructor(options: { killable?: boolean } = {}) {
    beforeAll(async () => {
      this.server = await testS3(options)
    }, S3_START_MS)
    afterAll(async () => this.server?.stop())
    beforeEach(async () => {
      this.bucket = await this.server.bucket()
      this.positions = new StoredPositions()
      this.stored = []
    })
  }

  put = (key: string, body: string | Uint8Array) => putObject(this.server, this.bucket, key, body)

  remove = (Key: string) => this.server.client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key }))

  config = (changes: Record<string, string> = {}): Record<string, string> => ({
    ...connectionConfig(this.server, this.bucket),
    's3.poll.interval.ms': '5',
    ...changes,
  })

  /** The records of a task, whose positions are stored, up to a number of them, or to one of a value; then it stops. */
  async read(
    end: number | { value: unknown },
    changes: Record<string, string>,
    { task = 0, onBatch, onRecords, untilRead, batches }: Reading = {},
  ): Promise<SourceRecord[]> {
    const stop = new AbortController()
    const context = { ...taskContext(s3Source.settings, this.config(changes), stop.signal), task }
    this.logged = context.logged
    this.works = context.works as (TaskWork | null)[]
    this.gauges = context.gauges
    const gauge = (name: string, value: number) => {
      context.gauge!(name, value)
      if (untilRead && name === 'objects-waiting' && value === 0) stop.abort()
    }
    const { positions } = this
    const records: SourceRecord[] = []
    let seen = 0
    for await (const batch of s3Source.read({ ...context, gauge, positions, onPositionsStored: positions.onPositionsStored })) {
      records.push(...batch.records)
      positions.store(batch.positions)
      this.stored.push(...batch.positions)
      onRecords?.(batch.records)
      const isEnd = typeof end === 'number' ? records.length >= end : batch.records.some(({ value }) => value === end.value)
      if (isEnd || ++seen === batches) stop.abort()
      else await onBatch?.(records.length)
    }
    return records
  }
}

export const values = (records: readonly SourceRecord[]) => records.map(({ value }) => value)
export const lines = (from: number, to: number): string => Array.from({ length: to - from }, (_, index) => `${from + index}\n`).join('')
export const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => String(from + index))
