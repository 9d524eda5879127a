/**
 * Story of connect/runtime. Goal: whatever changes clients make at the same time, each request sees those that were answered before it,
 * connectors end in the state that was requested last, no task id runs twice (Invariant 9), and no record is lost or doubled. Method:
 * seeded sequences of requests on two workers in this process, by clients that each have a connector of their own.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type ConnectError, NotLeader } from '../../../connect/types.ts'
import { seededRandom } from '../../random.ts'
import { until } from '../../until.ts'
import { ConnectClusters, failure, source, states } from './connect-clusters.ts'

const CLIENTS = 4
const CHANGES = 25
const clusters = new ConnectClusters()
const targets = { pause: 'PAUSED', resume: 'RUNNING', stop: 'STOPPED' } as const

test('connectors end as the last requests of several clients want them', async () => {
  const random = seededRandom()
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const settings = clusters.settings()
  const workers = [await clusters.start(settings), await clusters.start(settings)]
  type Worker = (typeof workers)[number]

  /** As the REST API does: a worker that cannot serve a request leaves it to another one. */
  async function request<T>(work: (worker: Worker) => Promise<T>): Promise<T> {
    for (;;) {
      for (const worker of workers) {
        try {
          return await work(worker)
        } catch (error) {
          if (!(error instanceof NotLeader)) throw error
        }
      }
      // A rebalance: no leader is known.
      await pause(10)
    }
  }

  async function client(name: string) {
    let state: string | null = null
    let tasks = 0
    for (let change = 0; change < CHANGES; change++) {
      const kind = pick(['put', 'put', 'delete', 'pause', 'resume', 'stop', 'restart'] as const)
      if (kind === 'put') {
        tasks = 1 + Math.floor(random() * 3)
        const config = source(name, { count: `${change * 3}`, 'tasks.max': `${tasks}` })
        await request(async (worker) => {
          await worker.putConfig(name, config)
          expect(worker.config(name)).toEqual(config)
        })
        state ??= 'RUNNING'
        continue
      }
      const outcome = await failure(
        request(async (worker) => {
          if (kind === 'restart') await worker.restart(name, { includeTasks: true, onlyFailed: false })
          else await worker[kind](name)
          if (kind === 'delete') expect(() => worker.status(name)).toThrow(`No status found for connector ${name}`)
        }),
      )
      // A connector that has just been created may have no status to restart.
      if (kind !== 'restart' || state === null)
        expect([kind, (outcome as [ConnectError['status']] | null)?.[0] ?? null]).toEqual([kind, state === null ? 404 : null])
      if (kind === 'delete') state = null
      else if (kind !== 'restart' && state !== null) state = targets[kind]
    }
    return { name, state, tasks }
  }

  const ends = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(`changes-${index}`)))
  for (const { name, state, tasks } of ends)
    for (const worker of workers) {
      if (state === null) await until(() => !worker.connectors().includes(name), `${name} is deleted`)
      else
        await until(() => {
          const [connector, ...ofTasks] = states(worker, name).split(' ')
          const complete = state === 'RUNNING' ? ofTasks.length === tasks : state === 'STOPPED' ? ofTasks.length === 0 : true
          return connector === state && complete && ofTasks.every((task) => task === state)
        }, `${name} is ${state} with ${tasks} tasks`)
      expect([name, clusters.probe(name).mostRunning <= 1]).toEqual([name, true])
    }
  for (const { name } of ends) {
    if (!(await clusters.client.topic(`topic-${name}`, { refresh: true }))) continue
    const values = await clusters.valuesIn(`topic-${name}`)
    for (const task of ['0', '1', '2']) {
      const numbers = values.filter((value) => value.startsWith(`${task}:`)).map((value) => Number(value.slice(2)))
      expect([name, task, numbers]).toEqual([name, task, numbers.map((_, index) => index)])
    }
  }
}, 60_000)
