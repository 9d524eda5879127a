/**
 * Goal: between Apache Kafka brokers with StandardAuthorizer the mirror needs no other permissions than between ours.
 * Method: the mirror does all that it can with them; each step waits for its effect.
 */
import { expect, onTestFinished, test } from 'vitest'
import { connectTo } from '../mirror/clusters.ts'
import { type GuardedCluster, MIRROR_PASSWORD, tellEverything } from '../mirror/permitted-mirror.ts'
import { PLAIN_LOGIN_MODULE } from '../secured-listeners.ts'
import { startApacheKafka } from './apache-kafka.ts'

async function guarded(): Promise<GuardedCluster> {
  const usersOf = (port: number) => `127.0.0.1:${port + 2}`
  const kafka = await startApacheKafka((port) => {
    const listeners = `PLAINTEXT://127.0.0.1:${port},USERS://${usersOf(port)}`
    return {
      listeners: `${listeners},CONTROLLER://127.0.0.1:${port + 1}`,
      'advertised.listeners': listeners,
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,USERS:SASL_PLAINTEXT',
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
      'listener.name.users.sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.users.plain.sasl.jaas.config': `${PLAIN_LOGIN_MODULE} required user_mirror="${MIRROR_PASSWORD}";`,
    }
  })
  onTestFinished(() => kafka.stop())
  return { ...connectTo(kafka.address), users: usersOf(kafka.port) }
}

test('the mirror does all that it can with its permissions', { timeout: 400_000 }, async () => {
  const [us, central] = [await guarded(), await guarded()]
  await tellEverything(us, central)
  // What it could not do on the way would be missing here.
  expect((await central.client.topics()).map(({ name }) => name)).toEqual(expect.arrayContaining(['us.orders', 'us.later', 'heartbeats']))
})
