/**
 * What happens in the demo, from the first start to the report: regions collect, mirrors aggregate, sinks deliver, `us` is killed with -9 in the
 * middle of it, its consumer group goes on on `central`, and `us` comes back. Every wait has a deadline and says what it waited for.
 */
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, createClient } from '../../core/client/index.ts'
import type { System } from '../../core/system/index.ts'
import type { FailoverReport, MirrorStatus } from '../../mirror/types.ts'
import { AlertGroup } from './alert-group.ts'
import { type Feed, loadFeeds } from './data-set.ts'
import { FeedWriter } from './feed-writer.ts'
import {
  brokerFile,
  CLUSTERS,
  type Cluster,
  fileSinkConnector,
  GROUP,
  type Layout,
  layOut,
  mirroredTopic,
  mirrorFile,
  postgresSinkConnector,
  sourceConnector,
  workerFile,
} from './layout.ts'
import { Processes } from './processes.ts'
import type { Progress } from './progress.ts'
import { isWell, type Report } from './report.ts'
import { RestClient } from './rest-client.ts'
import { type Counts, Stations } from './stations.ts'
import { Warehouse } from './warehouse.ts'

const READY_MS = 30_000
const STEP_MS = 40_000
const LOOK_MS = 20
const WATCH_MS = 150
const STATUS_EVERY_LOOKS = 6
const US_MIRROR = 'us->central'

export interface DemoOptions {
  folder: string
  postgresUrl: string | undefined
  progress: Progress
  system: System
  signal: AbortSignal
}

type AllCounts = Counts & { us: number; eu: number }

export class Story {
  readonly #options: DemoOptions
  readonly #closers: (() => Promise<unknown>)[] = []
  readonly #group = new AlertGroup()
  readonly #down = new Set<Cluster>()
  readonly #mostLagMs = new Map<string, number>()
  #counts: AllCounts = { us: 0, eu: 0, region: 0, central: 0, postgres: 0, file: 0 }
  #mirrors: readonly MirrorStatus[] = []
  #failure: Error | null = null
  #begin = performance.now()
  // set up by `#start`, before anything else runs
  #feeds!: readonly Feed[]
  #layout!: Layout
  #processes!: Processes
  #clients!: Record<Cluster, Client>
  #warehouse!: Warehouse
  #stations!: Stations
  #rest!: Record<Cluster | 'mirrors', RestClient>
  #writer!: FeedWriter

  constructor(options: DemoOptions) {
    this.#options = options
  }

