/**
 * Goal: an object counts as written only where the store has said so, and a broken response is sent again, at each step of an upload.
 * Method: a proxy before a real server breaks one response of each kind; the bucket is compared with what was written.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Retriable, type SinkTask } from '../../../connect/sdk/index.ts'
import { BreakingProxy, type Fault } from '../s3-driver/breaking-proxy.ts'
import { record, SinkBucket } from './sink-bucket.ts'

const sinks = new SinkBucket()
let proxy: BreakingProxy
beforeEach(async () => {
  proxy = await BreakingProxy.before(sinks.server.endpoint)
})
afterEach(() => proxy.close())

const faults: readonly Fault[] = [
  'closes the connection',
  'says 503',
  'sends a page with success',
  'sends nothing with success',
  'loses the response',
  'cuts the response off',
  'shortens the response',
]

/** As the runtime does it. */
async function again(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work()
      return
    } catch (error) {
      if (!(error instanceof Retriable)) throw error
    }
  }
}

async function written(task: SinkTask, count: number, bytes: number): Promise<void> {
  for (let n = 0; n < count; n++) await again(() => task.write([record(n, { n, text: '.'.repeat(bytes) })]))
  await again(() => task.flush())
  const lines = Object.values(await sinks.bucket.lines()).flat() as { n: number }[]
  expect(lines.map(({ n }) => n)).toEqual(Array.from({ length: count }, (_, n) => n))
}

describe.each(faults)('a store that %s', (fault) => {
  test('loses no object that is written at once', async () => {
    const task = await sinks.start({ 'store.url': proxy.endpoint, 'flush.size': '1' })
    proxy.break(/^PUT /, fault)
    await written(task, 1, 10)
    expect(proxy.breaks).toBe(1)
  })

  test.each([
    ['begins', /^POST .*[?&]uploads/],
    ['goes on', /^PUT .*partNumber/],
    ['ends', /^POST .*uploadId/],
  ])('loses no object whose upload %s', async (_step, requests) => {
    const task = await sinks.start({ 'store.url': proxy.endpoint, 'flush.size': '7', 's3.part.size': '5242880' })
    proxy.break(requests, fault)
    await written(task, 7, 1024 * 1024)
    expect(proxy.breaks).toBe(1)
  })
})
