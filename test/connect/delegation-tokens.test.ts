/**
 * Story of connect. Goal: a worker and its connectors reach a cluster with a delegation token. Method: our broker, on whose listener only
 * tokens log in; a source whose records a client without security reads.
 */
import { expect, test } from 'vitest'
import { issuedLogin, tokenListeners, under } from '../issued-tokens.ts'
import { until } from '../until.ts'
import { workersInProcess } from '../worker-in-process.ts'
import { Probes } from './runtime/probes.ts'

test('the clients of a worker log in with tokenauth="true"', async () => {
  const workers = await workersInProcess(tokenListeners)
  try {
    const probes = new Probes()
    const { address, settings } = await issuedLogin(workers.broker.broker, 'worker')
    const strings = 'org.apache.kafka.connect.storage.StringConverter'
    const clients = ['', 'producer.', 'consumer.', 'admin.'].map((prefix) => under(prefix, settings))
    const given = { 'bootstrap.servers': address, 'key.converter': strings, 'value.converter': strings }
    const worker = await workers.start({
      settings: workers.settings(Object.assign(given, ...clients)),
      connectors: [probes.connector],
    })
    await worker.create('source', { name: 'source', 'connector.class': 'test.CountingSourceConnector', topic: 'counted' }, 'RUNNING')
    const consumer = workers.client.consumer()
    await until(async () => (await workers.client.topic('counted', { refresh: true })) !== null, 'the topic is there')
    consumer.assign([{ topic: 'counted', partition: 0, offset: 'earliest' }])
    const batch = await until(async () => (await consumer.poll(200))[0], 'a record of the source')
    expect(batch!.records.length).toBeGreaterThan(0)
    const logins = workers.broker.lines.filter(({ message }) => message === 'login succeeded').map(({ details }) => details)
    expect(logins.length).toBeGreaterThan(1)
    for (const login of logins) expect(login).toMatchObject({ principal: 'User:worker', tokenAuthenticated: true })
  } finally {
    await workers.stop()
  }
}, 60_000)
