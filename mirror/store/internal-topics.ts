/**
 * Creates the internal topics of the mirror: compacted, with the replication factor that the user has set, or else with the default, but
 * not more replicas than the cluster has brokers.
 */
import { awaitTopicLeaders, type Client, createTopicsIfAbsent } from '../../core/client/index.ts'
import type { Clock } from '../../core/system/clock.ts'
import type { FlowConfig, FlowSettings } from '../settings/mm2-properties.ts'

type ReplicationSetting = Extract<keyof FlowConfig, `${string}replication.factor`>

export interface InternalTopic {
  name: string
  /** 1 if it is not set. */
  partitions?: number
  replicationSetting: ReplicationSetting
  /** In addition to `cleanup.policy`. */
  configs?: Readonly<Record<string, string>>
}

/** The replication factor to request: a default is lowered to the number of brokers, a value of the user is not. */
export async function replicationFactorFor(
  client: Client,
  { config, explicitSettings }: Pick<FlowSettings, 'config' | 'explicitSettings'>,
  setting: ReplicationSetting,
): Promise<number> {
  const factor = config[setting]
  if (explicitSettings.has(setting) || factor < 2) return factor
  const { brokers } = await client.admin.describeCluster()
  return Math.max(1, Math.min(factor, brokers.length))
}

/** Creates the topic if it does not exist, and waits until its partitions have leaders. */
export async function ensureInternalTopic(
  client: Client,
  clock: Clock,
  settings: FlowSettings,
  { name, partitions = 1, replicationSetting, configs }: InternalTopic,
  signal: AbortSignal,
): Promise<void> {
  if (!(await client.topic(name))) {
    const replicationFactor = await replicationFactorFor(client, settings, replicationSetting)
    const topic = { name, partitions, replicationFactor, configs: { 'cleanup.policy': 'compact', ...configs } }
    await createTopicsIfAbsent(client, [topic], replicationSetting)
  }
  await awaitTopicLeaders(client, clock, name, { signal })
}
