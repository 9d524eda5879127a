/**
 * Goal: the next token is got when Kafka's clients get it. Method: the decision for tokens of many lengths.
 */
import { describe, expect, test } from 'vitest'
import { refreshAtMs, refreshSettings } from '../../../../core/security/sasl/token-refresh.ts'

const settings = refreshSettings({})
const now = 1_000_000_000
const token = (startMs: number | null, endMs: number) => ({ value: '', principal: 'a', scopes: [], startMs, endMs })
const minutes = (count: number) => count * 60_000

describe('with the defaults', () => {
  test.each<[string, number | null, number, number, number]>([
    ['an hour: after 80 % of it', now, now + minutes(60), 0, now + minutes(48)],
    ['an hour, the latest jitter', now, now + minutes(60), 1, now + minutes(51)],
    ['twenty minutes: 300 seconds before its end', now, now + minutes(20), 0, now + minutes(15)],
    ['six minutes: after 80 %, as the buffers do not fit', now, now + minutes(5), 0, now + minutes(4)],
    ['an hour, of which 55 minutes are gone: a share of the rest', now - minutes(55), now + minutes(5), 0, now + minutes(4)],
    ['an hour, of which 50 minutes are gone: not before the minimum period', now - minutes(50), now + minutes(10), 0, now + minutes(1)],
    ['without an issue time: counted from now', null, now + minutes(60), 0, now + minutes(48)],
    ['a second: not at once', now, now + 1000, 0, now + 1000],
    ['expired: after ten seconds', now - minutes(60), now - 1, 0, now + 10_000],
  ])('%s', (_, startMs, endMs, fraction, expected) => {
    expect(refreshAtMs(token(startMs, endMs), settings, now, fraction)).toBe(expected)
  })
})

test.each([
  ['sasl.login.refresh.window.factor', '1.1', 'no more than 1'],
  ['sasl.login.refresh.window.jitter', '-1', 'at least 0'],
  ['sasl.login.refresh.min.period.seconds', '901', 'no more than 900'],
  ['sasl.login.refresh.buffer.seconds', 'x', 'Not a number of type LONG'],
])('%s=%s is refused', (name, value, message) => {
  expect(() => refreshSettings({ [name]: value })).toThrow(message)
})
