/**
 * Goal: a partition that has no leader (its broker is down) when a mirror starts does not keep all the others from flowing; it follows when it
 * has one, and until then the lag is not said to be known. Method: two of our own brokers; the flow is told by its own view of the source that
 * one partition has no leader, as a cluster of several brokers would.
 */
import { expect, onTestFinished, test } from 'vitest'
import { FlowSupervisor } from '../../mirror/flow/flow-supervisor.ts'
import { TopicSync } from '../../mirror/flow/topic-sync.ts'
import { mirrorMetrics } from '../../mirror/metrics.ts'
import { parseMirrorSettings, routeOf } from '../../mirror/settings/mm2-properties.ts'
import { content, createTopic, ourCluster, properties, quietSystem, readAll, write } from '../mirror/clusters.ts'
import { until } from '../until.ts'

test('the others flow, and it follows', async () => {
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  await createTopic(us, 't', 3)
  await write(us, 't', 90, { partitions: 3 })
  let down = true
  const { wanted } = TopicSync.prototype
  TopicSync.prototype.wanted = async function (this: TopicSync) {
    const topics = await wanted.call(this)
    return topics.map(({ source, targetName }) => ({
      targetName,
      source: { ...source, partitions: source.partitions.map((each) => (down && each.index === 1 ? { ...each, leader: -1 } : each)) },
    }))
  }
  onTestFinished(() => {
    TopicSync.prototype.wanted = wanted
  })
  const system = quietSystem()
  const settings = parseMirrorSettings(properties(us, central, { 'us->central.topics': 't' })).flows[0]!
  const metrics = mirrorMetrics(system.metrics, system.clock)
  const pair = new FlowSupervisor({ settings, routes: [routeOf(settings)], system, logger: system.logger, instance: 'one', metrics })
  onTestFinished(() => pair.close())
  pair.start()
  await until(() => pair.status().partitions.every((each) => each.lagRecords === 0) && pair.status().state === 'RUNNING', 'the others flow')
  expect(pair.status().partitions.map((each) => [each.partition, each.targetEndOffset])).toEqual([
    [0, 30],
    [2, 30],
  ])
  expect(pair.status().lagMs).toBeNull()
  down = false
  await until(() => pair.status().lagMs === 0 && pair.status().partitions.length === 3, 'it follows', 20_000)
  for (const partition of [0, 1, 2])
    expect(content((await readAll(central, 'us.t', partition)).records)).toEqual(content((await readAll(us, 't', partition)).records))
})
