/**
 * Goal: an operator's tools say the same about our broker as about Apache Kafka, with the same exit code, also where they fail. Method:
 * each command goes to both, in one JVM; what must differ (addresses, ids, times, offsets of the metadata log) is replaced by its name.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestBroker } from '../running-broker.ts'
import { ABSENT_FEATURES, startApacheKafka } from './apache-kafka.ts'
import { type KafkaTools, kafkaTools, normalized, type Outcome } from './kafka-tools.ts'

const tools = {
  topics: 'org.apache.kafka.tools.TopicCommand',
  configs: 'kafka.admin.ConfigCommand',
  features: 'org.apache.kafka.tools.FeatureCommand',
  'log-dirs': 'org.apache.kafka.tools.LogDirsCommand',
  cluster: 'org.apache.kafka.tools.ClusterTool',
  quorum: 'org.apache.kafka.tools.MetadataQuorumCommand',
} as const
type Tool = keyof typeof tools

interface Server {
  readonly address: string
  readonly port: number
  readonly dir: string
  stop(): Promise<void>
}

const startTools = await kafkaTools()
let kafka: Server
let ours: Server
let javaTools: KafkaTools
const run = (command: readonly string[]) => javaTools.run(command)

beforeAll(async () => {
  kafka = await startApacheKafka({}, ABSENT_FEATURES)
  ours = await startTestBroker({ 'offsets.topic.num.partitions': 5 })
  javaTools = startTools()
}, 120_000)
afterAll(async () => {
  await javaTools?.end()
  await Promise.all([kafka?.stop(), ours?.stop()])
})

async function both(tool: Tool, args: readonly string[], change: (text: string) => string = (text) => text): Promise<[Outcome, Outcome]> {
  const ask = async (server: Server) => {
    const connection = tool === 'cluster' ? [args[0]!, '--bootstrap-server', server.address, ...args.slice(1)] : ['--bootstrap-server', server.address, ...args] // biome-ignore format: the subcommand of kafka-cluster comes first
    const outcome = normalized(await run([tools[tool], ...connection]), server)
    return { ...outcome, text: change(outcome.text) }
  }
  return [await ask(kafka), await ask(ours)]
}

const topic = ['--entity-type', 'topics', '--entity-name', 'rivers']
const brokers = ['--entity-type', 'brokers']
const [group, metrics] = [
  ['--entity-type', 'groups', '--entity-name', 'readers'],
  ['--entity-type', 'client-metrics', '--entity-name', 'all'],
]

const commands: [Tool, ...string[]][] = [
  ['topics', '--create', '--topic', 'rivers', '--partitions', '3', '--config', 'retention.ms=3600000'],
  ['topics', '--create', '--topic', 'rivers'],
  ['topics', '--create', '--topic', 'rivers', '--if-not-exists'],
  ['topics', '--create', '--topic', 'far', '--replication-factor', '3'],
  ['topics', '--create', '--topic', 'bad name'],
  ['topics', '--create', '--topic', 'none', '--partitions', '0'],
  ['topics', '--create', '--topic', 'bad', '--config', 'retention.ms=soon'],
  ['topics', '--create', '--topic', 'bad', '--config', 'nonsense=1'],
  ['topics', '--create', '--topic', 'placed', '--replica-assignment', '1,1'],
  ['topics', '--create', '--topic', 'placed', '--replica-assignment', '2'],
  ['topics', '--list'],
  ['topics', '--describe'],
  ['topics', '--describe', '--topic', 'rivers'],
  ['topics', '--describe', '--topic', 'absent'],
  ['topics', '--describe', '--unavailable-partitions'],
  ['topics', '--describe', '--topics-with-overrides'],
  ['topics', '--alter', '--topic', 'rivers', '--partitions', '2'],
  ['topics', '--alter', '--topic', 'rivers', '--partitions', '5'],
  ['topics', '--alter', '--topic', 'absent', '--partitions', '5'],
  ['topics', '--delete', '--topic', 'absent'],
  ['topics', '--delete', '--topic', 'placed'],

  ['configs', '--alter', ...topic, '--add-config', 'segment.bytes=1048576,cleanup.policy=[compact,delete]'],
  ['configs', '--describe', ...topic],
  ['configs', '--alter', ...topic, '--add-config', 'segment.bytes=few'],
  ['configs', '--alter', ...topic, '--add-config', 'nonsense=1'],
  ['configs', '--alter', ...topic, '--delete-config', 'retention.ms'],
  ['configs', '--alter', ...topic, '--delete-config', 'nonsense'],
  ['configs', '--describe', ...topic],
  ['configs', '--describe', '--all', ...topic],
  ['configs', '--describe', '--entity-type', 'topics', '--entity-name', 'absent'],
  ['configs', '--describe', '--all', '--entity-type', 'topics', '--entity-name', 'absent'],
  ['configs', '--alter', '--entity-type', 'topics', '--entity-name', 'absent', '--add-config', 'retention.ms=1'],
  ['configs', '--alter', ...brokers, '--entity-default', '--add-config', 'log.retention.ms=7200000'],
  ['configs', '--alter', ...brokers, '--entity-name', '1', '--add-config', 'log.cleaner.threads=2'],
  ['configs', '--describe', ...brokers, '--entity-default'],
  ['configs', '--describe', ...brokers, '--entity-name', '1'],
  ['configs', '--alter', ...brokers, '--entity-name', '1', '--add-config', 'log.cleaner.threads=many'],
  ['configs', '--alter', ...brokers, '--entity-name', '1', '--add-config', 'num.partitions=4'],
  ['configs', '--describe', ...brokers, '--entity-name', '9'],
  ['configs', '--alter', ...brokers, '--entity-default', '--delete-config', 'log.retention.ms'],
  ['configs', '--alter', ...group, '--add-config', 'consumer.session.timeout.ms=50000'],
  ['configs', '--alter', ...group, '--add-config', 'consumer.session.timeout.ms=1'],
  ['configs', '--alter', ...group, '--add-config', 'nonsense=1'],
  ['configs', '--describe', ...group],
  ['configs', '--alter', ...metrics, '--add-config', 'match=[client_id=a.*],interval.ms=1000'],
  ['configs', '--alter', ...metrics, '--add-config', 'interval.ms=1'],
  ['configs', '--describe', ...metrics],

  ['features', 'upgrade', '--feature', 'transaction.version=9'],
  ['features', 'upgrade', '--feature', 'nonsense=1'],
  ['features', 'downgrade', '--feature', 'transaction.version=1'],
  ['features', 'upgrade', '--feature', 'transaction.version=2', '--dry-run'],
  ['features', 'upgrade', '--feature', 'transaction.version=2'],

  ['log-dirs', '--describe', '--topic-list', 'rivers'],
  ['log-dirs', '--describe', '--topic-list', 'rivers', '--broker-list', '9'],
  ['log-dirs', '--describe', '--topic-list', 'absent'],

  ['cluster', 'cluster-id'],
  ['cluster', 'list-endpoints'],
  ['cluster', 'list-endpoints', '--include-fenced-brokers'],
  ['cluster', 'unregister', '--id', '9'],
]

test.each(commands.map(([tool, ...args]) => ({ title: [tool, ...args].join(' '), tool, args })))('$title', async ({ tool, args }) => {
  const [theirs, mine] = await both(tool, args)
  expect(mine).toEqual(theirs)
})

const OFFSET_AND_TIMES = /^(\d+\s+\S+\s+)\d+(\s+\d+\s+)\d+(\s+)\d+/m
const NUMBERS = /((?:Epoch|HighWatermark|MaxFollowerLag|MaxFollowerLagTimeMs|Offset|Timestamp)\s*:?\s*)-?\d+/g

test('quorum describe --status', async () => {
  const [theirs, mine] = await both('quorum', ['describe', '--status'], (text) => text.replace(NUMBERS, '$1N'))
  expect(mine).toEqual(theirs)
  expect(mine.text).toMatch(/LeaderId:\s+1\n.*CurrentVoters:/s)
})

test('quorum describe --replication', async () => {
  // One row for the leader: its id and directory, then offsets and times, and its role.
  const [theirs, mine] = await both('quorum', ['describe', '--replication'], (text) =>
    text.replace(/ +/g, ' ').replace(OFFSET_AND_TIMES, '$1N$2N$3N'),
  )
  expect(mine).toEqual(theirs)
})

test('features describe, of the features that both have', async () => {
  const common = /Feature: (?:kraft|metadata|transaction)\.version/
  const [theirs, mine] = await both('features', ['describe'], (text) =>
    text
      .split('\n')
      .filter((line) => common.test(line))
      .map((line) => line.replace(/Epoch: \d+/, 'Epoch: N'))
      .join('\n'),
  )
  expect(mine).toEqual(theirs)
  expect(mine.text.split('\n')).toHaveLength(3)
})
