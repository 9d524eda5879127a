/**
 * Goal: a record whose folder cannot be is bad by itself, so that errors.tolerance decides about it, and the task and the other records go
 * on. Method: such records between good ones, on a real server.
 */
import { describe, expect, test } from 'vitest'
import { BadRecord } from '../../../connect/sdk/index.ts'
import { record, SinkBucket } from './sink-bucket.ts'

const sinks = new SinkBucket()
const partitioners = 'io.confluent.connect.storage.partitioner'

async function badOf(config: Record<string, string>, value: object, timestamp = 0): Promise<BadRecord> {
  const task = await sinks.start({ 'flush.size': '1', ...config })
  const good = { folder: 'a', at: 0 }
  const written = task.write([record(0, good), record(1, value, { timestamp }), record(2, good)])
  const error = (await written.then(
    () => null,
    (thrown: unknown) => thrown,
  )) as BadRecord
  expect(error).toBeInstanceOf(BadRecord)
  expect([error.index, error.also]).toEqual([1, []])
  await task.flush()
  expect((await sinks.bucket.keys()).map((key) => key.slice(-6))).toEqual(['0.json', '2.json'])
  return error
}

describe('a field that names a folder', () => {
  const config = { 'partitioner.class': `${partitioners}.FieldPartitioner`, 'partition.field.name': 'folder' }

  test.each([
    ['leads out of the folder of the topic', '../../../other', /lead into another folder/],
    ['leads to the same folder', 'a/./b', /lead into another folder/],
    ['is too long for a name', 'é'.repeat(500), /more than 1024 bytes/],
    ['has half of a character', 'a\ud800', /characters that no store takes/],
    ['has a zero', 'a\0b', /characters that no store takes/],
  ])('which %s makes the record bad, and not the task', async (_what, folder, message) => {
    expect((await badOf(config, { folder })).message).toMatch(message)
  })
})

describe('a time that no calendar has', () => {
  test.each([
    ['Record', 'UTC', 9e15],
    ['Record', 'Europe/Paris', 1.7e18],
    ['RecordField', 'UTC', 1.7e18],
    ['RecordField', 'Europe/Paris', 1_700_000_000_000_000_000n],
    ['RecordField', 'Europe/Paris', -9e15],
    ['RecordField', 'Europe/Paris', '9223372036854775807'],
  ])('of %s in %s makes the record bad, and not the task', async (extractor, timezone, at) => {
    const config = {
      'partitioner.class': `${partitioners}.HourlyPartitioner`,
      locale: 'en-US',
      timezone,
      'timestamp.extractor': extractor,
      'timestamp.field': 'at',
    }
    expect((await badOf(config, { at }, Number(at))).message).toMatch(/beyond the year 275,760/)
  })
})
