/**
 * Goal: a client has a token that is valid, from one request at a time, whatever the source does. Method: a clock that the test moves.
 */
import { expect, test } from 'vitest'
import type { AccessToken } from '../../../../core/security/sasl/access-token.ts'
import { SaslError } from '../../../../core/security/sasl/sasl-errors.ts'
import { TokenLogin } from '../../../../core/security/sasl/token-login.ts'
import { refreshSettings } from '../../../../core/security/sasl/token-refresh.ts'
import type { Clock } from '../../../../core/system/clock.ts'
import { realClock } from '../../../../core/system/clock.ts'
import { until } from '../../../until.ts'
import { system as real } from './connected.ts'

/** Time passes by `advance` only. */
function manualClock() {
  let now = 1_000_000_000
  let timers: { readonly at: number; readonly task: () => void }[] = []
  const clock: Clock = {
    ...realClock,
    now: () => now,
    after(delayMs, task) {
      const timer = { at: now + delayMs, task }
      timers.push(timer)
      return { cancel: () => void (timers = timers.filter((other) => other !== timer)) }
    },
  }
  return {
    clock,
    advance(ms: number) {
      now += ms
      for (const due of timers.filter(({ at }) => at <= now)) {
        timers = timers.filter((other) => other !== due)
        due.task()
      }
    },
    nextInMs: () => Math.min(...timers.map(({ at }) => at - now)),
    waiting: () => timers.length,
  }
}

const HOUR_MS = 3_600_000

function login(lifetimeMs = HOUR_MS) {
  const time = manualClock()
  const state = { requests: 0, failure: null as Error | null, warnings: [] as string[] }
  const source = async (): Promise<AccessToken> => {
    state.requests++
    if (state.failure) throw state.failure
    const startMs = time.clock.now()
    return { value: `token ${state.requests}`, principal: 'a', scopes: [], startMs, endMs: startMs + lifetimeMs }
  }
  const logger = { ...real.logger, warn: (_: object, message: string) => void state.warnings.push(message) }
  return { ...time, state, login: new TokenLogin(source, refreshSettings({}), { ...real, clock: time.clock, logger }) }
}

test('all who wait get the token of one request', async () => {
  const { login: tokens, state } = login()
  expect(state.requests).toBe(0)
  expect(tokens.endMs()).toBe(null)
  const got = await Promise.all([tokens.token(), tokens.token(), tokens.token()])
  expect(got.map(({ value }) => value)).toEqual(['token 1', 'token 1', 'token 1'])
  expect(tokens.endMs()).toBe(got[0]!.endMs)
})

test('the next token is there before the first ends', async () => {
  const { login: tokens, state, advance, nextInMs } = login()
  await tokens.token()
  expect(nextInMs()).toBeGreaterThanOrEqual(0.8 * HOUR_MS)
  expect(nextInMs()).toBeLessThanOrEqual(0.85 * HOUR_MS)
  advance(nextInMs())
  await until(() => state.requests === 2, 'a second request')
  expect((await tokens.token()).value).toBe('token 2')
})

test('while refreshing fails the token is used; after its end the error is told', async () => {
  const { login: tokens, state, advance, nextInMs } = login()
  await tokens.token()
  state.failure = new SaslError('the token endpoint is down', true)
  advance(nextInMs())
  await until(() => state.warnings.length === 1, 'a warning')
  expect((await tokens.token()).value).toBe('token 1')
  expect(nextInMs()).toBe(10_000)
  advance(HOUR_MS)
  await until(() => state.warnings.length === 2, 'another warning')
  await expect(tokens.token()).rejects.toThrow('the token endpoint is down')
  state.failure = null
  expect((await tokens.token()).value).toMatch(/^token \d$/)
})

test('a token that lasts a year is not asked for at once again: timers of Node are too short for it', async () => {
  const { login: tokens, state, advance, nextInMs } = login(365 * 24 * HOUR_MS)
  await tokens.token()
  for (let day = 0; day < 100; day++) {
    expect(nextInMs()).toBeLessThanOrEqual(24 * HOUR_MS)
    advance(24 * HOUR_MS)
  }
  expect(state.requests).toBe(1)
})

test('a closed login asks no more', async () => {
  const { login: tokens, waiting } = login()
  await tokens.token()
  tokens.close()
  expect(waiting()).toBe(0)
  await expect(tokens.token()).rejects.toThrow('The login is closed')
})
