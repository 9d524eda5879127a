/**
 * Goal: a client cannot renegotiate TLS 1.2, as with Kafka: each time costs the broker a signature. Method: a client of node:tls that
 * asks for it; before, the broker agreed as often as it was asked, before a login too.
 */
import { connect } from 'node:tls'
import { expect, test } from 'vitest'
import apiVersions from '../../core/apis/18-api-versions.ts'
import { brokerInProcess } from '../broker-in-process.ts'
import { encodeRequest } from '../raw-client.ts'
import { securedListenersIn } from '../secured-listeners.ts'
import { until } from '../until.ts'

test.each(['SSL', 'SASL_SSL'])('%s: the connection is closed', async (listener) => {
  const secured = securedListenersIn()
  const server = await brokerInProcess(secured.properties)
  const { port } = server.broker.addresses.find((address) => address.listener === listener)!
  const ca = secured.authority.certificate
  const client = connect({ port, host: '127.0.0.1', ca, servername: 'localhost', maxVersion: 'TLSv1.2' })
  try {
    client.on('error', () => {})
    let closed = false
    client.on('close', () => {
      closed = true
    })
    const answered = new Promise((resolve) => client.once('data', resolve))
    client.write(encodeRequest(apiVersions, 0, 1, {}))
    await answered
    let renegotiated = false
    client.renegotiate({}, (error) => {
      renegotiated = error === null
    })
    await until(() => closed || renegotiated, 'the renegotiation has an end')
    expect([closed, renegotiated]).toEqual([true, false])
    const isClosed = async () => (await server.broker.system.metrics.text()).includes('tributary_broker_connections 0')
    await until(isClosed, 'the connection does not count any more')
  } finally {
    client.destroy()
    await server.stop()
    secured.remove()
  }
})
