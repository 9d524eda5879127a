/**
 * Goal: the resource type BROKER_LOGGER as Apache Kafka 4.3 has it, in its words. Method: the loggers of a process, changed and described.
 */
import { expect, test } from 'vitest'
import { alterLoggers, describeLoggers } from '../../../core/cluster/broker-loggers.ts'
import { createLogger } from '../../../core/system/logger.ts'

const node = () => ({ nodeId: 1, logger: createLogger('silent') })

test.each([
  ['1', 'root', 'LOUD', 0, 'Cannot set the log level of root to LOUD as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN'],
  ['1', 'root', 'warn', 0, 'Cannot set the log level of root to warn as it is not a supported log level.'],
  ['1', 'nope', 'WARN', 0, 'Logger nope does not exist!'],
  ['1', 'root', null, 0, 'Null value not supported for : root'],
  ['1', 'root', null, 1, 'Removing the log level of the root logger is not allowed'],
  ['1', 'root', 'WARN', 2, 'APPEND operation is not allowed for the BROKER_LOGGER resource'],
  ['1', 'root', 'WARN', 3, 'SUBTRACT operation is not allowed for the BROKER_LOGGER resource'],
  ['2', 'root', 'WARN', 0, 'Unexpected node id. Expected 1, but received 2'],
  ['', 'root', 'WARN', 0, 'Node id must be an integer, but it is: '],
])('%s %s=%s, operation %i', (broker, name, value, operation, expected) => {
  expect(() => alterLoggers(node(), broker, [{ name, operation, value }], false)).toThrow(expected)
}) // biome-ignore format: a table

test('levels are changed and described; a part without a level of its own has that of root', () => {
  const loggers = node()
  loggers.logger.child({ part: 'log' })
  const levels = () => describeLoggers(loggers, '1', null).map(({ name, value }) => `${name}=${value}`)
  expect(levels()).toEqual(['root=OFF', 'log=OFF'])
  alterLoggers(loggers, '1', [{ name: 'root', operation: 0, value: 'FATAL' }], false)
  alterLoggers(loggers, '1', [{ name: 'log', operation: 0, value: 'TRACE' }], false)
  alterLoggers(loggers, '1', [{ name: 'root', operation: 0, value: 'INFO' }], true)
  expect(levels()).toEqual(['root=ERROR', 'log=DEBUG'])
  alterLoggers(loggers, '1', [{ name: 'log', operation: 1, value: null }], false)
  expect(levels()).toEqual(['root=ERROR', 'log=ERROR'])
  expect(() => describeLoggers(loggers, '', null)).toThrow('Broker id must not be empty')
  expect(() => describeLoggers(loggers, '2', null)).toThrow('Unexpected broker id, expected 1 but received 2')
})
