/**
 * Goal: a connector may override exactly what Kafka Connect's policy of that name allows, and is told so in its words. Method: the
 * policies as values; messages and names of Kafka Connect 4.3.1.
 */
import { describe, expect, test } from 'vitest'
import { deprecation, overridePolicy, policyNamed } from '../../../connect/runtime/override-policy.ts'
import { parseWorkerSettings } from '../../../connect/runtime/worker-settings.ts'

const policyPackage = 'org.apache.kafka.connect.connector.policy'
const refused = (policy: string, setting: string) =>
  `The '${policy}' policy does not allow '${setting}' to be overridden in the connector configuration.`

describe('the names of a policy', () => {
  test.each(['All', 'None', 'Principal', 'Allowlist'] as const)('%s', (name) => {
    const simple = `${name}ConnectorClientConfigOverridePolicy`
    for (const known of [name, simple, `${policyPackage}.${simple}`]) expect(policyNamed(known)).toBe(name)
  })

  test.each(['all', 'com.example.All', `${policyPackage}.All`, 'constructor', ''])('%j is none', (name) => {
    expect(policyNamed(name)).toBeNull()
    expect(() => parseWorkerSettings({ 'connector.client.config.override.policy': name })).toThrow(
      `Failed to find any class that implements interface ${policyPackage}.ConnectorClientConfigOverridePolicy and which name matches ${name}`,
    )
  })

  test('a worker without the setting has the policy All', () => {
    expect(policyNamed(parseWorkerSettings({})['connector.client.config.override.policy'])).toBe('All')
  })
})

test('All allows everything, None nothing', () => {
  expect(overridePolicy('All', []).refusal('sasl.jaas.config')).toBeUndefined()
  expect(overridePolicy('None', ['linger.ms']).refusal('linger.ms')).toBe(refused('None', 'linger.ms'))
})

test('Principal allows who a client is, not how it connects, and is deprecated', () => {
  const { refusal } = overridePolicy('Principal', ['linger.ms'])
  for (const allowed of ['sasl.jaas.config', 'sasl.mechanism', 'security.protocol']) expect(refusal(allowed)).toBeUndefined()
  for (const other of ['linger.ms', 'ssl.keystore.password', 'sasl.login.class']) expect(refusal(other)).toBe(refused('Principal', other))
  expect(deprecation('Principal')).toContain('"security.protocol,sasl.mechanism,sasl.jaas.config"')
  expect(deprecation('All')).toBeUndefined()
})

test('Allowlist allows what it lists, by the whole name', () => {
  const config = parseWorkerSettings({ 'connector.client.config.override.allowlist': 'linger.ms, sasl.mechanism' })
  const { refusal } = overridePolicy('Allowlist', config['connector.client.config.override.allowlist'])
  expect(refusal('linger.ms')).toBeUndefined()
  expect(refusal('sasl.mechanism')).toBeUndefined()
  expect(refusal('sasl')).toBe(refused('Allowlist', 'sasl'))
  expect(overridePolicy('Allowlist', []).refusal('linger.ms')).toBe(refused('Allowlist', 'linger.ms'))
})
