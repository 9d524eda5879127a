/**
 * Writes a heartbeat into the target of a flow at each interval. Where heartbeats are mirrored onward, they show that records arrive, and which
 * clusters are upstream.
 */
import type { Client, Producer } from '../../core/client/index.ts'
import type { System } from '../../core/system/index.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import { ensureInternalTopics } from '../store/internal-topics.ts'
import { encodeHeartbeat } from '../store/mm2-records.ts'

export async function emitHeartbeats(
  settings: FlowSettings,
  target: Client,
  system: Pick<System, 'clock' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = system
  const { config, policy } = settings
  const factor = 'heartbeats.topic.replication.factor'
  const topic = policy.heartbeatsTopic()
  const internalTopic = { name: topic, partitions: 1, replicationFactor: config[factor], factorGiven: settings.given.has(factor) }
  const intervalMs = config['emit.heartbeats.interval.seconds'] * 1000
  let producer: Producer | null = null
  let failing = false
  let dueMs = clock.monotonic()
  while (!signal.aborted) {
    try {
      if (!producer) {
        await ensureInternalTopics(target, clock, [internalTopic], signal)
        producer = target.producer({ acks: 'all', lingerMs: 0 })
      }
      const timestamp = clock.now()
      const heartbeat = { sourceAlias: settings.source.alias, targetAlias: settings.target.alias, timestamp }
      const sent = await producer.send([{ topic, partition: 0, timestamp, ...encodeHeartbeat(heartbeat) }])
      const failure = sent.failures?.values().next().value
      if (failure) throw failure
      failing = false
    } catch (error) {
      if (!signal.aborted && !failing)
        logger.warn({ err: error, mirror: settings.name, topic }, 'the heartbeat could not be written; retrying at the next interval')
      failing = true
    }
    const now = clock.monotonic()
    dueMs = Math.max(dueMs + intervalMs, now)
    await clock.sleep(dueMs - now, signal)
  }
}
