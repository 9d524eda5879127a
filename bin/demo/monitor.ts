/**
 * Polls everything while the scenario runs: counts for the progress bars, the lag of the mirrors for the report, and failed connectors and
 * tasks.
 */
import type { MirrorStatus } from '../../mirror/types.ts'
import type { AlertConsumer } from './alert-consumer.ts'
import type { DemoEnvironment } from './environment.ts'
import { CLUSTERS, type Cluster } from './layout.ts'
import type { Progress } from './progress.ts'
import type { Counts, Stages } from './stages.ts'

const EVERY_MS = 150
const POLLS_PER_STATUS = 6

interface Instance {
  state: string
  trace?: string
}
type Statuses = Record<string, { status: { connector: Instance; tasks: Instance[] } }>

export class Monitor {
  /** Clusters whose broker does not run. */
  readonly down = new Set<Cluster>()
  readonly maxLagMs = new Map<string, number>()
  counts: Counts = { us: 0, eu: 0, region: 0, central: 0, postgres: 0, changes: 0, file: 0 }
  mirrors: readonly MirrorStatus[] = []
  readonly #environment: DemoEnvironment
  readonly #stages: Stages
  readonly #consumer: AlertConsumer
  readonly #progress: Progress
  readonly #end = new AbortController()
  readonly #running: Promise<void>

  constructor(environment: DemoEnvironment, stages: Stages, group: AlertConsumer, progress: Progress) {
    this.#environment = environment
    this.#stages = stages
    this.#consumer = group
    this.#progress = progress
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#end.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#end
    for (let poll = 0; !signal.aborted; poll++) {
      try {
        this.counts = await this.#stages.counts(this.down, this.counts)
        this.mirrors = await this.#environment.rest.mirrors.call<MirrorStatus[]>('GET', '/mirrors')
        for (const { name, lagMs } of this.mirrors) {
          if (lagMs !== null && this.down.size === 0) this.maxLagMs.set(name, Math.max(lagMs, this.maxLagMs.get(name) ?? 0))
        }
        if (poll % POLLS_PER_STATUS === 0) await this.#checkConnectors()
        this.#showProgress()
      } catch (error) {
        // Requests may fail while a broker is killed or stopped.
        if (this.down.size === 0 && !signal.aborted) this.#environment.fail(error as Error)
      }
      await this.#environment.system.clock.sleep(EVERY_MS, signal)
    }
  }

  async #checkConnectors(): Promise<void> {
    for (const cluster of CLUSTERS) {
      const statuses = await this.#environment.rest[cluster].call<Statuses>('GET', '/connectors?expand=status')
      for (const [name, { status }] of Object.entries(statuses)) {
        const failed = [status.connector, ...status.tasks].find(({ state }) => state === 'FAILED')
        if (failed) throw new Error(`The connector ${name} on ${cluster} has failed: ${failed.trace}`)
      }
    }
  }

  #showProgress(): void {
    const { us, eu, central, postgres, changes, file } = this.counts
    const { feeds, total, usEarthquakes } = this.#environment
    const expectedIn = (region: 'us' | 'eu') =>
      feeds.filter((feed) => feed.region === region).reduce((sum, feed) => sum + feed.expected.size, 0)
    const lagOf = (name: string) => {
      const mirror = this.mirrors.find((candidate) => candidate.name === name)
      return mirror ? `lag ${mirror.lagRecords}` : ''
    }
    this.#progress.show([
      { name: 'us', count: us, of: expectedIn('us'), note: this.down.has('us') ? 'down' : lagOf('us->central') },
      { name: 'eu', count: eu, of: expectedIn('eu'), note: lagOf('eu->central') },
      { name: 'central', count: central, of: total },
      { name: 'Postgres', count: postgres, of: total },
      ...(this.#stages.hasChanges ? [{ name: 'changes', count: changes, of: total }] : []),
      { name: 'file', count: file, of: total },
      { name: 'group', count: this.#consumer.seen.size, of: usEarthquakes.expected.size },
    ])
  }
}