  async run(): Promise<Report> {
    this.#begin = performance.now()
    await this.#start()
    await this.#connect()
    const watching = new AbortController()
    const watch = this.#watch(watching.signal)
    this.#closers.push(async () => {
      watching.abort()
      await watch
    })
    await this.#untilMidway()
    const { failover, beforeFailover } = await this.#failOver()
    const usBackAfterMs = await this.#bringBack()
    await this.#arrived()
    watching.abort()
    await watch
    return this.#report(failover, beforeFailover, usBackAfterMs)
  }

  /** Ends everything that was started, last first, whatever became of it. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) {
      await close().catch((error: Error) => this.#tell(`while cleaning up: ${error.message}`))
    }
  }

  async #start(): Promise<void> {
    const { folder, postgresUrl, system } = this.#options
    this.#feeds = await loadFeeds()
    this.#layout = await layOut(folder, this.#feeds)
    this.#processes = new Processes(folder)
    this.#closers.push(() => this.#processes.stop())
    for (const cluster of CLUSTERS) this.#processes.start(cluster, ['broker', brokerFile(this.#layout, cluster)])
    const opening = Warehouse.open(folder, postgresUrl)
    // its failure is told where it is awaited
    opening.catch(() => {})
    await Promise.all(
      CLUSTERS.map((cluster) => this.#until(() => listens(this.#layout.brokers[cluster]), `the broker ${cluster} to listen`, READY_MS)),
    )
    this.#tell(`Clusters us, eu and central are up (${CLUSTERS.map((cluster) => this.#layout.brokers[cluster]).join(', ')}).`)
    for (const cluster of CLUSTERS) this.#processes.start(`worker-${cluster}`, ['connect', workerFile(this.#layout, cluster)])
    this.#processes.start('mirrors', ['mirror', mirrorFile(this.#layout)])

    this.#clients = Object.fromEntries(
      CLUSTERS.map((cluster) => [cluster, createClient({ bootstrapServers: this.#layout.brokers[cluster], clientId: 'demo' }, system)]),
    ) as Record<Cluster, Client>
    this.#closers.push(() => Promise.all(Object.values(this.#clients).map((client) => client.close())))
    this.#warehouse = await opening
    this.#closers.push(() => this.#warehouse.close())
    this.#tell(`Postgres is up (${this.#warehouse.from}).`)
    this.#stations = new Stations(this.#layout, this.#feeds, this.#clients, this.#warehouse)
    const { workers, mirrors } = this.#layout
    this.#rest = Object.fromEntries(
      Object.entries({ ...workers, mirrors }).map(([name, address]) => [name, new RestClient(`http://${address}`)]),
    ) as Record<Cluster | 'mirrors', RestClient>
    await Promise.all([
      ...CLUSTERS.map((cluster) => this.#rest[cluster].ready('/connectors', READY_MS, () => this.#check())),
      this.#rest.mirrors.ready('/mirrors', READY_MS, () => this.#check()),
    ])
    this.#tell('A worker on each, and the mirrors us->central and eu->central, answer over REST.')
  }

  async #connect(): Promise<void> {
    for (const feed of this.#feeds) await this.#create(feed.region, sourceConnector(this.#layout, feed))
    await this.#create('central', fileSinkConnector(this.#layout, this.#feeds))
    await this.#create('central', postgresSinkConnector(this.#warehouse.url, this.#feeds))
    this.#tell(
      `Connectors are made over REST: ${this.#feeds.map(({ region, topic }) => `${region}/${topic}`).join(', ')} read files; central/archive and central/warehouse deliver.`,
    )
    this.#writer = new FeedWriter(this.#layout, this.#feeds)
    const stop = new AbortController()
    const writing = this.#writer.run(stop.signal)
    writing.catch((error: Error) => (this.#failure ??= error))
    this.#closers.push(async () => {
      stop.abort()
      await writing
    })
    const { topic, identity } = this.#usQuakes
    await this.#until(async () => (await this.#stations.ends('us', [topic])) > 0, `records in ${topic} on us`)
    this.#group.work(this.#clients.us, topic, identity)
    this.#closers.push(() => this.#group.stop())
  }

  /** A cluster whose workers are settling says 409 and means: again. */
  async #create(cluster: Cluster, connector: { name: string; config: Record<string, string> }): Promise<void> {
    await this.#until(async () => {
      try {
        await this.#rest[cluster].call('POST', '/connectors', connector)
        return true
      } catch (error) {
        if ((error as Error).message.includes(' answered 409')) return false
        throw error
      }
    }, `the connector ${connector.name} to be created on ${cluster}`)
  }

  /** Until the group is in the middle of its work, and the mirror knows of it. */
  async #untilMidway(): Promise<void> {
    const { expected } = this.#usQuakes
    await this.#until(
      () => this.#group.seen.size > expected.size / 4 && this.#writer.written.get(this.#usQuakes)! > expected.size / 2,
      `the group ${GROUP} to be in the middle of its work`,
    )
    await this.#until(async () => {
      const report = await this.#moveGroup(true).catch(() => null)
      return report?.groups.some(({ group, partitions }) => group === GROUP && partitions.length > 0)
    }, `the mirror to know the group ${GROUP}`)
  }

  async #failOver(): Promise<{ failover: Report['failover']; beforeFailover: number }> {
    const usTopics = this.#feeds.filter(({ region }) => region === 'us')
    const atUs = await this.#stations.ends(
      'us',
      usTopics.map(({ topic }) => topic),
    )
    const killed = performance.now()
    this.#down.add('us')
    await this.#processes.kill('us')
    const left = this.#group.stop()
    const beforeFailover = this.#group.seen.size
    this.#tell(`kill -9 of us, with ${beforeFailover} records read by its group ${GROUP}.`)

    const moved = await this.#moveGroup(false)
    const movedAfterMs = performance.now() - killed
    const refused = moved.groups.find(({ applied }) => !applied)
    if (refused || moved.groups.length === 0)
      throw new Error(`The group was not moved to central: ${refused?.reason ?? 'the mirror does not know it'}`)
    const mirrored = mirroredTopic(this.#usQuakes)
    let workingAfterMs = 0
    this.#group.work(this.#clients.central, mirrored, this.#usQuakes.identity, () => (workingAfterMs = performance.now() - killed))
    await this.#until(() => workingAfterMs > 0, 'the group to go on on central')
    this.#tell(`The group was moved to central over REST, and reads ${mirrored} there ${Math.round(workingAfterMs)} ms after the kill.`)
    await left
    const atCentral = await this.#stations.ends('central', usTopics.map(mirroredTopic))
    await this.#until(
      async () => this.#group.seen.size >= (await this.#stations.ends('central', [mirrored])),
      'the group to read all that central has',
    )
    const rereadPromised = moved.groups.flatMap(({ partitions }) => partitions).reduce((sum, { rereads }) => sum + rereads, 0)
    return { failover: { strandedRecords: Math.max(0, atUs - atCentral), movedAfterMs, workingAfterMs, rereadPromised }, beforeFailover }
  }

  async #moveGroup(dryRun: boolean): Promise<FailoverReport> {
    return this.#rest.mirrors.call<FailoverReport>('POST', `/mirrors/${encodeURIComponent(US_MIRROR)}/failover`, {
      groups: [GROUP],
      dryRun,
    })
  }

  async #bringBack(): Promise<number> {
    const begin = performance.now()
    this.#processes.start('us', ['broker', brokerFile(this.#layout, 'us')])
    await this.#until(() => listens(this.#layout.brokers.us), 'us to listen again', READY_MS)
    const tookMs = performance.now() - begin
    this.#down.delete('us')
    this.#tell(`us is back after ${Math.round(tookMs)} ms; its records go on.`)
    return tookMs
  }

  /** Until every record is everywhere, or nothing moves any more: then the comparison tells what is missing. */
  async #arrived(): Promise<void> {
    const total = this.#total
    let [before, since] = ['', performance.now()]
    await this.#until(() => {
      const { region, central, postgres, file } = this.#counts
      const now = [region, central, postgres, file, this.#group.seen.size].join()
      if (now !== before) [before, since] = [now, performance.now()]
      const stands = performance.now() - since
      const all = Math.min(region, central, postgres, file) >= total && this.#group.seen.size >= this.#usQuakes.expected.size
      // a moment more, for what comes twice
      return (all && stands > 1000 && this.#mirrors.every(({ lagRecords }) => lagRecords === 0)) || stands > STEP_MS / 4
    }, 'all records to be everywhere')
    this.#tell('Comparing every station with the data set, record by record.')
  }

  async #report(failover: Report['failover'], beforeFailover: number, usBackAfterMs: number): Promise<Report> {
    const { expected } = this.#usQuakes
    const seen = this.#group.seen
    await this.#group.stop()
    const comparisons = await this.#stations.compare()
    const parts = {
      comparisons,
      group: {
        expected: expected.size,
        seen: seen.size,
        skipped: [...expected.keys()].filter((id) => !seen.has(id)).length,
        readAgain: this.#group.total - seen.size,
        beforeFailover,
      },
      mirrors: this.#mirrors.map((mirror) => ({
        name: mirror.name,
        state: mirror.state,
        records: mirror.recordsMirrored,
        lagRecords: mirror.lagRecords,
        lagMs: mirror.lagMs,
        mostLagMs: this.#mostLagMs.get(mirror.name) ?? null,
        lost: mirror.lostRecords,
        repeated: mirror.repeatedRecords,
      })),
    }
    return {
      ok: isWell(parts),
      seconds: (performance.now() - this.#begin) / 1000,
      dataSet: { records: this.#total, source: 'vega-datasets: earthquakes, weather, windvectors' },
      ...parts,
      failover,
      usBackAfterMs,
      postgres: this.#warehouse.from,
      folder: null,
    }
  }

  /** Looks at everything while the story goes on. */
  async #watch(signal: AbortSignal): Promise<void> {
    for (let look = 0; !signal.aborted; look++) {
      try {
        this.#counts = await this.#stations.counts(this.#down, this.#counts)
        this.#mirrors = await this.#rest.mirrors.call<MirrorStatus[]>('GET', '/mirrors')
        for (const { name, lagMs } of this.#mirrors) {
          if (lagMs !== null && this.#down.size === 0) this.#mostLagMs.set(name, Math.max(lagMs, this.#mostLagMs.get(name) ?? 0))
        }
        if (look % STATUS_EVERY_LOOKS === 0) await this.#checkConnectors()
        this.#show()
      } catch (error) {
        // a region that goes down in the middle of a look is no news
        if (this.#down.size === 0 && !signal.aborted) this.#failure ??= error as Error
      }
      await delay(WATCH_MS, undefined, { signal }).catch(() => {})
    }
  }

  async #checkConnectors(): Promise<void> {
    type Statuses = Record<
      string,
      { status: { connector: { state: string; trace?: string }; tasks: { id: number; state: string; trace?: string }[] } }
    >
    for (const cluster of CLUSTERS) {
      for (const [name, { status }] of Object.entries(await this.#rest[cluster].call<Statuses>('GET', '/connectors?expand=status'))) {
        const failed = [status.connector, ...status.tasks].find(({ state }) => state === 'FAILED')
        if (failed) throw new Error(`The connector ${name} on ${cluster} failed: ${failed.trace}`)
      }
    }
  }

  #show(): void {
    const of = (region: 'us' | 'eu') =>
      this.#feeds.filter((feed) => feed.region === region).reduce((sum, feed) => sum + feed.expected.size, 0)
    const { us, eu, central, postgres, file } = this.#counts
    const behind = (name: string) => {
      const mirror = this.#mirrors.find((each) => each.name === name)
      return mirror ? `${mirror.lagRecords} behind` : ''
    }
    this.#options.progress.show([
      { name: 'us', count: us, of: of('us'), note: this.#down.has('us') ? 'down' : behind('us->central') },
      { name: 'eu', count: eu, of: of('eu'), note: behind('eu->central') },
      { name: 'central', count: central, of: this.#total },
      { name: 'Postgres', count: postgres, of: this.#total },
      { name: 'file', count: file, of: this.#total },
      { name: 'group', count: this.#group.seen.size, of: this.#usQuakes.expected.size },
    ])
  }

  get #usQuakes(): Feed {
    return this.#feeds.find(({ region, topic }) => region === 'us' && topic === 'earthquakes')!
  }

  get #total(): number {
    return this.#feeds.reduce((sum, feed) => sum + feed.expected.size, 0)
  }

  #tell(text: string): void {
    this.#options.progress.tell(`${((performance.now() - this.#begin) / 1000).toFixed(1).padStart(5)} s  ${text}`)
  }

  #check(): void {
    if (this.#options.signal.aborted) throw new Stopped()
    this.#processes.check()
    this.#group.check()
    if (this.#failure) throw this.#failure
  }

  async #until(condition: () => unknown, what: string, withinMs = STEP_MS): Promise<void> {
    const deadline = performance.now() + withinMs
    for (;;) {
      this.#check()
      if (await condition()) return
      if (performance.now() > deadline) throw new Error(`Waited ${withinMs / 1000} s in vain for ${what}.`)
      await delay(LOOK_MS)
    }
  }
}

/** The user ended it. */
export class Stopped extends Error {
  override name = 'Stopped'
}

function listens(address: string): Promise<boolean> {
  const [host, port] = address.split(':') as [string, string]
  return new Promise((resolve) => {
    const socket = connect(Number(port), host)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
