/**
 * Symptom: kafka-configs --describe showed a password that is stored as a config of brokers. Method: such configs, which Kafka
 * refuses and an earlier folder may have, are set and described; and what else Kafka refuses of the configs of brokers.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import describeConfigs from '../../core/apis/32-describe-configs.ts'
import alterConfigs from '../../core/apis/33-alter-configs.ts'
import incrementalAlterConfigs from '../../core/apis/44-incremental-alter-configs.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import type { RawClient } from '../raw-client.ts'

let ours: BrokerInProcess
let client: RawClient
beforeAll(async () => {
  ours = await brokerInProcess({ 'node.id': '1' })
  client = await ours.client()
})
afterAll(() => ours?.stop())

async function change(resourceName: string, name: string, value: string | null, configOperation = 0) {
  const resources = [{ resourceType: 4, resourceName, configs: [{ name, configOperation, value }] }]
  const { responses } = await client.send(incrementalAlterConfigs, 1, { resources, validateOnly: false })
  return [responses[0]!.errorCode, responses[0]!.errorMessage]
}

async function described(resourceName: string, name: string) {
  const resources = [{ resourceType: 4, resourceName, configurationKeys: [name] }]
  const { results } = await client.send(describeConfigs, 4, { resources, includeSynonyms: true })
  return results[0]!.configs[0]
}

test('a stored password of a broker is not described; for all brokers it is refused', async () => {
  const name = 'listener.name.internal.ssl.keystore.password'
  const why = `Cannot update these configs at default cluster level, broker id must be specified: [${name}]`
  expect(await change('', name, 'hunter2')).toEqual([42, why])
  expect(await change('1', name, 'hunter2')).toEqual([0, null])
  const config = await described('1', name)
  expect(config).toMatchObject({ value: null, isSensitive: true })
  expect(JSON.stringify(config)).not.toContain('hunter2')
})

test('a password of all listeners is refused', async () => {
  const why = 'These security configs can be dynamically updated only per-listener using the listener prefix: [ssl.keystore.password]'
  expect(await change('', 'ssl.keystore.password', 'hunter2')).toEqual([42, why])
})

test('a config that is not dynamic may be deleted and not set', async () => {
  expect(await change('1', 'log.dirs', null, 1)).toEqual([0, null])
  expect(await change('1', 'log.dirs', '/elsewhere')).toEqual([42, 'Cannot update these configs dynamically: [log.dirs]'])
})

test('AlterConfigs leaves the configs that it names, and no others', async () => {
  await change('', 'log.retention.ms', '900000')
  const configs = [{ name: 'log.cleaner.threads', value: '2' }]
  const resources = [{ resourceType: 4, resourceName: '', configs }]
  const { responses } = await client.send(alterConfigs, 2, { resources, validateOnly: false })
  expect(responses).toEqual([{ errorCode: 0, errorMessage: null, resourceType: 4, resourceName: '' }])
  expect(await described('', 'log.cleaner.threads')).toMatchObject({ value: '2' })
  expect(await described('', 'log.retention.ms')).toBeUndefined()
})
