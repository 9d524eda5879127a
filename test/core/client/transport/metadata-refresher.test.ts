/**
 * Goal: metadata is refreshed once at a time, and less and less often while that does not help. Method: a router whose refreshes the test
 * ends and whose time the test sets.
 */
import { expect, test } from 'vitest'
import { MetadataRefresher } from '../../../../core/client/transport/metadata-refresher.ts'
import type { RequestRouter } from '../../../../core/client/transport/request-router.ts'
import { saslError } from '../../../../core/security/authentication-error.ts'
import { silentLogger } from '../../../../core/system/logger.ts'

function story() {
  let now = 0
  const refreshes: (readonly string[])[] = []
  let end: (() => void) | null = null
  let fail: ((error: Error) => void) | null = null
  const delayedUntil: number[] = []
  const refreshed: number[] = []
  const refused: unknown[] = []
  const closing = new AbortController()
  const router = {
    system: { clock: { monotonic: () => now }, logger: silentLogger },
    metadata: {
      refresh(topics: readonly string[]) {
        refreshes.push(topics)
        return new Promise<void>((resolve, reject) => {
          end = resolve
          fail = reject
        })
      },
    },
    backoffMs: (attempt: number) => 100 * 2 ** attempt,
  } as unknown as RequestRouter
  const refresher = new MetadataRefresher(router, {
    allowCreation: false,
    signal: closing.signal,
    onRefreshed: () => void refreshed.push(now),
    onRefused: (topics, error) => void refused.push([topics, error]),
    onDelayed: (time) => void delayedUntil.push(time),
  })
  return {
    refresher,
    refreshes,
    delayedUntil,
    refreshed,
    refused,
    async failRefresh(error: Error) {
      fail!(error)
      await new Promise((resolve) => setImmediate(resolve))
    },
    closing,
    setTime: (time: number) => (now = time),
    async endRefresh() {
      end!()
      await new Promise(setImmediate)
    },
  }
}

test('requests during a refresh start no other one', async () => {
  const { refresher, refreshes, refreshed, endRefresh } = story()
  refresher.request(['a', 'b', 'a'])
  refresher.request(['c'])
  expect(refreshes).toEqual([['a', 'b']])
  expect(refreshed).toEqual([])
  await endRefresh()
  expect(refreshed).toEqual([0])
})

test('each refresh waits twice as long as the one before', async () => {
  const { refresher, refreshes, delayedUntil, setTime, endRefresh } = story()
  for (const [time, next] of [
    [0, 100],
    [100, 300],
    [300, 700],
    [700, 1500],
  ] as const) {
    setTime(time)
    refresher.request(['a'])
    await endRefresh()
    refresher.request(['a'])
    expect(delayedUntil.at(-1)).toBe(next)
  }
  expect(refreshes).toHaveLength(4)
})

test('after a success the back-off is short again', async () => {
  const { refresher, delayedUntil, setTime, endRefresh } = story()
  refresher.request(['a'])
  await endRefresh()
  setTime(100)
  refresher.request(['a'])
  await endRefresh()
  refresher.succeeded()
  setTime(1_000)
  refresher.request(['a'])
  await endRefresh()
  refresher.request(['a'])
  expect(delayedUntil).toEqual([1_100])
})

test('nothing is requested once its owner has closed', () => {
  const { refresher, refreshes, closing } = story()
  closing.abort()
  refresher.request(['a'])
  expect(refreshes).toEqual([])
})

test('a refusal of this client is told, an outage is not', async () => {
  const { refresher, failRefresh, refused, refreshed, setTime } = story()
  refresher.request(['t'])
  await failRefresh(new Error('no broker can be reached'))
  expect(refused).toEqual([])
  setTime(1_000)
  refresher.request(['t'])
  const error = saslError('SASL_AUTHENTICATION_FAILED', 'wrong password')
  await failRefresh(error)
  expect(refused).toEqual([[['t'], error]])
  expect(refreshed).toEqual([0, 1_000])
})
