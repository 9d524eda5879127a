/**
 * Goal: the limits of connections follow the settings of the broker and its listeners, and the quotas of addresses, names of hosts
 * included. Method: a broker in this process whose names the test knows; settings and quotas are altered as by Kafka's tools.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import incrementalAlterConfigs from '../../core/apis/44-incremental-alter-configs.ts'
import alterClientQuotas from '../../core/apis/49-alter-client-quotas.ts'
import { DynamicConnectionLimits, type LimitedConnections } from '../../core/connection-limits.ts'
import { realClock } from '../../core/system/clock.ts'
import { type BrokerInProcess, brokerInProcess, keepingLogger, type LogLine } from '../broker-in-process.ts'
import { until } from '../until.ts'

const UNLIMITED = 2 ** 31 - 1

let server: BrokerInProcess
let limits: DynamicConnectionLimits
const applied = {} as LimitedConnections
const lines: LogLine[] = []
const names: Record<string, string | null> = { 'one.example': '10.0.0.1', 'six.example': 'FE80:0::1%3', 'none.example': null }

beforeAll(async () => {
  server = await brokerInProcess({
    listeners: 'PLAINTEXT://127.0.0.1:0,EXTERNAL://127.0.0.1:0',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,EXTERNAL:PLAINTEXT',
    'max.connections': '100',
    'listener.name.external.max.connections': '7',
    'max.connections.per.ip.overrides': 'one.example:5,::ffff:10.0.0.2:6,0:0:0::2:8',
  })
  const { cluster, settings } = server.broker
  const hostNames = { address: async (name: string) => names[name] ?? null }
  limits = new DynamicConnectionLimits({ settings, cluster, system: { hostNames, clock: realClock, logger: keepingLogger(lines) } })
  await limits.attach(applied)
})

afterAll(async () => {
  limits.close()
  await server.stop()
})

async function alter(configs: Readonly<Record<string, string | null>>, broker = ''): Promise<number> {
  const client = await server.client()
  const changes = Object.entries(configs).map(([name, value]) => ({ name, configOperation: value === null ? 1 : 0, value }))
  const resources = [{ resourceType: 4, resourceName: broker, configs: changes }]
  const { responses } = await client.send(incrementalAlterConfigs, 1, { resources, validateOnly: false })
  // The broker tells its own limits; these are beside them.
  if (responses[0]!.errorCode === 0) limits.prepare(server.broker.cluster.brokerProperties())()
  return responses[0]!.errorCode
}

async function quota(entityName: string | null, rate: number | null): Promise<number> {
  const client = await server.client()
  const ops = [{ key: 'connection_creation_rate', value: rate ?? 0, remove: rate === null }]
  const entries = [{ entity: [{ entityType: 'ip', entityName }], ops }]
  return (await client.send(alterClientQuotas, 1, { entries, validateOnly: false })).entries[0]!.errorCode
}

test('those of the file: a listener has its own values, or those of the broker; hosts have addresses', () => {
  expect(applied.connectionLimits).toEqual({
    ...{ maxConnections: 100, maxCreationRate: UNLIMITED, maxPerIp: UNLIMITED },
    perIpOverrides: new Map([['10.0.0.1', 5], ['10.0.0.2', 6], ['::2', 8]]), // biome-ignore format: one line
    listeners: new Map([
      ['PLAINTEXT', { maxConnections: 100, maxCreationRate: UNLIMITED }],
      ['EXTERNAL', { maxConnections: 7, maxCreationRate: UNLIMITED }],
    ]),
  })
  expect(applied.ipRates).toEqual({ fallback: Number.POSITIVE_INFINITY, byAddress: new Map() })
})

test('those that are altered, and deleted again', async () => {
  const configs = {
    ...{ 'max.connections': '50', 'listener.name.plaintext.max.connections': '9', 'max.connection.creation.rate': '3' },
    ...{ 'listener.name.external.max.connection.creation.rate': '2' },
  }
  expect(await alter(configs)).toBe(0)
  expect(applied.connectionLimits).toMatchObject({ maxConnections: 50, maxCreationRate: 3 })
  expect(Object.fromEntries(applied.connectionLimits.listeners)).toEqual({
    PLAINTEXT: { maxConnections: 9, maxCreationRate: 3 },
    EXTERNAL: { maxConnections: 7, maxCreationRate: 2 },
  })
  expect(await alter(Object.fromEntries(Object.keys(configs).map((name) => [name, null])))).toBe(0)
  expect(applied.connectionLimits.listeners.get('PLAINTEXT')).toEqual({ maxConnections: 100, maxCreationRate: UNLIMITED })
})

test('what is refused changes nothing', async () => {
  const refused: Record<string, string>[] = [
    { 'max.connections': '0' },
    { 'listener.name.external.max.connections': '0' },
    { 'listener.name.external.max.connection.creation.rate': 'x' },
    { 'max.connections.per.ip.overrides': 'a b:1' },
    { 'max.connections.per.ip': '0', 'max.connections.per.ip.overrides': '' },
  ]
  for (const configs of refused) expect(await alter(configs), JSON.stringify(configs)).toBe(42)
  expect(applied.connectionLimits.maxConnections).toBe(100)
})

test('a host without an address has no limit, and the log says so; the others have theirs', async () => {
  expect(await alter({ 'max.connections.per.ip.overrides': 'none.example:1,six.example:2,10.0.0.9:3' })).toBe(0)
  await until(() => applied.connectionLimits.perIpOverrides.has('fe80::1'), 'the name has its address')
  expect([...applied.connectionLimits.perIpOverrides]).toEqual([
    ['fe80::1', 2],
    ['10.0.0.9', 3],
  ])
  expect(lines.filter(({ level }) => level === 'error').map(({ details }) => details)).toContainEqual({ host: 'none.example' })
})

test('quotas of addresses: the default, one address, a name, and none where it is the largest', async () => {
  expect([await quota(null, 20), await quota('10.0.0.3', 7), await quota('localhost', 9), await quota('10.0.0.4', UNLIMITED)]).toEqual([
    0, 0, 0, 0,
  ])
  names.localhost = '127.0.0.1'
  expect(await quota('::1', 4)).toBe(0)
  await until(() => applied.ipRates.byAddress.has('127.0.0.1'), 'the name has its address')
  expect(applied.ipRates.fallback).toBe(20)
  expect(Object.fromEntries(applied.ipRates.byAddress)).toEqual({
    ...{ '10.0.0.3': 7, '10.0.0.4': Number.POSITIVE_INFINITY },
    ...{ '127.0.0.1': 9, '::1': 4 },
  })
  await quota(null, null)
  expect(applied.ipRates.fallback).toBe(Number.POSITIVE_INFINITY)
})
