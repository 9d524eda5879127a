/**
 * Rebalances of sources between workers (KIP-415): connectors and tasks run once each and are balanced after a worker has joined or left,
 * and after connectors were added, changed and deleted.
 */
import { expect } from 'vitest'
import type { ConnectCluster } from './connect-cluster.ts'
import type { Story } from './stories.ts'

const WORKERS = 2
const TASKS = 4
const four = { 'tasks.max': String(TASKS) }

/** By worker, how many connectors and tasks have it in their status. */
async function load(cluster: ConnectCluster): Promise<{ connectors: number[]; tasks: number[] }> {
  const ids = cluster.workers.map(({ url }) => new URL(url).port)
  const [connectors, tasks] = [new Map(ids.map((id) => [id, 0])), new Map(ids.map((id) => [id, 0]))]
  const add = (to: Map<string, number>, { worker_id, state }: { worker_id: string; state: string }) => {
    const id = worker_id.split(':')[1]!
    // One that is moving counts for no worker, so that nothing is balanced while it moves.
    to.set(state === 'RUNNING' ? id : 'moving', (to.get(state === 'RUNNING' ? id : 'moving') ?? 0) + 1)
  }
  const all = await cluster.get('GET /connectors?expand=status')
  for (const { status } of Object.values(all) as { status: { connector: never; tasks: never[] } }[]) {
    add(connectors, status.connector)
    for (const task of status.tasks) add(tasks, task)
  }
  if (connectors.size > ids.length || tasks.size > ids.length) return { connectors: [0, 2], tasks: [0, 2] }
  return { connectors: [...connectors.values()], tasks: [...tasks.values()] }
}

const spread = (counts: readonly number[]) => Math.max(...counts) - Math.min(...counts)

async function isBalanced(cluster: ConnectCluster): Promise<void> {
  await cluster.eventually(async () => {
    const { connectors, tasks } = await load(cluster)
    return spread(connectors) <= 1 && spread(tasks) <= 1
  }, 'connectors and tasks are balanced')
}

/** No task runs twice: each has started once more than it has stopped. */
async function runsOnce(cluster: ConnectCluster, name: string): Promise<void> {
  for (let task = 0; task < TASKS; task++)
    await cluster.eventually(
      () => cluster.count(name, `task ${task} start`) - cluster.count(name, `task ${task} stop`) === 1,
      `task ${task} of ${name} runs once`,
    )
}

const names = (id: string) => [0, 1, 2].map((index) => `${id}-${index}`)

async function startThree(cluster: ConnectCluster, id: string): Promise<void> {
  for (const name of names(id)) await cluster.configure(name, cluster.source(name, four))
  for (const name of names(id)) await cluster.isRunning(name, TASKS)
  await isBalanced(cluster)
}

export const rebalances: readonly Story[] = [
  {
    name: 'two connectors run side by side',
    workers: WORKERS,
    async tell(cluster, id) {
      const [first, second] = names(id) as [string, string]
      await cluster.configure(first, cluster.source(first, four))
      await cluster.isRunning(first, TASKS)
      await cluster.configure(second, cluster.source(second, four))
      await cluster.isRunning(second, TASKS)
      await cluster.isRunning(first, TASKS)
      await isBalanced(cluster)
    },
  },
  {
    name: 'connector and tasks start again with a new config',
    workers: WORKERS,
    async tell(cluster, id) {
      await cluster.configure(id, cluster.source(id, four))
      await cluster.isRunning(id, TASKS)
      await cluster.eventually(async () => (await cluster.endOf(id)) >= 50, 'records are in the first topic')
      const starts = [0, 1, 2, 3].map((task) => cluster.count(id, `task ${task} start`))
      await cluster.configure(id, cluster.source(id, { ...four, topic: `${id}-second` }))
      await cluster.eventually(
        () => starts.every((count, task) => cluster.count(id, `task ${task} start`) > count),
        'every task starts again',
      )
      await cluster.isRunning(id, TASKS)
      await cluster.eventually(async () => (await cluster.endOf(`${id}-second`)) >= 50, 'records are in the second topic')
    },
  },
  {
    name: 'what is left is balanced after a connector is deleted',
    workers: WORKERS,
    async tell(cluster, id) {
      await startThree(cluster, id)
      const last = names(id).at(-1)!
      await cluster.get(`DELETE /connectors/${last}`)
      await cluster.isGone(last)
      await isBalanced(cluster)
    },
  },
  {
    name: 'a worker that joins gets its share, and gives it back when it leaves',
    workers: WORKERS,
    async tell(cluster, id) {
      await startThree(cluster, id)
      const worker = await cluster.addWorker()
      await isBalanced(cluster)
      for (const name of names(id)) {
        await cluster.isRunning(name, TASKS)
        await runsOnce(cluster, name)
      }
      expect((await cluster.ask('GET /', undefined, worker)).status).toBe(200)
      await cluster.stopWorker(worker)
      await isBalanced(cluster)
      for (const name of names(id)) {
        await cluster.isRunning(name, TASKS)
        await runsOnce(cluster, name)
      }
    },
  },
  {
    name: 'requests to any worker reach the one that can serve them',
    workers: WORKERS,
    async tell(cluster, id) {
      for (const [index, worker] of cluster.workers.entries()) {
        const name = `${id}-${index}`
        await cluster.get('POST /connectors', { name, config: cluster.source(name) }, worker)
        await cluster.isRunning(name, 1)
        for (const asked of cluster.workers) {
          await cluster.get(`PUT /connectors/${name}/pause`, undefined, asked)
          await cluster.isPaused(name, 1)
          await cluster.get(`PUT /connectors/${name}/resume`, undefined, asked)
          await cluster.isRunning(name, 1)
          await cluster.get(`POST /connectors/${name}/tasks/0/restart`, undefined, asked)
          await cluster.isRunning(name, 1)
        }
        await cluster.get(`PUT /connectors/${name}/stop`, undefined, worker)
        await cluster.isStopped(name)
        await cluster.get(`DELETE /connectors/${name}`, undefined, worker)
        await cluster.isGone(name)
      }
    },
  },
]
