/**
 * Goal: Kafka's tools tell a user with few permissions the same about our broker as about Apache Kafka, with the same exit code. Method:
 * each command goes to both, in one JVM, as a user that may do nothing, and as one that may see one topic and one group.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import offsetCommit from '../../core/apis/08-offset-commit.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import { PLAIN_LOGIN_MODULE } from '../secured-listeners.ts'
import { until } from '../until.ts'
import { type AuthorizedPeer, type AuthorizedPeers, type Entry, passwordOf, startAuthorizedPeers } from './authorized-peers.ts'
import { type KafkaTools, kafkaTools, normalized } from './kafka-tools.ts'

// Some tools retry what is denied for as long as a call may take.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const tools = {
  topics: 'org.apache.kafka.tools.TopicCommand',
  configs: 'kafka.admin.ConfigCommand',
  groups: 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  acls: 'org.apache.kafka.tools.AclCommand',
  features: 'org.apache.kafka.tools.FeatureCommand',
  'log-dirs': 'org.apache.kafka.tools.LogDirsCommand',
  quorum: 'org.apache.kafka.tools.MetadataQuorumCommand',
  election: 'org.apache.kafka.tools.LeaderElectionCommand',
} as const
type Tool = keyof typeof tools

const entry = (operation: Entry['operation'], resourceType: Entry['resourceType'], name: string): Entry =>
  ({ permission: 'Allow', operation, resourceType, name }) // biome-ignore format: one line
const users = {
  nobody: [],
  reader: [entry('Read', 'Topic', 'mine'), entry('Read', 'Group', 'mine'), entry('DescribeConfigs', 'Topic', 'mine')],
  owner: [
    entry('All', 'Topic', 'mine'),
    entry('All', 'Group', 'mine'),
    entry('Create', 'Topic', 'new'),
    entry('Describe', 'Cluster', 'kafka-cluster'),
  ],
}
const topics = ['mine', 'theirs']

let peers: AuthorizedPeers
const startTools = await kafkaTools()
let administrator: KafkaTools
const folder = mkdtempSync(join(tmpdir(), 'users-'))

async function prepare({ name, admin }: AuthorizedPeer): Promise<void> {
  const newTopics = topics.map((topic) => ({ name: topic, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }))
  await admin.send(createTopics, 7, { topics: newTopics, validateOnly: false, timeoutMs: 60_000 })
  await until(async () => {
    const { coordinators } = await admin.send(findCoordinator, 4, { keyType: 0, coordinatorKeys: topics })
    return coordinators.every(({ errorCode }) => errorCode === 0)
  }, `${name} has a coordinator`)
  for (const groupId of topics)
    await until(async () => {
      const partitions = [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }]
      const commit = { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics: topics.map((topic) => ({ name: topic, partitions })) }
      const committed = await admin.send(offsetCommit, 8, commit)
      return committed.topics.every((topic) => topic.partitions[0]!.errorCode === 0)
    }, `${groupId} has committed`)
}

beforeAll(async () => {
  peers = await startAuthorizedPeers(users, { 'offsets.topic.num.partitions': '5' })
  await Promise.all([prepare(peers.ours), prepare(peers.kafka)])
  for (const user of Object.keys(users)) {
    const jaas = `${PLAIN_LOGIN_MODULE} required username="${user}" password="${passwordOf(user)}";`
    const lines = ['security.protocol=SASL_PLAINTEXT', 'sasl.mechanism=PLAIN', `sasl.jaas.config=${jaas}`, 'default.api.timeout.ms=10000', 'request.timeout.ms=5000'] // biome-ignore format: a list
    writeFileSync(join(folder, user), `${lines.join('\n')}\n`)
  }
  administrator = startTools()
})
afterAll(async () => {
  await administrator?.end()
  await peers?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const topic = (name: string) => ['--entity-type', 'topics', '--entity-name', name]
const broker = ['--entity-type', 'brokers', '--entity-name', '1']
const NEW_ACL = ['--allow-principal', 'User:reader', '--operation', 'Write', '--topic', 'mine']

const commands: [Tool, ...string[]][] = [
  ['topics', '--list'],
  ['topics', '--describe'],
  ['topics', '--describe', '--topic', 'mine'],
  ['topics', '--describe', '--topic', 'theirs'],
  ['topics', '--create', '--topic', 'new', '--partitions', '1'],
  ['topics', '--create', '--topic', 'another', '--partitions', '1'],
  ['topics', '--alter', '--topic', 'mine', '--partitions', '2'],
  ['topics', '--alter', '--topic', 'theirs', '--partitions', '2'],
  ['topics', '--delete', '--topic', 'theirs'],
  ['configs', '--describe', ...topic('mine')],
  ['configs', '--describe', ...topic('theirs')],
  ['configs', '--alter', ...topic('mine'), '--add-config', 'retention.ms=3600000'],
  ['configs', '--alter', ...topic('theirs'), '--add-config', 'retention.ms=3600000'],
  ['configs', '--describe', ...broker],
  ['configs', '--alter', ...broker, '--add-config', 'log.cleaner.threads=2'],
  ['configs', '--describe', '--entity-type', 'users', '--entity-name', 'alice'],
  ['configs', '--describe', '--entity-type', 'broker-loggers', '--entity-name', '1'],
  ['configs', '--alter', '--entity-type', 'users', '--entity-name', 'alice', '--add-config', 'SCRAM-SHA-256=[password=x]'],
  ['groups', '--list'],
  ['groups', '--describe', '--group', 'mine'],
  ['groups', '--describe', '--group', 'theirs'],
  ['groups', '--describe', '--all-groups'],
  ['groups', '--delete-offsets', '--group', 'mine', '--topic', 'mine', '--topic', 'theirs'],
  ['groups', '--delete-offsets', '--group', 'theirs', '--topic', 'mine'],
  ['groups', '--delete-offsets', '--group', 'nowhere', '--topic', 'mine'],
  ['groups', '--describe', '--group', 'mine', '--offsets'],
  ['groups', '--delete', '--group', 'mine'],
  ['groups', '--delete', '--group', 'theirs'],
  ['acls', '--list'],
  ['acls', '--add', ...NEW_ACL],
  ['acls', '--remove', '--force', ...NEW_ACL],
  ['features', 'upgrade', '--feature', 'transaction.version=2'],
  ['log-dirs', '--describe', '--topic-list', 'mine'],
  ['quorum', 'describe', '--status'],
  ['election', '--election-type', 'preferred', '--topic', 'mine', '--partition', '0'],
]

/** Kafka names the objects of its own process; the metadata logs differ in length, and in whether the voters have directories. */
const withoutNames = (text: string): string =>
  text
    .replace(/Request .*? needs/g, 'The request needs')
    .replace(/(HighWatermark: +)\d+/, '$1N')
    .replace(/"directoryId": "[\w-]+", /g, '')

describe.each(Object.keys(users))('%s', (user) => {
  test.each(commands.map(([tool, ...args]) => ({ title: [tool, ...args].join(' '), tool, args })))('$title', async ({ tool, args }) => {
    const config = tool === 'election' ? '--admin.config' : '--command-config'
    const ask = async (peer: AuthorizedPeer) => {
      const connection = ['--bootstrap-server', peer.address, config, join(folder, user)]
      const { code, text } = normalized(await administrator.run([tools[tool], ...connection, ...args]), peer)
      return { code, text: withoutNames(text) }
    }
    const [mine, theirs] = [await ask(peers.ours), await ask(peers.kafka)]
    expect(mine).toEqual(theirs)
  })
})
