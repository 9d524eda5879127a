/**
 * Goal: two flows into one topic of the target (identity policy, aggregation) warn once for each partition that another producer writes to,
 * read nothing back for it, and keep every offset exact. Method: three of our own brokers, two writers at once in small batches; the
 * warnings are counted, and translated offsets are compared with the target.
 */
import { expect, onTestFinished, test } from 'vitest'
import { startMirrors } from '../../mirror/index.ts'
import { keepingLogger, type LogLine } from '../broker-in-process.ts'
import { createTopic, ourCluster, quietSystem, readAll, write } from '../mirror/clusters.ts'
import { until } from '../until.ts'

const ROUNDS = 30
const EACH = 100

test('records of the other flow are warned of once for a partition, and translated offsets are exact', async () => {
  const [us, eu, central] = await Promise.all([ourCluster(), ourCluster(), ourCluster()])
  const lines: LogLine[] = []
  for (const source of [us, eu]) await createTopic(source, 't')
  const mirror = await startMirrors(
    {
      clusters: 'us, eu, central',
      'us.bootstrap.servers': us.address,
      'eu.bootstrap.servers': eu.address,
      'central.bootstrap.servers': central.address,
      'us->central.enabled': 'true',
      'eu->central.enabled': 'true',
      topics: 't',
      'replication.policy.class': 'IdentityReplicationPolicy',
      'emit.heartbeats.enabled': 'false',
    },
    { ...quietSystem(), logger: keepingLogger(lines) },
  )
  onTestFinished(() => mirror.close())
  const writeRounds = async (cluster: typeof us, base: number) => {
    for (let round = 0; round < ROUNDS; round++) await write(cluster, 't', EACH, { from: base + round * EACH })
  }
  await Promise.all([writeRounds(us, 0), writeRounds(eu, 1_000_000)])
  const flows = ['us->central', 'eu->central']
  await until(
    () => flows.every((name) => mirror.status(name).partitions[0]?.sourceOffset === ROUNDS * EACH),
    'both flows have mirrored everything',
    40_000,
  )
  const { records } = await readAll(central, 't')
  expect(records).toHaveLength(2 * ROUNDS * EACH)
  const targetOffsets = new Map(records.map(({ key, offset }) => [key, offset]))
  for (const [index, source] of [us, eu].entries()) {
    const own = (await readAll(source, 't')).records
    for (const { key, offset } of own.filter((_, i) => i % 97 === 0)) {
      await source.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset }])
      const report = await mirror.failover(flows[index]!, { groups: ['g'], dryRun: true })
      const { targetOffset } = report.groups[0]!.partitions[0]!
      // Only records of the other flow may lie between the two.
      expect(targetOffset).toBeLessThanOrEqual(targetOffsets.get(key)!)
      const before = own[offset - 1]
      if (before) expect(targetOffset).toBeGreaterThan(targetOffsets.get(before.key)!)
    }
  }
  const warnings = lines.filter(({ level, message }) => level === 'warn' && message.includes('that this mirror did not write'))
  expect(warnings.length).toBeGreaterThan(0)
  expect(warnings.length).toBeLessThanOrEqual(flows.length)
  for (const name of flows) expect(mirror.status(name)).toMatchObject({ state: 'RUNNING', lostRecords: 0, repeatedRecords: 0 })
})
