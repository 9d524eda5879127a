/**
 * Goal: the delegation tokens of an Apache Kafka node survive a time with us, and are Kafka's again afterwards. Method: Kafka issues
 * tokens, one folder goes to us and back, by the log and by a snapshot that we write; kafka-delegation-tokens describes them before and
 * after.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBroker } from '../../core/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { writeProperties } from '../properties-file.ts'
import { freePort } from '../running-broker.ts'
import { inPlaceOf, type KafkaBroker, kafkaTool, startApacheKafka } from './apache-kafka.ts'

const SNAPSHOT_BYTES = 2000
let room: string
let saslPort: number
let kafka: KafkaBroker
let login: string

beforeAll(async () => {
  room = mkdtempSync(join(tmpdir(), 'tributary-tokens-'))
  saslPort = await freePort()
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="secret"'
  kafka = await startApacheKafka((port) => ({
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1},SASL://127.0.0.1:${saslPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SASL://127.0.0.1:${saslPort}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl.plain.sasl.jaas.config': `${plain} user_alice="secret";`,
    'delegation.token.secret.key': 'key of the tokens',
  }))
  login = writeProperties(join(room, 'alice.properties'), {
    'security.protocol': 'SASL_PLAINTEXT',
    'sasl.mechanism': 'PLAIN',
    'sasl.jaas.config': `${plain};`,
  })
}, 240_000)
afterAll(async () => {
  await kafka?.stop()
  rmSync(room, { recursive: true, force: true })
})

const tokens = (...args: string[]) =>
  kafkaTool(['kafka-delegation-tokens', '--bootstrap-server', `127.0.0.1:${saslPort}`, '--command-config', login, ...args])
/** A row for each token: its id, HMAC, owner, renewers and times. */
const described = async () =>
  (await tokens('--describe', '--owner-principal', 'User:alice'))
    .split('\n')
    .filter((line) => /^[\w-]{22}\s.*User:alice/.test(line))
    .map((line) => line.trim().split(/\s+/).join(' '))
    .sort()

async function ours(snapshotBytes: number) {
  const properties = { ...inPlaceOf(kafka), 'metadata.log.max.record.bytes.between.snapshots': String(snapshotBytes) }
  return startBroker(properties, { ...realSystem('silent'), logger: silentLogger })
}

test('tokens go from Kafka (killed) to us and back, in the log and in our snapshot', async () => {
  const lifetime = ['--max-life-time-period', '86400000']
  await tokens('--create', ...lifetime, '--renewer-principal', 'User:bob')
  await tokens('--create', ...lifetime)
  const issued = await described()
  expect(issued).toHaveLength(2)
  await kafka.kill()

  await (await ours(20_000_000)).close()
  const broker = await ours(SNAPSHOT_BYTES)
  for (let i = 0; i < 40; i++) await broker.cluster.createTopic({ name: `topic-${i}`, partitions: 1, replicationFactor: 1 })
  await broker.close()
  const folder = join(kafka.dir, '__cluster_metadata-0')
  const snapshots = readdirSync(folder).filter((name) => name.endsWith('.checkpoint') && !name.startsWith('0'.repeat(20)))
  expect(snapshots.length).toBeGreaterThan(0)

  await kafka.start()
  expect(await described()).toEqual(issued)
}, 400_000)
