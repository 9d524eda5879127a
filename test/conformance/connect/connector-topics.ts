/** The topics that a connector has used (KIP-558): listed, reset, removed with the connector, and switched off by the worker. */
import { expect } from 'vitest'
import type { ConnectCluster } from './connect-cluster.ts'
import type { Story } from './stories.ts'

const activeTopics = async (cluster: ConnectCluster, name: string): Promise<string[]> =>
  ((await cluster.get(`GET /connectors/${name}/topics`))[name].topics as string[]).sort()

async function hasTopics(cluster: ConnectCluster, name: string, topics: readonly string[]): Promise<void> {
  await cluster.eventually(async () => String(await activeTopics(cluster, name)) === String(topics), `the topics of ${name} are ${topics}`)
}

async function refused(cluster: ConnectCluster, what: `${string} /${string}`, message: string): Promise<void> {
  const answer = await cluster.ask(what)
  expect([what, answer.status, answer.body.message]).toEqual([what, 403, message])
}

export const connectorTopics: readonly Story[] = [
  {
    name: 'topics are those that the tasks have used',
    async tell(cluster, id) {
      const [foo, bar, sink] = [`${id}-bar`, `${id}-foo`, `${id}-sink`]
      expect((await cluster.ask(`GET /connectors/${foo}/topics`)).body).toEqual({ [foo]: { topics: [] } })
      for (const name of [foo, bar]) {
        await cluster.createTopic(name)
        await cluster.configure(name, cluster.source(name, { 'max.messages': '20' }))
        await cluster.isRunning(name, 1)
        await hasTopics(cluster, name, [name])
      }
      await cluster.configure(sink, cluster.sink(sink, [foo, bar].join(',')))
      await cluster.isRunning(sink, 1)
      await hasTopics(cluster, sink, [foo, bar])
      // A source that is deleted before it has produced everything produces no more.
      for (const name of [foo, bar]) await cluster.eventually(async () => (await cluster.endOf(name)) === 20, `${name} has its records`)
      await cluster.get(`DELETE /connectors/${bar}`)
      await cluster.isGone(bar)
      await cluster.eventually(
        async () => String((await cluster.ask(`GET /connectors/${bar}/topics`)).body[bar].topics) === '',
        `${bar} has no topics`,
      )
      await cluster.eventually(() => cluster.records(sink).length === 40, 'the sink has all records')
      await cluster.get(`PUT /connectors/${sink}/topics/reset`)
      await hasTopics(cluster, sink, [])
      await cluster.produce(foo, 1)
      await hasTopics(cluster, sink, [foo])
    },
  },
  {
    name: 'topics are not reset where the worker does not allow it',
    settings: { 'topic.tracking.allow.reset': 'false' },
    async tell(cluster, id) {
      await cluster.configure(id, cluster.source(id))
      await cluster.isRunning(id, 1)
      await hasTopics(cluster, id, [id])
      await refused(cluster, `PUT /connectors/${id}/topics/reset`, 'Topic tracking reset is disabled.')
      await hasTopics(cluster, id, [id])
    },
  },
  {
    name: 'topics are not recorded where the worker does not track them',
    settings: { 'topic.tracking.enable': 'false' },
    async tell(cluster, id) {
      await cluster.configure(id, cluster.source(id))
      await cluster.isRunning(id, 1)
      await cluster.eventually(async () => (await cluster.endOf(id)) > 0, 'the source has produced')
      await refused(cluster, `PUT /connectors/${id}/topics/reset`, 'Topic tracking is disabled.')
      await refused(cluster, `GET /connectors/${id}/topics`, 'Topic tracking is disabled.')
    },
  },
]
