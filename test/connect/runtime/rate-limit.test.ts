/**
 * Goal: over any time a task moves no more than its limits allow, besides a burst of one second; where nothing is limited there is nothing.
 * Method: batches at times that the test gives; random ones (fast-check).
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findPlugins } from '../../../connect/plugins.ts'
import { rateLimitOf } from '../../../connect/runtime/rate-limit.ts'
import { validate } from '../../../connect/runtime/validation.ts'

const of = (records?: number, bytes?: number) =>
  rateLimitOf({
    ...(records !== undefined && { 'task.records.per.second.max': String(records) }),
    ...(bytes !== undefined && { 'task.bytes.per.second.max': String(bytes) }),
  })

test('what is not limited has no limit', () => {
  expect(of()).toBeUndefined()
  expect(of(5)).toMatchObject({ limitsBytes: false })
  expect(of(undefined, 5)).toMatchObject({ limitsBytes: true })
})

test('a batch is paid for by waiting, after a burst of one second', () => {
  const limit = of(100)!
  limit.moved(100, 0, 0)
  expect(limit.waitMs(0)).toBe(0)
  limit.moved(50, 0, 0)
  expect(limit.waitMs(0)).toBe(500)
  expect(limit.waitMs(200)).toBe(300)
  expect(limit.waitMs(500)).toBe(0)
})

test('the longer wait counts', () => {
  const limit = of(1000, 100)!
  limit.moved(1, 400, 0)
  expect(limit.waitMs(0)).toBe(3000)
})

test('a batch is no longer than what comes in a second', () => {
  expect([of(10)!.batchRecords(500), of(1000)!.batchRecords(500), of(undefined, 10)!.batchRecords(500)]).toEqual([10, 500, 500])
})

test('whoever waits is never faster than the limit', () => {
  const rate = fc.integer({ min: 1, max: 10_000 })
  fc.assert(
    fc.property(
      rate,
      fc.array(fc.tuple(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 2_000 })), { maxLength: 30 }),
      (r, steps) => {
        const limit = of(r)!
        let [now, moved, last] = [0, 0, 0]
        for (const [records, pauseMs] of steps) {
          now += Math.max(pauseMs, limit.waitMs(now))
          limit.moved(records, 0, now)
          moved += records
          last = records
        }
        // The wait is in whole ms: half a ms for each step may be missing.
        expect(moved - last).toBeLessThanOrEqual(r * (1 + now / 1000 + steps.length * 0.0005) + 1e-6)
      },
    ),
  )
})

test('the settings are validated where a config has them', async () => {
  const plugins = await findPlugins()
  const config = { name: 'c', 'connector.class': 'FileStreamSource', topic: 't', 'task.records.per.second.max': '0' }
  const info = validate(plugins, config).configs.find(({ definition }) => definition.name === 'task.records.per.second.max')
  expect(info!.value.errors).toEqual(['Invalid value 0 for configuration task.records.per.second.max: Value must be at least 1'])
})
