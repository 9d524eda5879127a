/**
 * What a worker says and does while its Kafka cluster is away, and afterwards: statuses are known, a change waits and is refused in time
 * with what the worker is in the middle of, the health check tells it, and then all goes on. The cluster is one of this story alone.
 */
import { expect } from 'vitest'
import { createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { startTestBroker } from '../../running-broker.ts'
import { ConnectCluster } from './connect-cluster.ts'
import type { Story } from './stories.ts'

const DOING = /The worker is currently .+, which began at \d{4}-\d\d-\d\dT/

export const kafkaOutages: readonly Story[] = [
  {
    name: 'while Kafka is away a change is refused in time, with what the worker is doing, and all goes on afterwards',
    async tell({ environment }, id) {
      const kafka = await startTestBroker({ 'auto.create.topics.enable': 'false' })
      const client = createClient({ bootstrapServers: kafka.address, clientId: 'test' }, realSystem('silent'))
      const cluster = new ConnectCluster({ ...environment, bootstrapServers: kafka.address, client }, id)
      try {
        await cluster.addWorker()
        await cluster.configure(id, cluster.source(id))
        await cluster.isRunning(id, 1)
        expect((await cluster.ask('GET /health')).status).toBe(200)
        await kafka.kill()

        expect(await cluster.states(id)).toBe('RUNNING RUNNING')
        const [refused, health] = await Promise.all([
          cluster.ask(`PUT /connectors/${id}/config`, cluster.source(id, { 'tasks.max': '2' })),
          cluster.eventually(async () => {
            const answer = await cluster.ask('GET /health')
            return answer.status === 500 && answer
          }, 'the worker is unhealthy'),
        ])
        expect(refused.status).toBe(500)
        expect(refused.body.message).toMatch(/^Request timed out\. /)
        expect(refused.body.message).toMatch(DOING)
        expect(health).toMatchObject({ body: { status: 'unhealthy', message: expect.stringMatching(DOING) } })

        await kafka.start()
        await cluster.eventually(async () => (await cluster.ask('GET /health')).status === 200, 'the worker is healthy again')
        await cluster.configure(id, cluster.source(id, { 'tasks.max': '2' }))
        await cluster.isRunning(id, 2)
      } finally {
        await cluster.stop()
        await client.close()
        await kafka.stop()
      }
    },
  },
  {
    name: 'a worker whose task blocks for longer than a rebalance may take keeps no other connector from running',
    workers: 2,
    settings: { 'rebalance.timeout.ms': '6000', 'task.shutdown.graceful.timeout.ms': '20000' },
    async tell(cluster, id) {
      await cluster.configure(id, cluster.source(id, { block: 'Task::stop' }))
      await cluster.isRunning(id, 1)
      await cluster.eventually(() => cluster.count(id, 'task 0 start') > 0, `the task of ${id} has started`)
      await cluster.get(`DELETE /connectors/${id}`)
      await cluster.eventually(() => cluster.count(id, 'task 0 stop') > 0, `${id} blocks`)
      const other = `${id}-other`
      await cluster.configure(other, cluster.source(other, { 'tasks.max': '2', 'max.messages': '10' }))
      await cluster.isRunning(other, 2)
      await cluster.eventually(async () => (await cluster.endOf(other)) === 20, `${other} has produced`)
      cluster.command(id, 'release')
      await cluster.isGone(id)
    },
  },
]
