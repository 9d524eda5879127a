/**
 * Goal: overrides of max.connections.per.ip are read, and combinations refused, as by Kafka, from a file and from IncrementalAlterConfigs.
 * Method: the values alone; a file with each wrong one.
 */
import { describe, expect, test } from 'vitest'
import { parseOverrides } from '../../../core/settings/connection-settings.ts'
import { readBrokerSettings, SettingsError } from '../../../core/settings.ts'

test.each([
  ['', []],
  [' , ', []],
  ['127.0.0.1:200', [['127.0.0.1', 200]]],
  [' host : 5 , ::1:7,h:+2,h:-3,', [['host', 5], ['::1', 7], ['h', -3]]],
] as [string, [string, number][]][])('"%s"', (raw, expected) => {
  expect([...parseOverrides(raw)]).toEqual(expected)
}) // biome-ignore format: a table

test.each([
  ['host', /"host" is not host:count/],
  ['a:1,,b:2', /"" is not host:count/],
  ['host:x', 'For input string: "x"'],
  ['host:', 'For input string: ""'],
  ['host:2147483648', 'For input string: "2147483648"'],
  ['a b:1,#:2', 'max.connections.per.ip.overrides contains invalid addresses : a b,#'],
])('"%s" is refused', (raw, message) => {
  expect(() => parseOverrides(raw)).toThrow(message)
})

describe('a file', () => {
  test.each([
    [{ 'max.connections.per.ip': '0' }, 'can be set to zero only if max.connections.per.ip.overrides property is set'],
    [{ 'max.connections.per.ip.overrides': 'host' }, '"host" is not host:count'],
    [{ 'listener.name.plaintext.max.connections': 'many' }, 'Invalid value many for configuration max.connections'],
    [{ 'listener.name.plaintext.max.connection.creation.rate': '-1' }, 'Invalid value -1 for configuration max.connection.creation.rate'],
    [
      { 'connection.failed.authentication.delay.ms': '700', 'connections.max.idle.ms': '700' },
      'connection.failed.authentication.delay.ms=700 should always be less than connections.max.idle.ms=700',
    ],
  ])('%o is refused', (properties, message) => {
    const reading = () => readBrokerSettings(properties as Record<string, string>)
    expect(reading).toThrow(SettingsError)
    expect(reading).toThrow(message)
  })

  test('what Kafka accepts', () => {
    const properties = { 'max.connections.per.ip': '0', 'max.connections.per.ip.overrides': 'localhost:3', 'connections.max.idle.ms': '-1' }
    expect(readBrokerSettings(properties).unknown).toEqual([])
  })

  test.each([
    [{}, 'PLAINTEXT'],
    [{ 'inter.broker.listener.name': 'plaintext' }, 'PLAINTEXT'],
    [{ 'security.inter.broker.protocol': 'SSL' }, 'SSL'],
  ])('the inter-broker listener of %o is %s', (properties, expected) => {
    expect(readBrokerSettings(properties as Record<string, string>).interBrokerListener).toBe(expected)
  })
})
