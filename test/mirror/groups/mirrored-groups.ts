/**
 * A flow between two brokers of ours on which groups can commit, and what there is of groups on the target: checkpoints and commits.
 */
import { realClock } from '../../../core/system/clock.ts'
import { realRandom } from '../../../core/system/random.ts'
import { type Checkpoint, decodeCheckpoint } from '../../../mirror/store/mm2-records.ts'
import { scanRecords } from '../../../mirror/store/topic-scan.ts'
import { type Cluster, caughtUp, createTopic, mirrorOf, ourCluster, properties, write } from '../clusters.ts'

const quick = { 'emit.checkpoints.interval.seconds': '1', 'sync.group.offsets.interval.seconds': '1' }

export async function checkpoints(central: Cluster): Promise<Map<string, Checkpoint>> {
  const found = new Map<string, Checkpoint>()
  const scan = { client: central.client, clock: realClock, random: realRandom, signal: new AbortController().signal }
  await scanRecords(scan, 'us.checkpoints.internal', 0, ({ key, value }) => {
    const checkpoint = decodeCheckpoint(key!, value!)
    found.set(`${checkpoint.group}/${checkpoint.topic}/${checkpoint.partition}`, checkpoint)
  })
  return found
}

export const committed = async (cluster: Cluster, group: string): Promise<Record<string, number>> =>
  Object.fromEntries((await cluster.client.admin.groupOffsets(group)).map((each) => [`${each.topic}/${each.partition}`, each.offset]))

/** A flow of topic `t` whose target offsets of partition 0 are 40 lower: the first 40 records were deleted before the mirror started. */
export async function mirroredPair(more: Record<string, string>) {
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  await createTopic(us, 't', 2)
  await write(us, 't', 200, { partitions: 2 })
  await us.client.admin.deleteRecords([{ topic: 't', partition: 0, offset: 40 }])
  const given = properties(us, central, { 'us->central.topics': 't', ...quick, ...more })
  const mirror = await mirrorOf(given)
  await caughtUp(mirror, 'us->central', 160)
  return { us, central, mirror, given }
}
