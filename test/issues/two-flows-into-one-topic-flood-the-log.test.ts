/**
 * Goal: two sources that share a topic of the target (the identity policy, aggregation) cost what they carry: each is told once for a
 * partition that somebody else writes there, nothing is read back for it, and every offset is exact. Method: three of our own brokers, two
 * writers at once in small batches; the flows' lines are counted, and translated offsets are looked up on the target.
 */
import { expect, onTestFinished, test } from 'vitest'
import type { Logger } from '../../core/system/logger.ts'
import { startMirrors } from '../../mirror/index.ts'
import { connectTo, createTopic, ourCluster, quietSystem, readAll, write } from '../mirror/clusters.ts'
import { until } from '../until.ts'

const ROUNDS = 30
const EACH = 100

test('records of another flow in between are told once for a partition, and the offsets go around them', async () => {
  const [us, eu, central] = await Promise.all([ourCluster(), ourCluster(), ourCluster()])
  const lines: string[] = []
  const keep = (_: object, message: string) => void lines.push(message)
  const logger: Logger = { error: keep, warn: keep, info: () => {}, debug: () => {}, child: () => logger }
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
    { ...quietSystem(), logger },
  )
  onTestFinished(() => mirror.close())
  const writing = (cluster: typeof us, base: number) => async () => {
    for (let round = 0; round < ROUNDS; round++) await write(cluster, 't', EACH, { from: base + round * EACH })
  }
  await Promise.all([writing(us, 0)(), writing(eu, 1_000_000)()])
  const flows = ['us->central', 'eu->central']
  await until(
    () => flows.every((name) => mirror.status(name).partitions[0]?.sourceOffset === ROUNDS * EACH),
    'both have mirrored all of it',
    40_000,
  )
  const { records } = await readAll(connectTo(central.address), 't')
  expect(records).toHaveLength(2 * ROUNDS * EACH)
  for (const [index, source] of [us, eu].entries()) {
    const own = (await readAll(source, 't')).records
    const there = new Map(records.map(({ key, offset }) => [key, offset]))
    const asked = own.filter((_, i) => i % 97 === 0)
    for (const { key, offset } of asked) {
      await source.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset }])
      const report = await mirror.failover(flows[index]!, { groups: ['g'], dryRun: true })
      const { targetOffset } = report.groups[0]!.partitions[0]!
      // between the two stand records of the other flow only
      expect(targetOffset).toBeLessThanOrEqual(there.get(key)!)
      const before = own[offset - 1]
      if (before) expect(targetOffset).toBeGreaterThan(there.get(before.key)!)
    }
  }
  const told = lines.filter((line) => line.includes('that this mirror did not write'))
  expect(told.length).toBeGreaterThan(0)
  expect(told.length).toBeLessThanOrEqual(2)
  for (const name of flows) expect(mirror.status(name)).toMatchObject({ state: 'RUNNING', lostRecords: 0, repeatedRecords: 0 })
})
