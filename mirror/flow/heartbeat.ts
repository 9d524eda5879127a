/**
 * Writes a heartbeat into a cluster for a flow that ends there: mirrored onward, it shows that records travel, and which clusters lie upstream.
 */
import type { Client, Producer } from '../../core/client/index.ts'
import type { System } from '../../core/system/index.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import { ensureInternalTopics } from '../store/internal-topics.ts'
import { encodeHeartbeat } from '../store/mm2-records.ts'

export async function beat(
  settings: FlowSettings,
  target: Client,
  system: Pick<System, 'clock' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = system
  const { config, policy } = settings
  const factor = 'heartbeats.topic.replication.factor'
  const topic = policy.heartbeatsTopic()
  const periodMs = config['emit.heartbeats.interval.seconds'] * 1000
  let producer: Producer | null = null
  let troubled = false
  let next = clock.monotonic()
  while (!signal.aborted) {
    try {
      if (!producer) {
        await ensureInternalTopics(
          target,
          clock,
          [{ name: topic, partitions: 1, replicationFactor: config[factor], factorGiven: settings.given.has(factor) }],
          signal,
        )
        producer = target.producer({ acks: 'all', lingerMs: 0 })
      }
      const timestamp = clock.now()
      const record = {
        topic,
        partition: 0,
        timestamp,
        ...encodeHeartbeat({ sourceAlias: settings.source.alias, targetAlias: settings.target.alias, timestamp }),
      }
      const sent = await producer.send([record])
      const failure = sent.failures?.values().next().value
      if (failure) throw failure
      troubled = false
    } catch (error) {
      if (!signal.aborted && !troubled)
        logger.warn({ err: error, mirror: settings.name, topic }, 'no heartbeat can be written now; tried again')
      troubled = true
    }
    const now = clock.monotonic()
    next = Math.max(next + periodMs, now)
    await clock.sleep(next - now, signal)
  }
}
