/** Levels of loggers are changed on one worker, or on all workers of a cluster (KIP-976). */
import { expect } from 'vitest'
import type { Story } from './stories.ts'

const LOGGER = 'org.apache.kafka.connect'

export const workerLoggers: readonly Story[] = [
  {
    name: 'a level that is changed with scope=cluster is that of all workers, one without it that of one worker',
    workers: 2,
    async tell(cluster) {
      const [first, second] = cluster.workers
      const levels = () =>
        Promise.all([first, second].map(async (worker) => (await cluster.get(`GET /admin/loggers/${LOGGER}`, undefined, worker)).level))
      const put = (level: string, scope: string) => cluster.ask(`PUT /admin/loggers/${LOGGER}${scope}`, { level }, first)
      const begun = Date.now()
      expect(await put('ERROR', '?scope=cluster')).toEqual({ status: 204, body: null })
      await cluster.eventually(async () => (await levels()).join() === 'ERROR,ERROR', 'both workers have the level')
      expect((await cluster.get(`GET /admin/loggers/${LOGGER}`, undefined, second)).last_modified).toBeGreaterThanOrEqual(begun)
      const { status, body } = await put('WARN', '?scope=worker')
      expect([status, body.includes(LOGGER)]).toEqual([200, true])
      expect(await levels()).toEqual(['WARN', 'ERROR'])
      await put('INFO', '?scope=cluster')
      await cluster.eventually(async () => (await levels()).join() === 'INFO,INFO', 'both workers have the next level')
    },
  },
]
