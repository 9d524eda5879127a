/**
 * Goal: retries, skips, counts and log lines of a record that fails are those of Kafka Connect. Method: the operator on a clock that the
 * test moves, with a log and a registry of metrics that it reads.
 */
import { describe, expect, test } from 'vitest'
import { findPlugins } from '../../../connect/plugins.ts'
import { type CommonConfig, connectorSettings } from '../../../connect/runtime/connector-settings.ts'
import { ProcessingError, RetryWithToleranceOperator } from '../../../connect/runtime/retry-with-tolerance-operator.ts'
import { DataError, parseSettings, Retriable } from '../../../connect/sdk/index.ts'
import { AuthenticationError } from '../../../core/client/index.ts'
import { realSystem, type System } from '../../../core/system/index.ts'
import { Metrics } from '../../../core/system/metrics.ts'

const plugins = await findPlugins()

function opened(config: Record<string, string> = {}) {
  let now = 0
  const slept: number[] = []
  const lines: { details: Record<string, unknown>; message: string }[] = []
  const real = realSystem('silent')
  const logger = { ...real.logger, error: (details: object, message: string) => void lines.push({ details: { ...details }, message }) }
  const clock = {
    ...real.clock,
    now: () => now,
    monotonic: () => now,
    sleep: async (ms: number) => {
      slept.push(ms)
      now += ms
    },
  }
  const system = {
    ...real,
    clock,
    logger,
    metrics: new Metrics(),
    random: { ...real.random, below: (limit: number) => limit / 2 },
  } as System
  const given = { name: 'x', 'connector.class': 'x', ...config }
  const common = parseSettings(connectorSettings(plugins, null), given) as CommonConfig
  const count = async (name: string) => {
    const text = await system.metrics.text()
    return Number(new RegExp(`^kafka_connect_task_error_metrics_${name}\\{[^}]*\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0)
  }
  return { operator: new RetryWithToleranceOperator(common, system, { connector: 'c', task: 3 }), slept, lines, count }
}

const never = new AbortController().signal
const busy = () => {
  throw new Retriable('busy')
}

describe('retries', () => {
  test('wait twice as long each time, and the last one is at the timeout', async () => {
    const { operator, slept, count } = opened({ 'errors.retry.timeout': '1000' })
    await expect(operator.retry(busy, new Retriable('busy'), never)).rejects.toThrow('busy')
    expect(slept).toEqual([300, 600, 100])
    expect([await count('total_retries'), await count('total_record_failures')]).toEqual([3, 4])
  })
  test('wait no longer than errors.retry.delay.max.ms, for ever with a timeout of -1', async () => {
    const { operator } = opened({ 'errors.retry.timeout': '-1', 'errors.retry.delay.max.ms': '500' })
    expect([0, 1, 9].map((attempt) => operator.delay(attempt, 1e9))).toEqual([300, 500, 500])
  })
  test('negative settings are taken as in Kafka Connect: no limit of the time, and no delay', () => {
    const { operator } = opened({ 'errors.retry.timeout': '-7', 'errors.retry.delay.max.ms': '-1' })
    expect([0, 9].map((attempt) => operator.delay(attempt, 1e9))).toEqual([0, 0])
  })
  test('there are none by default, and none for other errors', async () => {
    const { operator, slept } = opened()
    await expect(operator.retry(busy, new Retriable('busy'), never)).rejects.toThrow('busy')
    const patient = opened({ 'errors.retry.timeout': '-1' })
    await expect(patient.operator.retry(busy, new DataError('bad'), never)).rejects.toThrow('bad')
    expect([slept, patient.slept]).toEqual([[], []])
  })
})

describe('a record that fails', () => {
  const error = new ProcessingError('VALUE_CONVERTER', 'org.example.Converter', new DataError('not JSON'))
  const record = () => ({ text: "where consumed record is {topic='t'}", details: { topic: 't' } })

  test('fails the task, or is skipped', async () => {
    expect(() => opened().operator.handleFailure(error, record)).toThrow(error)
    const { operator, count } = opened({ 'errors.tolerance': 'all' })
    operator.handleFailure(error, record)
    expect([await count('total_record_errors'), await count('total_records_skipped'), await count('total_errors_logged')]).toEqual([
      1, 1, 0,
    ])
  })
  test('fails the task in any case where the client may not log in: every record would be lost', () => {
    const refused = new ProcessingError('KAFKA_PRODUCE', 'x', new AuthenticationError('SASL_AUTHENTICATION_FAILED', 'no'))
    expect(() => opened({ 'errors.tolerance': 'all' }).operator.handleFailure(refused, record)).toThrow(refused)
  })
  test('is logged in the words of Kafka Connect, with the record only where that is asked for', () => {
    const { operator, lines } = opened({ 'errors.tolerance': 'all', 'errors.log.enable': 'true' })
    operator.handleFailure(error, record)
    const stage = "Error encountered in task c-3. Executing stage 'VALUE_CONVERTER' with class 'org.example.Converter'"
    expect(lines.map(({ message }) => message)).toEqual([`${stage}.`])
    expect(lines[0]!.details).not.toHaveProperty('record')
    const more = opened({ 'errors.tolerance': 'all', 'errors.log.enable': 'true', 'errors.log.include.messages': 'true' })
    more.operator.handleFailure(error, record)
    expect(more.lines[0]).toMatchObject({ message: `${stage}, where consumed record is {topic='t'}.`, details: { record: { topic: 't' } } })
  })
})
