/**
 * The failover of a flow: asks the source for its last commits and end offsets, then moves each group to the target. Where the source does
 * not respond in time, it uses what was observed last.
 */
import type { Client } from '../../core/client/index.ts'
import type { System } from '../../core/system/index.ts'
import type { Logger } from '../../core/system/logger.ts'
import { within } from '../../core/system/within.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import { failOverGroup } from '../groups/failover.ts'
import type { GroupSync } from '../groups/group-sync.ts'
import type { MappedPartition } from '../groups/offset-translation.ts'
import type { PartitionProgress } from '../transfer/partition-progress.ts'
import type { FailoverReport } from '../types.ts'

export interface FlowFailoverOptions {
  /** Of the flow, for the log. */
  name: string
  groups: readonly string[] | 'all'
  dryRun: boolean
  target: Client
  groupSync: GroupSync
  /** Partitions that the source has. */
  partitions: readonly PartitionProgress[]
  mapped(topic: string, partition: number): MappedPartition | undefined
  observeSourceEnds(partitions: readonly PartitionProgress[]): Promise<void>
  /** How long the source may take. */
  sourceTimeoutMs: number
  system: Pick<System, 'clock'>
  logger: Logger
  signal: AbortSignal
}

export async function failOverFlow(options: FlowFailoverOptions): Promise<Omit<FailoverReport, 'mirror' | 'durationMs'>> {
  const { groups, dryRun, target, groupSync, mapped } = options
  const sourceEnds = await readSource(options)
  const reports: FailoverReport['groups'] = []
  for (const group of groups === 'all' ? mirroredGroups(options) : groups) {
    const report = await failOverGroup({
      target,
      group,
      commits: groupSync.sourceCommits.get(group)?.values() ?? [],
      mapped,
      sourceEnd: (topic, partition) => sourceEnds?.get(partitionKey({ topic, partition })) ?? null,
      checkpoint: (topic, partition) => {
        const last = groupSync.checkpoint(group, topic, partition)
        return last && { targetTopic: last.topic, downstreamOffset: last.downstreamOffset }
      },
      dryRun,
    })
    reports.push(report)
  }
  return { dryRun, sourceReachable: sourceEnds !== null, groups: reports }
}

/** Reads the commits and the end offsets of the source; null where it does not respond in time. */
async function readSource(options: FlowFailoverOptions): Promise<Map<string, number> | null> {
  const { name, groupSync, partitions, observeSourceEnds, sourceTimeoutMs, system, logger, signal } = options
  let sourceEnds: Map<string, number> | null = null
  let failure: unknown = new Error(`no response within ${sourceTimeoutMs} ms`)
  const read = async () => {
    try {
      await groupSync.pollCommits({ refreshGroups: true })
      if (partitions.length > 0) await observeSourceEnds(partitions)
      sourceEnds = new Map(partitions.map((partition) => [partitionKey(partition), partition.lag.endOffset]))
    } catch (error) {
      failure = error
    }
  }
  await within(system.clock, sourceTimeoutMs, read(), signal)
  if (!sourceEnds) logger.warn({ mirror: name, err: failure }, 'the source does not respond: the failover uses the commits last observed')
  return sourceEnds
}

/** Groups that have committed an offset of a mirrored partition. */
function mirroredGroups({ groupSync, mapped }: FlowFailoverOptions): string[] {
  return [...groupSync.sourceCommits]
    .filter(([group, commits]) =>
      [...commits.values()].some(({ topic, partition }) => mapped(topic, partition) ?? groupSync.checkpoint(group, topic, partition)),
    )
    .map(([group]) => group)
    .sort()
}
