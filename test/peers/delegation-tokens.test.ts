/**
 * Goal: the delegation tokens of an Apache Kafka node are usable with us and ours with Kafka, while one folder goes there and back, by the
 * log and by a snapshot that we write. Method: each side issues, renews and removes tokens; kafka-delegation-tokens describes them before
 * and after, and logins with them are tried on both.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import describeCluster from '../../core/apis/60-describe-cluster.ts'
import { errorName } from '../../core/errors.ts'
import { startBroker } from '../../core/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { writeProperties } from '../properties-file.ts'
import { rawClient } from '../raw-client.ts'
import { logIn, plainLogin, tokenLogin } from '../raw-login.ts'
import { freePort } from '../running-broker.ts'
import { until } from '../until.ts'
import { inPlaceOf, type KafkaBroker, kafkaTool, startApacheKafka } from './apache-kafka.ts'

const SNAPSHOT_BYTES = 2000
const mechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
const PACKAGE = 'org.apache.kafka.common.security'
let room: string
let saslPort: number
let kafka: KafkaBroker
let login: string

const listener = {
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT',
  'sasl.enabled.mechanisms': ['PLAIN', ...mechanisms].join(','),
  'listener.name.sasl.plain.sasl.jaas.config': `${PACKAGE}.plain.PlainLoginModule required user_alice="secret";`,
  'listener.name.sasl.scram-sha-256.sasl.jaas.config': `${PACKAGE}.scram.ScramLoginModule required;`,
  'listener.name.sasl.scram-sha-512.sasl.jaas.config': `${PACKAGE}.scram.ScramLoginModule required;`,
  'delegation.token.secret.key': 'key of the tokens',
  'delegation.token.max.lifetime.ms': '9223372036854775807',
}

beforeAll(async () => {
  room = mkdtempSync(join(tmpdir(), 'tributary-tokens-'))
  saslPort = await freePort()
  kafka = await startApacheKafka((port) => ({
    ...listener,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1},SASL://127.0.0.1:${saslPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SASL://127.0.0.1:${saslPort}`,
  }))
  login = writeProperties(join(room, 'alice.properties'), {
    'security.protocol': 'SASL_PLAINTEXT',
    ...plainLogin('alice', 'secret'),
  })
}, 240_000)
afterAll(async () => {
  await kafka?.stop()
  rmSync(room, { recursive: true, force: true })
})

const tokens = (...args: string[]) =>
  kafkaTool(['kafka-delegation-tokens', '--bootstrap-server', `127.0.0.1:${saslPort}`, '--command-config', login, ...args])

interface Issued {
  readonly tokenId: string
  readonly hmac: Buffer
  /** Its id, HMAC, owner, renewers and times. */
  readonly row: string
}
const issuedIn = (output: string): Issued[] =>
  output
    .split('\n')
    .filter((line) => /^[\w-]{22}\s.*User:alice/.test(line))
    .map((line) => line.trim().split(/\s+/))
    .map((fields) => ({ tokenId: fields[0]!, hmac: Buffer.from(fields[1]!, 'base64'), row: fields.join(' ') }))
const create = async (lifetimeMs: number, ...args: string[]) =>
  issuedIn(await tokens('--create', '--max-life-time-period', `${lifetimeMs}`, ...args))[0]!
const described = async () => {
  const issued = issuedIn(await tokens('--describe', '--owner-principal', 'User:alice'))
  return issued.map(({ row }) => row).sort()
}

/** Whether the broker that runs lets a client in with the token. */
async function logsIn({ tokenId, hmac }: Issued): Promise<boolean[]> {
  const outcomes: boolean[] = []
  for (const mechanism of mechanisms) {
    const client = await rawClient(saslPort)
    const { errorCode } = await logIn(client, tokenLogin(mechanism, tokenId, hmac))
    if (errorCode === 0) {
      const cluster = await client.send(describeCluster, 1, { includeClusterAuthorizedOperations: false, endpointType: 1 })
      expect(errorName(cluster.errorCode)).toBe('NONE')
    } else expect(errorName(errorCode)).toBe('SASL_AUTHENTICATION_FAILED')
    client.close()
    outcomes.push(errorCode === 0)
  }
  return outcomes
}
const usable = [true, true]
const useless = [false, false]

async function ours(snapshotBytes: number) {
  const place = inPlaceOf(kafka)
  const listeners = `${place.listeners},SASL://127.0.0.1:${saslPort}`
  const properties = { ...place, ...listener, listeners, 'metadata.log.max.record.bytes.between.snapshots': String(snapshotBytes) }
  return startBroker(properties, { ...realSystem('silent'), logger: silentLogger })
}

test('tokens go from Kafka (killed) to us and back, in the log and in our snapshot, and log in on both', async () => {
  const renewed = await create(86_400_000, '--renewer-principal', 'User:bob')
  const removed = await create(86_400_000)
  // It can be renewed for ever.
  const kept = await create(-1)
  await until(async () => (await described()).length === 3, 'Kafka describes its tokens')
  expect(await logsIn(kept)).toEqual(usable)
  const before = await described()
  await kafka.kill()

  await (await ours(20_000_000)).close()
  const broker = await ours(SNAPSHOT_BYTES)
  expect(await described()).toEqual(before)
  for (const token of [renewed, removed, kept]) expect(await logsIn(token)).toEqual(usable)
  await tokens('--renew', '--hmac', renewed.hmac.toString('base64'), '--renew-time-period', '3600000')
  await tokens('--expire', '--hmac', removed.hmac.toString('base64'), '--expiry-time-period', '-1')
  const made = await create(-1, '--renewer-principal', 'User:carol')
  expect(await logsIn(made)).toEqual(usable)
  expect(await logsIn(removed)).toEqual(useless)
  for (let i = 0; i < 40; i++) await broker.cluster.createTopic({ name: `topic-${i}`, partitions: 1, replicationFactor: 1 })
  const after = await described()
  expect(after).toHaveLength(3)
  await broker.close()
  const folder = join(kafka.dir, '__cluster_metadata-0')
  const snapshots = readdirSync(folder).filter((name) => name.endsWith('.checkpoint') && !name.startsWith('0'.repeat(20)))
  expect(snapshots.length).toBeGreaterThan(0)

  await kafka.start()
  expect(await described()).toEqual(after)
  for (const token of [renewed, kept, made]) expect(await logsIn(token)).toEqual(usable)
  expect(await logsIn(removed)).toEqual(useless)
  // Kafka accepts the HMAC that we gave out.
  await tokens('--renew', '--hmac', made.hmac.toString('base64'), '--renew-time-period', '3600000')
}, 400_000)
