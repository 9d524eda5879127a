/**
 * Goal: Java's clients work with our authorization with the permissions that they need with Apache Kafka, and fail with Kafka's sentences
 * without them. Method: Kafka's tools as users of PLAIN, each with a few entries; only a super user has more.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import createAcls from '../../core/apis/30-create-acls.ts'
import { patternTypes, permissionTypes } from '../../core/security/acl/acl.ts'
import { aclOperations, resourceTypes } from '../../core/security/authorizer.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { PLAIN_LOGIN_MODULE } from '../secured-listeners.ts'
import { kafkaScript } from './apache-kafka.ts'

// Each tool starts a JVM.
vi.setConfig({ testTimeout: 240_000 })

type Permission = readonly [operation: keyof typeof aclOperations, type: keyof typeof resourceTypes, name: string]

const permissions: Readonly<Record<string, readonly Permission[]>> = {
  writer: [['Write', 'Topic', 'orders']],
  reader: [['Read', 'Topic', 'orders'], ['Read', 'Group', 'readers']], // biome-ignore format: one line for a user
  payer: [['Write', 'Topic', 'orders'], ['Write', 'TransactionalId', 'payments']], // biome-ignore format: one line for a user
  stranger: [],
}

const folder = mkdtempSync(join(tmpdir(), 'authorization-clients-'))
let running: BrokerInProcess
beforeAll(async () => {
  const users = Object.keys(permissions)
  running = await brokerInProcess({
    listeners: 'PLAINTEXT://127.0.0.1:0,SASL://127.0.0.1:0',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl.plain.sasl.jaas.config': `${PLAIN_LOGIN_MODULE} required ${users.map((user) => `user_${user}="secret"`).join(' ')};`,
  })
  await running.broker.cluster.createTopic({ name: 'orders', partitions: 1, replicationFactor: 1 })
  const admin = await running.client()
  const creations = users.flatMap((user) =>
    permissions[user]!.map(([operation, type, resourceName]) => ({
      ...{ resourceType: resourceTypes[type], resourceName, resourcePatternType: patternTypes.LITERAL },
      ...{ principal: `User:${user}`, host: '*', operation: aclOperations[operation], permissionType: permissionTypes.ALLOW },
    })),
  )
  const { results } = await admin.send(createAcls, 3, { creations })
  expect(results.filter(({ errorCode }) => errorCode !== 0)).toEqual([])
  for (const user of users)
    writeFileSync(
      configOf(user),
      [
        'security.protocol=SASL_PLAINTEXT',
        'sasl.mechanism=PLAIN',
        `sasl.jaas.config=${PLAIN_LOGIN_MODULE} required username="${user}" password="secret";`,
      ].join('\n'),
    )
})
afterAll(async () => {
  await running?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const configOf = (user: string) => join(folder, `${user}.properties`)

/** All that the tool prints: some of them fail and exit with 0. */
async function as(user: string, name: string, args: readonly string[], input = ''): Promise<string> {
  const address = `127.0.0.1:${running.broker.addresses[1]!.port}`
  const options = { env: { ...process.env, KAFKA_HEAP_OPTS: '-Xmx256m -Xms128m' }, timeout: 60_000 }
  const run = promisify(execFile)(
    kafkaScript(),
    [name, '--bootstrap-server', address, '--command-config', configOf(user), ...args],
    options,
  )
  run.child.stdin!.end(input)
  const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error)
  return stdout + stderr
}

test('an idempotent producer needs Write on its topic, and a consumer Read on topic and group', async () => {
  await as('writer', 'kafka-console-producer', ['--topic', 'orders'], 'one\ntwo\n')
  const consume = ['--topic', 'orders', '--from-beginning', '--max-messages', '2', '--timeout-ms', '20000']
  expect(await as('reader', 'kafka-console-consumer', [...consume, '--group', 'readers'])).toMatch(/^one\ntwo\n/)
})

test('a producer and a consumer without them', async () => {
  const consume = (topic: string, group: string) => ['--topic', topic, '--group', group, '--from-beginning', '--timeout-ms', '10000']
  const send = ['--topic', 'orders', '--max-messages', '1']
  expect(await as('stranger', 'kafka-verifiable-producer', send)).toContain('Not authorized to access topics: [orders]')
  expect(await as('reader', 'kafka-console-consumer', consume('orders', 'others'))).toContain('Not authorized to access group: others')
  expect(await as('writer', 'kafka-console-consumer', consume('orders', 'readers'))).toContain('Not authorized to access group: readers')
})

test('a transactional producer needs Write on its transactional id as well', async () => {
  const perform = (id: string) => {
    const load = ['--topic', 'orders', '--num-records', '20', '--record-size', '10', '--throughput', '-1']
    return [...load, '--transactional-id', id, '--transaction-duration-ms', '1000']
  }
  expect(await as('payer', 'kafka-producer-perf-test', perform('payments'))).toContain('20 records sent')
  expect(await as('payer', 'kafka-producer-perf-test', perform('others'))).toContain('Transactional Id authorization failed')
})
