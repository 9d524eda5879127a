/**
 * Goal: partitions of a target topic that are created by two at once (several partitions of one topic are restarted together, or another
 * mirror runs) do not fail the flow. Method: a target topic with one partition, and two calls that each find two missing.
 */
import { expect, test } from 'vitest'
import { realClock } from '../../core/system/clock.ts'
import { TopicSync } from '../../mirror/flow/topic-sync.ts'
import { parseMirrorSettings } from '../../mirror/settings/mm2-properties.ts'
import { createTopic, ourCluster, properties, quietSystem } from '../mirror/clusters.ts'

test('partitions that another creates at the same time do not fail the flow', async () => {
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  await createTopic(us, 't', 3)
  await createTopic(central, 'us.t', 1)
  const [settings] = parseMirrorSettings(properties(us, central, { 'us->central.topics': 't' })).flows
  const topicSync = new TopicSync({
    settings: settings!,
    routes: [],
    source: us.client,
    target: central.client,
    clock: realClock,
    logger: quietSystem().logger,
    signal: new AbortController().signal,
  })
  const topics = await topicSync.mirroredTopics()
  await Promise.all([topicSync.ensureTargetTopics(topics), topicSync.ensureTargetTopics(topics)])
  expect((await central.client.topic('us.t', { refresh: true }))?.partitions).toHaveLength(3)
})
