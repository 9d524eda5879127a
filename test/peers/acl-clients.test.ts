/**
 * Goal: what kafka-acls --producer, --idempotent, --consumer and --resource-pattern-type prefixed grant is what Java clients need, and
 * without it they get nothing. Method: a broker with users of PLAIN; Kafka's tools as each of them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { PLAIN_LOGIN_MODULE } from '../secured-listeners.ts'
import { kafkaTool } from './apache-kafka.ts'

// Each tool starts a JVM.
vi.setConfig({ testTimeout: 240_000 })

const folder = mkdtempSync(join(tmpdir(), 'acl-clients-'))
let ours: BrokerInProcess

beforeAll(async () => {
  ours = await brokerInProcess({
    listeners: 'SASL_PLAINTEXT://127.0.0.1:0',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${PLAIN_LOGIN_MODULE} required user_admin="admin-secret" user_writer="writer-secret" user_reader="reader-secret";`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:admin',
    'auto.create.topics.enable': 'false',
  })
  await ours.broker.cluster.createTopic({ name: 'team-orders', partitions: 1, replicationFactor: 1 })
})
afterAll(async () => {
  await ours?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** The settings of a client that logs in as `user`. */
function clientFile(user: string): string {
  const file = join(folder, `${user}.properties`)
  const jaas = `${PLAIN_LOGIN_MODULE} required username="${user}" password="${user}-secret";`
  writeFileSync(file, `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=${jaas}\n`)
  return file
}

/** What a tool says, whether it ends well or not. */
const said = (args: readonly string[], input?: string) =>
  kafkaTool([args[0]!, '--bootstrap-server', `127.0.0.1:${ours.port}`, ...args.slice(1)], input).catch(
    ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
  )
const acls = (...args: string[]) => said(['kafka-acls', '--command-config', clientFile('admin'), ...args])
const produce = (value: string, ...settings: string[]) => said(['kafka-console-producer', '--command-config', clientFile('writer'), '--topic', 'team-orders', ...settings], `${value}\n`) // biome-ignore format: one command line
const consume = () => said(['kafka-console-consumer', '--command-config', clientFile('reader'), '--topic', 'team-orders', '--group', 'team-readers', '--from-beginning', '--timeout-ms', '8000']) // biome-ignore format: one command line

test('a producer', async () => {
  await produce('refused')
  expect(ours.broker.logs.get('team-orders', 0)!.highWatermark).toBe(0)
  await acls('--add', '--allow-principal', 'User:writer', '--producer', '--topic', 'team-', '--resource-pattern-type', 'prefixed')
  await produce('written')
  expect(ours.broker.logs.get('team-orders', 0)!.highWatermark).toBe(1)
  expect(await acls('--add', '--allow-principal', 'User:writer', '--producer', '--topic', 'team-', '--idempotent', '--resource-pattern-type', 'prefixed')).toContain('operation=IDEMPOTENT_WRITE') // biome-ignore format: one command line
})

test('a consumer, until it is denied', async () => {
  expect(await consume()).not.toContain('written')
  await acls('--add', '--allow-principal', 'User:reader', '--consumer', '--topic', 'team-orders', '--group', 'team-readers')
  expect(await consume()).toContain('written')
  await acls('--add', '--deny-principal', 'User:reader', '--operation', 'Read', '--topic', 'team-', '--resource-pattern-type', 'prefixed')
  expect(await consume()).not.toContain('written')
})
