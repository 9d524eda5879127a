/**
 * Who creates the topics of a source: the broker, where it creates missing topics; the worker, where the config of the connector has
 * `topic.creation.*` (KIP-158); nobody else, so that an operator who creates topics decides which there are.
 */
import { expect } from 'vitest'
import type { Config, ConnectCluster } from './connect-cluster.ts'
import type { Story } from './stories.ts'

const withoutCreation = (config: Config): Config =>
  Object.fromEntries(Object.entries(config).filter(([name]) => !name.startsWith('topic.creation.')))

const partitionsOf = async ({ kafka }: ConnectCluster, topic: string) =>
  (await kafka.client.topic(topic, { refresh: true }))?.partitions.length ?? 0

export const sourceTopics: readonly Story[] = [
  {
    name: 'a source without topic.creation settings has no topic until somebody creates it',
    async tell(cluster, id) {
      await cluster.configure(id, withoutCreation(cluster.source(id)))
      await cluster.isRunning(id, 1)
      // Another source of the same worker has produced meanwhile, to a topic that the worker creates.
      await cluster.configure(`${id}-other`, cluster.source(`${id}-other`, { 'topic.creation.default.partitions': '2' }))
      await cluster.eventually(async () => (await cluster.endOf(`${id}-other`)) > 0, 'the other source has produced')
      expect([await partitionsOf(cluster, id), await partitionsOf(cluster, `${id}-other`)]).toEqual([0, 2])
      await cluster.createTopic(id, 3)
      await cluster.eventually(async () => (await cluster.endOf(id)) > 0, 'the source produces to the topic')
      expect(await partitionsOf(cluster, id)).toBe(3)
    },
  },
  {
    name: 'a source gets topic.creation settings later',
    async tell(cluster, id) {
      await cluster.configure(id, withoutCreation(cluster.source(id)))
      await cluster.isRunning(id, 1)
      await cluster.configure(id, cluster.source(id, { 'topic.creation.default.partitions': '4' }))
      await cluster.eventually(async () => (await partitionsOf(cluster, id)) === 4, 'the worker creates the topic')
      await cluster.isRunning(id, 1)
    },
  },
  {
    name: 'topic.creation settings do nothing where the worker does not create topics',
    settings: { 'topic.creation.enable': 'false' },
    async tell(cluster, id) {
      await cluster.configure(id, cluster.source(id))
      await cluster.isRunning(id, 1)
      await cluster.createTopic(`${id}-other`)
      await cluster.configure(`${id}-other`, cluster.source(`${id}-other`))
      await cluster.eventually(async () => (await cluster.endOf(`${id}-other`)) > 0, 'the other source has produced')
      expect(await partitionsOf(cluster, id)).toBe(0)
    },
  },
]
