/**
 * Writes a heartbeat into the target of a flow at each interval. Where heartbeats are mirrored onward, they show that records arrive, and
 * which clusters are upstream. It rejects where the target does not accept the client.
 */
import type { Client, Producer } from '../../core/client/index.ts'
import type { System } from '../../core/system/index.ts'
import { authenticationFailure } from '../authentication-failure.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import { ensureInternalTopic, type InternalTopic } from '../store/internal-topics.ts'
import { encodeHeartbeat } from '../store/mm2-records.ts'

export async function emitHeartbeats(
  settings: FlowSettings,
  target: Client,
  system: Pick<System, 'clock' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = system
  const { config, policy } = settings
  const topic = policy.heartbeatsTopic()
  const internalTopic: InternalTopic = { name: topic, replicationSetting: 'heartbeats.topic.replication.factor' }
  const intervalMs = config['emit.heartbeats.interval.seconds'] * 1000
  let producer: Producer | null = null
  let failing = false
  let dueMs = clock.monotonic()
  while (!signal.aborted) {
    try {
      if (!producer) {
        await ensureInternalTopic(target, clock, settings, internalTopic, signal)
        producer = target.producer({ acks: 'all', lingerMs: 0 })
      }
      const timestamp = clock.now()
      const heartbeat = { sourceAlias: settings.source.alias, targetAlias: settings.target.alias, timestamp }
      await producer.send([{ topic, partition: 0, timestamp, ...encodeHeartbeat(heartbeat) }])
      failing = false
    } catch (error) {
      if (!signal.aborted && authenticationFailure(error)) throw error
      if (!signal.aborted && !failing)
        logger.warn({ err: error, mirror: settings.name, topic }, 'the heartbeat could not be written; retrying at the next interval')
      failing = true
    }
    const now = clock.monotonic()
    dueMs = Math.max(dueMs + intervalMs, now)
    await clock.sleep(dueMs - now, signal)
  }
}
