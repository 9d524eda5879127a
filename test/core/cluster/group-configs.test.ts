/**
 * Goal: configs of groups and client metrics subscriptions are described and changed as Apache Kafka 4.3 does, in its words.
 * Method: requests to a broker; the messages are those that Kafka gave to the same requests.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import describeConfigs from '../../../core/apis/32-describe-configs.ts'
import alterConfigs from '../../../core/apis/33-alter-configs.ts'
import incrementalAlterConfigs from '../../../core/apis/44-incremental-alter-configs.ts'
import listConfigResources from '../../../core/apis/74-list-config-resources.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import type { RawClient } from '../../raw-client.ts'

const [CLIENT_METRICS, GROUP] = [16, 32]

let server: BrokerInProcess
let client: RawClient
beforeAll(async () => {
  server = await brokerInProcess({ 'group.consumer.max.session.timeout.ms': '70000' })
  client = await server.client()
})
afterAll(async () => {
  client.close()
  await server.stop()
})

async function alter(resourceType: number, resourceName: string, name: string, value: string | null, configOperation = 0) {
  const resources = [{ resourceType, resourceName, configs: [{ name, configOperation, value }] }]
  const { responses } = await client.send(incrementalAlterConfigs, 1, { resources, validateOnly: false })
  const { errorCode, errorMessage } = responses[0]!
  return errorCode === 0 ? null : `${errorCode}: ${errorMessage}`
}

async function described(resourceType: number, resourceName: string, configurationKeys: string[] | null = null) {
  const resources = [{ resourceType, resourceName, configurationKeys }]
  const { results } = await client.send(describeConfigs, 4, { resources, includeSynonyms: true })
  return results[0]!
}

describe('groups', () => {
  test.each([
    ['g', 'consumer.session.timeout.ms', '1', '40: consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms'],
    ['g', 'consumer.session.timeout.ms', '70001', '40: consumer.session.timeout.ms must be less than or equal to group.consumer.max.session.timeout.ms'],
    ['g', 'consumer.session.timeout.ms', 'x', '40: Invalid value x for configuration consumer.session.timeout.ms: Not a number of type INT'],
    ['g', 'share.record.lock.duration.ms', '1', '40: Invalid value 1 for configuration share.record.lock.duration.ms: Value must be at least 1000'],
    ['g', 'streams.num.standby.replicas', '9', '40: streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas'],
    ['g', 'share.auto.offset.reset', 'by_duration:PT', "40: Invalid value by_duration:PT for configuration share.auto.offset.reset: Invalid value `by_duration:PT` for configuration share.auto.offset.reset. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'."],
    ['g', 'nope', '1', '40: Unknown group config name: nope'],
    ['', 'share.isolation.level', 'read_committed', '42: Default group resources are not allowed.'],
    ['g', 'share.isolation.level', null, '42: Null value not supported for : share.isolation.level'],
    ['g', 'share.auto.offset.reset', 'by_duration:P1DT2H0.5S', null],
    ['g', 'consumer.session.timeout.ms', '70000', null],
  ])('%s %s=%s', async (group, name, value, expected) => {
    expect(await alter(GROUP, group, name, value)).toBe(expected)
  }) // biome-ignore format: a table

  test('are stored, described with their defaults, listed and, at the next start, there', async () => {
    await alter(GROUP, 'stored', 'consumer.heartbeat.interval.ms', '6000')
    client.close()
    await server.restart()
    client = await server.client()
    const { configs } = await described(GROUP, 'stored', ['consumer.heartbeat.interval.ms', 'share.isolation.level'])
    expect(configs).toMatchObject([
      {
        ...{ name: 'consumer.heartbeat.interval.ms', value: '6000', configSource: 8, readOnly: false },
        synonyms: [
          { name: 'consumer.heartbeat.interval.ms', value: '6000', source: 8 },
          { name: 'group.consumer.heartbeat.interval.ms', value: '5000', source: 5 },
        ],
      },
      {
        name: 'share.isolation.level',
        value: 'read_uncommitted',
        configSource: 5,
        synonyms: [{ name: 'share.isolation.level', source: 5 }],
      },
    ])
    expect((await described(GROUP, 'nobody')).configs).toHaveLength(17)
    expect((await described(GROUP, '')).errorMessage).toBe('Group name must not be empty')
    const listed = await client.send(listConfigResources, 1, { resourceTypes: [GROUP] })
    expect(listed.configResources.map(({ resourceName }) => resourceName)).toContain('stored')
    const resources = [{ resourceType: GROUP, resourceName: 'stored', configs: [] }]
    await client.send(alterConfigs, 2, { resources, validateOnly: false })
    const after = await client.send(listConfigResources, 1, { resourceTypes: [GROUP] })
    expect(after.configResources.map(({ resourceName }) => resourceName)).not.toContain('stored')
  })
})

describe('client metrics', () => {
  test.each([
    ['m', 'interval.ms', '5', '42: Invalid value 5 for interval.ms, interval must be between 100 and 3600000 (1 hour)'],
    ['m', 'nope', '1', '42: Unknown client metrics configuration: nope'],
    ['m', 'match', 'nope=a', '40: Illegal client matching pattern: nope=a'],
    ['m', 'match', 'client_id=a(', '40: Illegal client matching pattern: client_id=a('],
    ['m', 'match', 'client_id=a,,client_id=b', "40: Configuration 'match' values must not be empty."],
    ['', 'metrics', 'a', "42: Subscription name can't be empty"],
    ['m', 'match', 'client_id=(?i)a++', null],
    ['m', 'metrics', 'org.apache.kafka.', null],
  ])('%s %s=%s', async (name, key, value, expected) => {
    expect(await alter(CLIENT_METRICS, name, key, value)).toBe(expected)
  }) // biome-ignore format: a table

  test('are described', async () => {
    await alter(CLIENT_METRICS, 'described', 'interval.ms', '5000')
    const { configs } = await described(CLIENT_METRICS, 'described')
    expect(configs).toMatchObject([
      { name: 'interval.ms', value: '5000', configSource: 7, synonyms: [{ name: 'interval.ms', value: '5000', source: 7 }] },
      { name: 'match', value: '', configSource: 5, synonyms: [] },
      { name: 'metrics', value: '', configSource: 5, synonyms: [] },
    ])
  })
})
