/**
 * Runs the stories of this folder: each is a test, named as the story is. Stories that need the same workers share a cluster; one cluster
 * runs at a time. The connectors of a story are deleted after it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blockingConnectors } from './blocking-connectors.ts'
import { type Config, ConnectCluster, type ConnectEnvironment } from './connect-cluster.ts'
import { connectWorker } from './connect-worker.ts'
import { connectorRestartApi } from './connector-restart-api.ts'
import { connectorTopics } from './connector-topics.ts'
import { connectorValidation } from './connector-validation.ts'
import { errorHandling } from './error-handling.ts'
import { internalTopics } from './internal-topics.ts'
import { kafkaOutages } from './kafka-outages.ts'
import { offsetsApi } from './offsets-api.ts'
import { rebalances } from './rebalances.ts'
import { sinkPartitions } from './sink-partitions.ts'
import { sourceTopics } from './source-topics.ts'
import { standaloneWorkers } from './standalone-workers.ts'
import { workerLoggers } from './worker-loggers.ts'

export interface Story {
  name: string
  /** One where it is not given. */
  workers?: number
  /** Whether the worker is a standalone one. */
  isStandalone?: boolean
  /** More settings of the workers. */
  settings?: Config
  /** `id` is of this story alone: its connectors and topics begin with it. */
  tell(cluster: ConnectCluster, id: string): Promise<void>
}

const suites: Readonly<Record<string, readonly Story[]>> = {
  'offsets-api': offsetsApi,
  'restart-api': connectorRestartApi,
  validation: connectorValidation,
  worker: connectWorker,
  topics: connectorTopics,
  errors: errorHandling,
  'source-topics': sourceTopics,
  'sink-partitions': sinkPartitions,
  'internal-topics': internalTopics,
  blocking: blockingConnectors,
  rebalances,
  outages: kafkaOutages,
  loggers: workerLoggers,
  standalone: standaloneWorkers,
}

const STORY_MS = 480_000

export function tellStories(start: () => Promise<ConnectEnvironment & { stop(): Promise<void> }>): void {
  let environment: ConnectEnvironment & { stop(): Promise<void> }
  beforeAll(async () => {
    environment = await start()
  }, STORY_MS)
  afterAll(async () => {
    await environment?.stop()
  }, STORY_MS)

  for (const [at, { workers, isStandalone, settings, stories }] of byCluster().entries()) {
    const kind = isStandalone ? 'standalone worker' : workers === 1 ? 'worker' : 'workers'
    const shown = [`${workers} ${kind}`, ...Object.entries(settings).map((entry) => entry.join('='))]
    describe(shown.join(', '), () => {
      let cluster: ConnectCluster
      beforeAll(async () => {
        cluster = new ConnectCluster(environment, `cluster-${at}`, settings, isStandalone)
        for (let worker = 0; worker < workers; worker++) await cluster.addWorker()
      }, STORY_MS)
      afterAll(async () => {
        await cluster?.stop()
      }, STORY_MS)
      for (const { suite, story, id } of stories)
        test(
          `${suite}: ${story.name}`,
          async () => {
            expect.hasAssertions()
            try {
              await story.tell(cluster, id)
            } finally {
              await cluster.deleteConnectors()
            }
          },
          STORY_MS,
        )
    })
  }
}

interface Shared {
  workers: number
  isStandalone: boolean
  settings: Config
  stories: { suite: string; story: Story; id: string }[]
}

function byCluster(): Shared[] {
  const clusters = new Map<string, Shared>()
  for (const [suite, stories] of Object.entries(suites))
    for (const [index, story] of stories.entries()) {
      const { workers = 1, isStandalone = false, settings = {} } = story
      const key = JSON.stringify([workers, isStandalone, settings])
      const shared = clusters.get(key) ?? { workers, isStandalone, settings, stories: [] }
      clusters.set(key, shared)
      shared.stories.push({ suite, story, id: `${suite}-${index}` })
    }
  return [...clusters.values()]
}
