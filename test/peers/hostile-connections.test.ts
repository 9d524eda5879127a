/**
 * Goal: what is no client, or means harm, sees the same of our broker as of Apache Kafka before it has said who it is. Method: a
 * listener of each security protocol on both, the same bytes to each, and the answers until the connection is closed compared.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { answersUntilClosed, beforeLogin, type Endpoint, everywhere, type HostileListener, hostileListeners } from '../hostile-input.ts'
import { freePort } from '../running-broker.ts'
import { type SecuredListeners, securedListenersIn } from '../secured-listeners.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'

let secured: SecuredListeners
let kafka: KafkaBroker
let ours: BrokerInProcess
const ports = new Map<HostileListener, number>()

beforeAll(async () => {
  secured = securedListenersIn()
  for (const listener of hostileListeners) ports.set(listener, await freePort())
  kafka = await startApacheKafka((port) => {
    ports.set('PLAINTEXT', port)
    const listeners = [...ports].map(([name, at]) => `${name}://127.0.0.1:${at}`).join(',')
    return {
      ...secured.properties,
      listeners: `${listeners},CONTROLLER://127.0.0.1:${port + 1}`,
      'advertised.listeners': listeners,
      'inter.broker.listener.name': 'PLAINTEXT',
    }
  })
  ours = await brokerInProcess({
    ...secured.properties,
    listeners: hostileListeners.map((name) => `${name}://127.0.0.1:0`).join(','),
  })
}, 180_000)

afterAll(async () => {
  await kafka?.stop()
  await ours?.stop()
  secured?.remove()
})

async function alike(listener: HostileListener, bytes: Buffer): Promise<void> {
  const ca = listener.endsWith('SSL') ? secured.authority.certificate : null
  const peers: Endpoint[] = [
    { port: ports.get(listener)!, ca },
    { port: ours.broker.addresses.find((address) => address.listener === listener)!.port, ca },
  ]
  const [expected, got] = await Promise.all(peers.map((peer) => answersUntilClosed(peer, bytes)))
  expect(got).toEqual(expected)
}

describe.each(hostileListeners)('%s', (listener) => {
  test.each(everywhere)('%s', (_, bytes) => alike(listener, bytes))
})

describe.each(['SASL_PLAINTEXT', 'SASL_SSL'] as const)('%s', (listener) => {
  test.each(beforeLogin)('%s', (_, bytes) => alike(listener, bytes))
})
