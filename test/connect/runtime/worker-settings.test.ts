/**
 * Goal: a worker's file is refused where Kafka Connect refuses it, and unknown settings are named. Method: the parser alone.
 */
import { expect, test } from 'vitest'
import { restSettingNames } from '../../../bin/rest.ts'
import { parseWorkerSettings, unknownSettings, withoutEffect } from '../../../connect/runtime/worker-settings.ts'

test('the algorithm that signs requests between workers must be one that is accepted', () => {
  const algorithms = { 'inter.worker.signature.algorithm': 'HmacSHA512', 'inter.worker.verification.algorithms': 'HmacSHA256, HmacSHA512' }
  expect(parseWorkerSettings(algorithms)['inter.worker.signature.algorithm']).toBe('HmacSHA512')
  expect(() => parseWorkerSettings({ 'inter.worker.signature.algorithm': 'HmacSHA512' })).toThrow(
    /inter.worker.signature.algorithm: Signature algorithm must be present in inter.worker.verification.algorithms list/,
  )
})

test('settings of the REST API are known, and those of its stores', () => {
  const given = {
    'listeners.https.ssl.keystore.location': 'x',
    'admin.listeners.https.ssl.client.auth': 'none',
    'listeners.https.ssl.client.auht': 'required',
    'rest.extension.classes': '',
    'access.control.allow.anonymous': '/health',
    'listeners.http.ssl.typo': 'x',
    'rest.extension.class': 'x',
  }
  expect(unknownSettings(given, restSettingNames)).toEqual([
    'listeners.https.ssl.client.auht',
    'listeners.http.ssl.typo',
    'rest.extension.class',
  ])
})

test('settings of Kafka Connect that have no effect are named with the reason', () => {
  const file = { 'group.id': 'g', 'metric.reporters': 'x', 'metadata.recovery.strategy': 'none', 'producer.acks': 'all' }
  expect(withoutEffect(file).map(({ name }) => name)).toEqual(['metric.reporters', 'metadata.recovery.strategy'])
})
