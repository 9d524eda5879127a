/** A standalone worker: its connectors are lost with it, their offsets are in a file, and it has no other workers. */
import { expect } from 'vitest'
import type { Story } from './stories.ts'

const four = { 'tasks.max': '4' }

export const standaloneWorkers: readonly Story[] = (
  [
    {
      name: 'a connector that is created STOPPED has no tasks until it is resumed',
      async tell(cluster, id) {
        await cluster.get('POST /connectors', { name: id, config: cluster.source(id, four), initial_state: 'STOPPED' })
        await cluster.isStopped(id)
        expect((await cluster.get(`GET /connectors/${id}`)).tasks).toEqual([])
        expect(await cluster.get(`GET /connectors/${id}/tasks`)).toEqual([])
        await cluster.get(`PUT /connectors/${id}/resume`)
        await cluster.isRunning(id, 4)
        await cluster.get(`PUT /connectors/${id}/pause`)
        await cluster.isPaused(id, 4)
        await cluster.get(`DELETE /connectors/${id}`)
        await cluster.isGone(id)
      },
    },
    {
      name: 'a new worker has no connectors, and its sources go on at the offsets of the file',
      async tell(cluster, id) {
        await cluster.configure(id, cluster.source(id, { 'max.messages': '10' }))
        await cluster.isRunning(id, 1)
        await cluster.eventually(async () => (await cluster.endOf(id)) === 10, 'it has produced')
        const offsets = async () => JSON.stringify((await cluster.get(`GET /connectors/${id}/offsets`)).offsets)
        await cluster.eventually(async () => (await offsets()).includes('{"saved":10}'), 'its offset is stored')
        await cluster.stopWorker(cluster.workers[0]!)
        await cluster.addWorker()
        expect(await cluster.get('GET /connectors')).toEqual([])
        await cluster.configure(id, cluster.source(id, { 'max.messages': '15' }))
        await cluster.isRunning(id, 1)
        await cluster.eventually(async () => (await cluster.endOf(id)) >= 15, 'it goes on')
        expect(await cluster.endOf(id)).toBe(15)
      },
    },
    {
      name: 'offsets are changed while the connector is stopped',
      async tell(cluster, id) {
        await cluster.configure(id, cluster.source(id, { 'max.messages': '10' }))
        await cluster.eventually(async () => (await cluster.endOf(id)) === 10, 'it has produced')
        await cluster.stopConnector(id)
        await cluster.get(`DELETE /connectors/${id}/offsets`)
        expect((await cluster.get(`GET /connectors/${id}/offsets`)).offsets).toEqual([])
        await cluster.get(`PUT /connectors/${id}/resume`)
        await cluster.eventually(async () => (await cluster.endOf(id)) === 20, 'it has produced again')
      },
    },
    {
      name: 'nobody sets the configs of tasks from outside',
      async tell(cluster, id) {
        await cluster.configure(id, cluster.source(id))
        const { status, body } = await cluster.ask(`POST /connectors/${id}/tasks`, [])
        expect([status, body.message]).toEqual([
          500,
          'Kafka Connect in standalone mode does not support externally setting task configurations.',
        ])
      },
    },
    {
      name: 'the levels of loggers are changed in every scope, and the worker is healthy',
      async tell(cluster) {
        const logger = 'org.apache.kafka.connect'
        for (const [scope, status] of [
          ['', 200],
          ['?scope=worker', 200],
          ['?scope=cluster', 204],
        ] as const) {
          expect((await cluster.ask(`PUT /admin/loggers/${logger}${scope}`, { level: 'ERROR' })).status).toBe(status)
          expect((await cluster.get(`GET /admin/loggers/${logger}`)).level).toBe('ERROR')
          await cluster.ask(`PUT /admin/loggers/${logger}`, { level: 'INFO' })
        }
        expect(await cluster.ask('GET /health')).toEqual({
          status: 200,
          body: { status: 'healthy', message: 'Worker has completed startup and is ready to handle requests.' },
        })
      },
    },
  ] satisfies Story[]
).map((story): Story => ({ ...story, isStandalone: true }))
