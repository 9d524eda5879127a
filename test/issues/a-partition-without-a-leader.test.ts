/**
 * Goal: a partition that has no leader (its broker is offline) when a mirror starts does not keep the other partitions from being mirrored; it
 * is mirrored when it has a leader, and until then the lag is unknown. Method: two of our own brokers; a proxy in front of the source changes
 * the leader of one partition in its Metadata responses to what a cluster with an offline broker returns.
 */
import { expect, onTestFinished, test } from 'vitest'
import { errorCode } from '../../core/errors.ts'
import { faultProxy } from '../fault-proxy.ts'
import { caughtUp, content, createTopic, mirrorOf, ourCluster, properties, readAll, write } from '../mirror/clusters.ts'
import { until } from '../until.ts'

const PARTITIONS = 3
/** Of a partition with one replica in a flexible Metadata response. */
const PARTITION_BYTES = 26

/** Where the partitions of the one-letter topic stand in a Metadata response; -1 where it is another response. */
function partitionsAt(response: Buffer, topic: string): number {
  const name = Buffer.from([topic.length + 1, ...Buffer.from(topic)])
  for (let at = response.indexOf(name); at >= 0; at = response.indexOf(name, at + 1)) {
    // The name is followed by the id, "internal", and the count of partitions plus one.
    const count = at + name.length + 16 + 1
    const last = count + 1 + PARTITIONS * PARTITION_BYTES
    if (response[count - 1] !== 0 || response[count] !== PARTITIONS + 1 || last > response.length) continue
    const indexes = Array.from({ length: PARTITIONS }, (_, i) => response.readInt32BE(count + 1 + i * PARTITION_BYTES + 2))
    if (indexes.every((index) => index >= 0 && index < PARTITIONS)) return count + 1
  }
  return -1
}

function removeLeader(response: Buffer, topic: string, partition: number): boolean {
  const start = partitionsAt(response, topic)
  for (let at = start; start >= 0 && at < start + PARTITIONS * PARTITION_BYTES; at += PARTITION_BYTES) {
    if (response.readInt32BE(at + 2) !== partition) continue
    response.writeInt16BE(errorCode('LEADER_NOT_AVAILABLE'), at)
    response.writeInt32BE(-1, at + 6)
    return true
  }
  return false
}

test('the other partitions are mirrored, and it follows', async () => {
  const proxy = await faultProxy(0)
  onTestFinished(() => proxy.close())
  const [us, central] = await Promise.all([ourCluster({ 'advertised.listeners': `PLAINTEXT://${proxy.address}` }), ourCluster()])
  proxy.target = us.broker.port
  await createTopic(us, 't', PARTITIONS)
  await write(us, 't', 90, { partitions: PARTITIONS })
  let changed = 0
  proxy.answers = (chunk) => {
    if (removeLeader(chunk, 't', 1)) changed++
    return { pass: chunk.length, cut: false }
  }
  const mirror = await mirrorOf(properties({ ...us, address: proxy.address }, central, { 'us->central.topics': 't' }))
  const status = () => mirror.status('us->central')
  await caughtUp(mirror, 'us->central', 60)
  expect(changed).toBeGreaterThan(0)
  const mirrored = status().partitions.filter((each) => each.topic === 't')
  expect(mirrored.map((each) => [each.partition, each.targetEndOffset])).toEqual([
    [0, 30],
    [2, 30],
  ])
  expect(status().lagMs).toBeNull()
  proxy.answers = null
  await caughtUp(mirror, 'us->central', 90)
  await until(() => status().lagMs === 0, 'the lag is known', 20_000)
  for (const partition of [0, 1, 2])
    expect(content((await readAll(central, 'us.t', partition)).records)).toEqual(content((await readAll(us, 't', partition)).records))
})
