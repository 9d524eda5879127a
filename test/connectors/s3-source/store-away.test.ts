/**
 * Story of connectors/s3-source. Goal: while the store is away nothing is lost or doubled, and of many objects each is read once. Method: a
 * real server that the test ends in the middle of the reading and starts again; 10,000 objects, which take ten pages of the listing.
 */
import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { Retriable } from '../../../connect/sdk/index.ts'
import { SHARDS } from '../../../connectors/s3-source/settings.ts'
import { BucketForTests, lines, numbers, values } from './bucket-for-tests.ts'

const bucket = new BucketForTests({ killable: true })
const OBJECTS = 10_000
const WRITERS = 16

test('a store that is away for a while: the reading goes on where it was', async () => {
  const text = lines(0, 20_000)
  await bucket.put('a.txt', text)
  await bucket.put('b.txt', lines(20_000, 21_000))
  const config = {
    topic: 't',
    format: 'lines',
    's3.part.size': '4096',
    'batch.size': '500',
    's3.part.retries': '1',
    's3.retry.backoff.ms': '10',
  }
  const read: unknown[] = []
  let isAway = false
  let failures = 0
  const onBatch = async () => {
    if (isAway || read.length < 2000) return
    isAway = true
    await bucket.server.kill()
  }
  while (read.length < 21_000) {
    try {
      await bucket.read({ value: '20999' }, config, { onBatch, onRecords: (records) => void read.push(...values(records)) })
    } catch (error) {
      expect(error).toBeInstanceOf(Retriable)
      expect((error as Error).message).toMatch(/does not respond/)
      failures++
      await bucket.server.start()
    }
  }
  expect(failures).toBe(1)
  expect(read).toEqual(numbers(0, 21_000))
})

test('of ten thousand objects those that match are each read once, by two tasks, and again none', { timeout: 240_000 }, async () => {
  const keys = Array.from({ length: OBJECTS }, (_, index) => `in/${String(index).padStart(6, '0')}.txt`)
  const left = keys.entries()
  const write = async () => {
    for (const [index, key] of left) await bucket.put(key, String(index))
  }
  await Promise.all(Array.from({ length: WRITERS }, write))
  const config = { topic: 't', format: 'lines', 'object.pattern': '.*7[.]txt' }
  const expected = keys.flatMap((key, index) => (key.endsWith('7.txt') ? [index] : []))
  const read: number[] = []
  for (const task of [0, 1]) {
    const own = expected.filter((index) => (crc32(keys[index]!) % SHARDS) % 2 === task)
    read.push(...values(await bucket.read(own.length, { ...config, 'task.count': '2' }, { task })).map(Number))
  }
  expect(read.sort((a, b) => a - b)).toEqual(expected)
  await bucket.put('in/999997.txt', 'new')
  expect(values(await bucket.read(1, config))).toEqual(['new'])
})
