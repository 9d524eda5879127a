/**
 * Everything that the demo's story plays on: three clusters, their workers, the mirrors, Postgres, and the ways to ask them. It knows how to
 * begin and how to end, in order or at once; what happens in between is the story's.
 */
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, createClient } from '../../core/client/index.ts'
import type { System } from '../../core/system/index.ts'
import { CLOSE_MS, within } from './alert-consumer.ts'
import { type Feed, loadFeeds } from './data-set.ts'
import { brokerFile, CLUSTERS, type Cluster, createLayout, type Layout, mirrorFile, workerFile } from './layout.ts'
import { DemoPostgres } from './postgres.ts'
import { Processes } from './processes.ts'
import { RestClient } from './rest-client.ts'
import { Stages } from './stages.ts'

const READY_MS = 30_000
const STEP_MS = 40_000
const LOOK_MS = 20

export interface EnvironmentOptions {
  folder: string
  postgresUrl: string | undefined
  system: System
  signal: AbortSignal
  log(text: string): void
}

/** The user ended it. */
export class Stopped extends Error {
  override name = 'Stopped'
}

export class DemoEnvironment {
  readonly feeds: readonly Feed[]
  readonly layout: Layout
  readonly clients: Readonly<Record<Cluster, Client>>
  readonly rest: Readonly<Record<Cluster | 'mirrors', RestClient>>
  readonly #options: EnvironmentOptions
  readonly #processes: Processes
  readonly #closers: (() => Promise<unknown>)[] = []
  #opening: Promise<DemoPostgres> | null = null
  #failure: Error | null = null

  private constructor(options: EnvironmentOptions, feeds: readonly Feed[], layout: Layout) {
    this.#options = options
    this.feeds = feeds
    this.layout = layout
    this.#processes = new Processes(options.folder)
    const client = (cluster: Cluster) => createClient({ bootstrapServers: layout.brokers[cluster], clientId: 'demo' }, options.system)
    this.clients = { us: client('us'), eu: client('eu'), central: client('central') }
    const rest = (address: string) => new RestClient(`http://${address}`)
    const { us, eu, central } = layout.workers
    this.rest = { us: rest(us), eu: rest(eu), central: rest(central), mirrors: rest(layout.mirrors) }
  }

  /** Nothing runs yet. */
  static async create(options: EnvironmentOptions): Promise<DemoEnvironment> {
    const feeds = await loadFeeds()
    return new DemoEnvironment(options, feeds, await createLayout(options.folder, feeds))
  }

  get usQuakes(): Feed {
    return this.feeds.find(({ region, topic }) => region === 'us' && topic === 'earthquakes')!
  }

  get total(): number {
    return this.feeds.reduce((sum, feed) => sum + feed.expected.size, 0)
  }

  async start(): Promise<{ warehouse: DemoPostgres; stations: Stages }> {
    const { folder, postgresUrl, signal, log: tell } = this.#options
    this.#closers.push(() => this.#processes.stop())
    this.#closers.push(() => within(CLOSE_MS, Promise.all(Object.values(this.clients).map((client) => client.close()))))
    this.#opening = DemoPostgres.open(folder, postgresUrl, signal)
    // its failure is told where it is awaited
    this.#opening.catch(() => {})
    await Promise.all(CLUSTERS.map((cluster) => this.startBroker(cluster)))
    tell(`Clusters us, eu and central are up (${CLUSTERS.map((cluster) => this.layout.brokers[cluster]).join(', ')}).`)

    for (const cluster of CLUSTERS) this.#processes.start(`worker-${cluster}`, ['connect', workerFile(this.layout, cluster)])
    this.#processes.start('mirrors', ['mirror', mirrorFile(this.layout)])
    const warehouse = await this.#opening
    this.onClose(() => warehouse.close())
    tell(`Postgres is up (${warehouse.from}).`)
    await Promise.all([
      ...CLUSTERS.map((cluster) => this.rest[cluster].ready('/connectors', READY_MS, () => this.check())),
      this.rest.mirrors.ready('/mirrors', READY_MS, () => this.check()),
    ])
    tell('A worker on each, and the mirrors us->central and eu->central, answer over REST.')
    return { warehouse, stations: new Stages(this.layout, this.feeds, this.clients, warehouse) }
  }

  /** Resolves when it listens. */
  async startBroker(cluster: Cluster): Promise<void> {
    this.#processes.start(cluster, ['broker', brokerFile(this.layout, cluster)])
    await this.until(() => listens(this.layout.brokers[cluster]), `the broker ${cluster} to listen`, READY_MS)
  }

  /** kill -9. */
  killBroker(cluster: Cluster): Promise<void> {
    return this.#processes.kill(cluster)
  }

  /** A cluster whose workers are settling says 409 and means: again. */
  async createConnector(cluster: Cluster, connector: { name: string; config: Record<string, string> }): Promise<void> {
    await this.until(async () => {
      try {
        await this.rest[cluster].call('POST', '/connectors', connector)
        return true
      } catch (error) {
        if ((error as Error).message.includes(' answered 409')) return false
        throw error
      }
    }, `the connector ${connector.name} to be created on ${cluster}`)
  }

  onClose(close: () => Promise<unknown>): void {
    this.#closers.push(close)
  }

  /** Ends the story with an error at its next look. */
  fail(error: Error): void {
    this.#failure ??= error
  }

  /** Throws what makes going on vain. */
  check(): void {
    if (this.#options.signal.aborted) throw new Stopped()
    this.#processes.check()
    if (this.#failure) throw this.#failure
  }

  async until(condition: () => unknown, what: string, withinMs = STEP_MS): Promise<void> {
    const deadline = performance.now() + withinMs
    for (;;) {
      this.check()
      if (await condition()) return
      if (performance.now() > deadline) throw new Error(`Waited ${withinMs / 1000} s in vain for ${what}.`)
      await delay(LOOK_MS)
    }
  }

  /** Ends everything, last first. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) {
      await close().catch((error: Error) => this.#options.log(`While cleaning up: ${error.message}`))
    }
  }

  /** Ends at once: what runs is killed, for all of it is thrown away, and only what lies outside of the folder is put in order. */
  async abort(): Promise<void> {
    await this.#processes.killAll()
    const warehouse = await this.#opening?.catch(() => null)
    await warehouse?.close().catch((error: Error) => this.#options.log(`While cleaning up: ${error.message}`))
  }
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
