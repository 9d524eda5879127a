/**
 * A started flow: two of our brokers `us` and `central`, a topic `t` with records at `us`, and the mirror us->central running and caught up
 * with them. Most stories of the mirror begin here.
 */
import { expect } from 'vitest'
import type { MirrorService, PartitionLag } from '../../mirror/index.ts'
import { until } from '../until.ts'
import { type Cluster, caughtUp, content, createTopic, mirrorOf, ourCluster, properties, readAll, write } from './clusters.ts'

export type OurCluster = Awaited<ReturnType<typeof ourCluster>>

export interface TwoClusters {
  us: OurCluster
  central: OurCluster
}

export interface StartedFlow extends TwoClusters {
  /** What the mirror was started with: `mirrorOf(given)` starts it again. */
  given: Record<string, string>
  mirror: MirrorService
}

export async function twoClusters(): Promise<TwoClusters> {
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  return { us, central }
}

/** `us` with `records` records in the `partitions` partitions of topic `t`, and nothing started yet. */
export async function clustersWithTopic({ partitions = 1, records = 10 } = {}): Promise<TwoClusters> {
  const { us, central } = await twoClusters()
  await createTopic(us, 't', partitions)
  if (records > 0) await write(us, 't', records, { partitions })
  return { us, central }
}

/** The settings of a flow of topic `t` alone, without heartbeats, so that every record on the way is a record of the test. */
export const flowOfTopic = ({ us, central }: TwoClusters, more: Readonly<Record<string, string>> = {}): Record<string, string> =>
  properties(us, central, { 'us->central.topics': 't', 'emit.heartbeats.enabled': 'false', ...more })

export async function startedFlow(
  options: { partitions?: number; records?: number; settings?: Readonly<Record<string, string>> } = {},
): Promise<StartedFlow> {
  const clusters = await clustersWithTopic(options)
  const given = flowOfTopic(clusters, options.settings)
  const mirror = await mirrorOf(given)
  await caughtUp(mirror, 'us->central', options.records ?? 10)
  return { ...clusters, given, mirror }
}

/** Deletes a topic and creates one of the same name: another topic id, and offsets from 0. */
export async function recreateTopic(cluster: Cluster, name: string, partitions = 1): Promise<void> {
  await cluster.client.admin.deleteTopics([name])
  await until(async () => (await cluster.client.topic(name, { refresh: true })) === undefined, `${name} is deleted`)
  await createTopic(cluster, name, partitions)
}

/** What the flow us->central says of a partition of topic `t`. */
export const partitionOf = (mirror: MirrorService, partition = 0): PartitionLag | undefined =>
  mirror.status('us->central').partitions.find((each) => each.topic === 't' && each.partition === partition)

/** Expects the same records in the same order on both sides. */
export async function expectSameRecords({ us, central }: TwoClusters, partitions = 1): Promise<void> {
  for (let partition = 0; partition < partitions; partition++) {
    const [source, target] = await Promise.all([readAll(us, 't', partition), readAll(central, 'us.t', partition)])
    expect(content(target.records), `partition ${partition}`).toEqual(content(source.records))
  }
}
