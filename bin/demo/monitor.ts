/** Looks at everything while the story goes on: counts for whoever watches, the mirrors' lag for the report, a failed connector for the story. */
import { setTimeout as delay } from 'node:timers/promises'
import type { MirrorStatus } from '../../mirror/types.ts'
import type { AlertConsumer } from './alert-consumer.ts'
import type { DemoEnvironment } from './environment.ts'
import { CLUSTERS, type Cluster } from './layout.ts'
import type { Progress } from './progress.ts'
import type { Counts, Stages } from './stages.ts'

const EVERY_MS = 150
const STATUS_EVERY_LOOKS = 6

interface Instance {
  state: string
  trace?: string
}
type Statuses = Record<string, { status: { connector: Instance; tasks: Instance[] } }>

export class Monitor {
  /** Clusters that are not there to be asked. */
  readonly down = new Set<Cluster>()
  readonly maxLagMs = new Map<string, number>()
  counts: Counts = { us: 0, eu: 0, region: 0, central: 0, postgres: 0, file: 0 }
  mirrors: readonly MirrorStatus[] = []
  readonly #scene: DemoEnvironment
  readonly #stations: Stages
  readonly #group: AlertConsumer
  readonly #progress: Progress
  readonly #end = new AbortController()
  readonly #looking: Promise<void>

  constructor(scene: DemoEnvironment, stations: Stages, group: AlertConsumer, progress: Progress) {
    this.#scene = scene
    this.#stations = stations
    this.#group = group
    this.#progress = progress
    this.#looking = this.#look()
  }

  async end(): Promise<void> {
    this.#end.abort()
    await this.#looking
  }

  async #look(): Promise<void> {
    const { signal } = this.#end
    for (let look = 0; !signal.aborted; look++) {
      try {
        this.#group.check()
        this.counts = await this.#stations.counts(this.down, this.counts)
        this.mirrors = await this.#scene.rest.mirrors.call<MirrorStatus[]>('GET', '/mirrors')
        for (const { name, lagMs } of this.mirrors) {
          if (lagMs !== null && this.down.size === 0) this.maxLagMs.set(name, Math.max(lagMs, this.maxLagMs.get(name) ?? 0))
        }
        if (look % STATUS_EVERY_LOOKS === 0) await this.#checkConnectors()
        this.#show()
      } catch (error) {
        // a region that goes down in the middle of a look is no news
        if (this.down.size === 0 && !signal.aborted) this.#scene.fail(error as Error)
      }
      await delay(EVERY_MS, undefined, { signal }).catch(() => {})
    }
  }

  async #checkConnectors(): Promise<void> {
    for (const cluster of CLUSTERS) {
      const statuses = await this.#scene.rest[cluster].call<Statuses>('GET', '/connectors?expand=status')
      for (const [name, { status }] of Object.entries(statuses)) {
        const failed = [status.connector, ...status.tasks].find(({ state }) => state === 'FAILED')
        if (failed) throw new Error(`The connector ${name} on ${cluster} failed: ${failed.trace}`)
      }
    }
  }

  #show(): void {
    const { us, eu, central, postgres, file } = this.counts
    const { feeds, total, usQuakes } = this.#scene
    const of = (region: 'us' | 'eu') => feeds.filter((feed) => feed.region === region).reduce((sum, feed) => sum + feed.expected.size, 0)
    const behind = (name: string) => {
      const mirror = this.mirrors.find((each) => each.name === name)
      return mirror ? `${mirror.lagRecords} behind` : ''
    }
    this.#progress.show([
      { name: 'us', count: us, of: of('us'), note: this.down.has('us') ? 'down' : behind('us->central') },
      { name: 'eu', count: eu, of: of('eu'), note: behind('eu->central') },
      { name: 'central', count: central, of: total },
      { name: 'Postgres', count: postgres, of: total },
      { name: 'file', count: file, of: total },
      { name: 'group', count: this.#group.seen.size, of: usQuakes.expected.size },
    ])
  }
}
