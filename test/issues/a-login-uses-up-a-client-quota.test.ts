/**
 * Goal: what clients send before their login counts for no client quota, as in Kafka: they could name the client ids of others, and as many
 * as make the broker forget what others have used. Every request afterwards counts, an ApiVersions of a version that is not known too.
 * Method: a broker in this process with a listener with SASL, and raw connections.
 */
import { afterEach, expect, test } from 'vitest'
import apiVersions from '../../core/apis/18-api-versions.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { encodeRequest, rawClient } from '../raw-client.ts'
import { logIn, plainLogin } from '../raw-login.ts'
import { type SecuredListeners, securedListenersIn } from '../secured-listeners.ts'

let secured: SecuredListeners
let server: BrokerInProcess
afterEach(async () => {
  await server.stop()
  secured.remove()
})

test('only requests after the login are counted', async () => {
  secured = securedListenersIn()
  server = await brokerInProcess({ ...secured.properties, listeners: 'PLAINTEXT://127.0.0.1:0,SASL_PLAINTEXT://127.0.0.1:0' })
  const entity = [{ entityType: 'client-id', entityName: null }]
  await server.broker.cluster.alterClientQuotas([{ entity, ops: [{ key: 'request_percentage', value: 1e-6, remove: false }] }], false)
  const { sensors } = server.broker.quotas.request
  const { port } = server.broker.addresses.find(({ listener }) => listener === 'SASL_PLAINTEXT')!
  const client = await rawClient(port)
  await client.send(apiVersions, 3, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }, 'somebody else')
  await logIn(client, plainLogin('alice', 'alice-secret'))
  expect([...sensors.all()].map(({ entity: { clientId } }) => clientId)).toEqual([])
  const unknown = encodeRequest(apiVersions, 3, 99, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }, 'alice')
  // The version.
  unknown.writeInt16BE(99, 6)
  client.write(unknown)
  await client.frame()
  expect([...sensors.all()].map(({ entity: { clientId } }) => clientId)).toEqual(['alice'])
  expect(await server.broker.system.metrics.text()).toContain('tributary_quota_throttled_connections 1')
  client.close()
})
