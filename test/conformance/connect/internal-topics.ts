/**
 * The internal topics of a Connect cluster: created as the settings say where they do not exist, and refused where they are not compacted,
 * since configs and offsets would be lost.
 */
import { expect } from 'vitest'
import { ConnectCluster } from './connect-cluster.ts'
import type { Story } from './stories.ts'

const kinds = ['configs', 'offsets', 'status'] as const

async function settingsOf({ kafka }: ConnectCluster, topic: string) {
  const configs = (await kafka.client.admin.describeTopicConfigs([topic])).get(topic)!
  return {
    partitions: (await kafka.client.topic(topic, { refresh: true }))?.partitions.length,
    policy: configs.find(({ name }) => name === 'cleanup.policy')?.value,
  }
}

export const internalTopics: readonly Story[] = [
  {
    name: 'they are created compacted, with the partitions of the settings',
    async tell(cluster, id) {
      const own = new ConnectCluster(cluster.environment, id, { 'offset.storage.partitions': '3', 'status.storage.partitions': '2' })
      await own.addWorker()
      try {
        const found = await Promise.all(kinds.map((kind) => settingsOf(own, `${id}-${kind}`)))
        expect(found).toEqual([1, 3, 2].map((partitions) => ({ partitions, policy: 'compact' })))
      } finally {
        await own.stop()
      }
    },
  },
  {
    name: 'a worker does not start where one is not compacted, and starts where all are',
    async tell({ environment }, id) {
      const { admin } = environment.client
      const create = async (suffix: string, policies: readonly string[]) =>
        admin.createTopics(
          kinds.map((kind, index) => ({
            name: `${id}-${suffix}-${kind}`,
            partitions: 1,
            replicationFactor: 1,
            configs: { 'cleanup.policy': policies[index]! },
          })),
        )
      await create('good', ['compact', 'compact', 'compact'])
      await create('bad', ['delete', 'compact,delete', 'delete'])
      const cluster = (bad: string) =>
        new ConnectCluster(
          environment,
          `${id}-${bad}`,
          Object.fromEntries(
            (['config', 'offset', 'status'] as const).map((name, index) => [
              `${name}.storage.topic`,
              `${id}-${name === bad ? 'bad' : 'good'}-${kinds[index]}`,
            ]),
          ),
        )
      for (const bad of ['config', 'offset', 'status']) await expect(cluster(bad).addWorker()).rejects.toThrow(/compact/)
      const good = cluster('none')
      await good.addWorker()
      await good.stop()
    },
  },
]
