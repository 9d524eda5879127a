/**
 * Goal: the registry on Apache Kafka: it creates its topic, elects its leader, and stores records that Kafka's own tools read. Method: two
 * instances on a real broker; kafka-console-consumer and kafka-topics of Apache Kafka.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ownRegistry, type RegistriesInProcess, registriesInProcess } from '../registry-in-process.ts'
import { until } from '../until.ts'
import { type KafkaBroker, kafkaTool, startApacheKafka } from './apache-kafka.ts'

let kafka: KafkaBroker
let registries: RegistriesInProcess
beforeAll(async () => {
  kafka = await startApacheKafka({ 'group.initial.rebalance.delay.ms': 0, 'offsets.topic.num.partitions': 1 })
  registries = await registriesInProcess()
}, 120_000)
afterAll(async () => {
  await registries.stop()
  await kafka.stop()
})

test('it works on Apache Kafka as on ours, and leads on when an instance leaves', async () => {
  const address = `127.0.0.1:${kafka.port}`
  const settings: Readonly<Record<string, string>> = { ...ownRegistry('kafka'), 'kafkastore.bootstrap.servers': `PLAINTEXT://${address}` }
  const instances = [await registries.start(settings), await registries.start(settings)]
  await until(() => instances.some(({ registry }) => registry.leads), 'one instance leads')
  const schema = (name: string) => ({ schema: JSON.stringify({ type: 'record', name, fields: [] }) })
  for (const [index, instance] of instances.entries())
    expect((await instance.send('POST', `/subjects/s${index}/versions`, schema(`S${index}`))).body).toMatchObject({ id: index + 1 })
  const topic = settings['kafkastore.topic']!
  const consumed = await kafkaTool(
    ['kafka-console-consumer', '--bootstrap-server', address, '--topic', topic, '--from-beginning', '--timeout-ms', '5000'].concat([
      '--formatter-property',
      'print.key=true',
    ]),
  )
  expect(consumed).toContain(
    '{"keytype":"SCHEMA","subject":"s0","version":1,"magic":1}\t{"subject":"s0","version":1,"id":1,"schema":"{\\"type\\":\\"record\\",\\"name\\":\\"S0\\",\\"fields\\":[]}","deleted":false}',
  )
  expect(await kafkaTool(['kafka-topics', '--bootstrap-server', address, '--describe', '--topic', topic])).toMatch(
    /PartitionCount: 1\s+ReplicationFactor: 1\s+Configs:.*cleanup\.policy=compact/,
  )
  const leader = instances.find(({ registry }) => registry.leads)!
  const other = instances.find((one) => one !== leader)!
  await leader.close()
  await until(() => other.registry.leads, 'the other instance leads', 30_000)
  expect((await other.send('POST', '/subjects/s2/versions', schema('S2'))).body).toMatchObject({ id: 3 })
}, 120_000)
