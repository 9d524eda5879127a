/**
 * The environment of the demo: three clusters, their workers, the mirrors and Postgres, and clients for all of them. It starts everything,
 * stops it in reverse order or at once, and reports the first failure to whatever waits; what happens in between is scenario.ts.
 */
import { connect } from 'node:net'
import { type Client, createClient } from '../../core/client/index.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import type { System } from '../../core/system/index.ts'
import { within } from '../../core/system/within.ts'
import { type Feed, loadFeeds } from './data-set.ts'
import { brokerFile, CLUSTERS, type Cluster, createLayout, type Layout, mirrorFile, workerFile } from './layout.ts'
import { DemoPostgres } from './postgres.ts'
import { Processes } from './processes.ts'
import { RestClient } from './rest-client.ts'
import { Stages } from './stages.ts'

const READY_MS = 30_000
const STEP_MS = 40_000
/** How long a client tries to leave its groups before it closes: its cluster may be down. */
export const CLOSE_MS = 1500
const POLL = { baseMs: 20, maxMs: 200 }

export interface EnvironmentOptions {
  folder: string
  postgresUrl: string | undefined
  system: System
  signal: AbortSignal
  log(text: string): void
}

/** The user has stopped the demo. */
export class DemoStopped extends Error {
  override name = 'DemoStopped'
}

export class DemoEnvironment {
  readonly feeds: readonly Feed[]
  readonly layout: Layout
  readonly clients: Readonly<Record<Cluster, Client>>
  readonly rest: Readonly<Record<Cluster | 'mirrors', RestClient>>
  readonly system: System
  readonly #options: EnvironmentOptions
  readonly #processes: Processes
  readonly #closers: (() => Promise<unknown>)[] = []
  readonly #failed = Promise.withResolvers<never>()
  #postgres: Promise<DemoPostgres> | null = null

  private constructor(options: EnvironmentOptions, feeds: readonly Feed[], layout: Layout) {
    const { system, signal } = options
    this.#options = options
    this.system = system
    this.feeds = feeds
    this.layout = layout
    // The error is thrown by what waits.
    this.#failed.promise.catch(() => {})
    signal.addEventListener('abort', () => this.fail(new DemoStopped()), { once: true })
    this.#processes = new Processes(options.folder, (error) => this.fail(error))
    const client = (cluster: Cluster) => createClient({ bootstrapServers: layout.brokers[cluster], clientId: 'demo' }, system)
    this.clients = { us: client('us'), eu: client('eu'), central: client('central') }
    const rest = (address: string) => new RestClient(`http://${address}`)
    const { us, eu, central } = layout.workers
    this.rest = { us: rest(us), eu: rest(eu), central: rest(central), mirrors: rest(layout.mirrors) }
  }

  /** Writes the files of the demo; `start` starts the processes. */
  static async create(options: EnvironmentOptions): Promise<DemoEnvironment> {
    const feeds = await loadFeeds()
    return new DemoEnvironment(options, feeds, await createLayout(options.folder, feeds))
  }

  get usEarthquakes(): Feed {
    return this.feeds.find(({ region, topic }) => region === 'us' && topic === 'earthquakes')!
  }

  get total(): number {
    return this.feeds.reduce((sum, feed) => sum + feed.expected.size, 0)
  }

  async start(): Promise<{ postgres: DemoPostgres; stages: Stages }> {
    const { folder, postgresUrl, signal, log } = this.#options
    // After the processes: a worker uses it until it stops.
    this.#closers.push(() => this.#closePostgres())
    this.#closers.push(() => this.#processes.stop())
    this.#closers.push(() => this.#closeClients())
    this.#postgres = DemoPostgres.open(folder, postgresUrl, signal)
    // Its error is thrown where it is awaited.
    this.#postgres.catch(() => {})
    await Promise.all(CLUSTERS.map((cluster) => this.startBroker(cluster)))
    log(`Clusters us, eu and central are up (${CLUSTERS.map((cluster) => this.layout.brokers[cluster]).join(', ')}).`)

    for (const cluster of CLUSTERS) this.#processes.start(`worker-${cluster}`, ['connect', workerFile(this.layout, cluster)])
    this.#processes.start('mirrors', ['mirror', mirrorFile(this.layout)])
    const postgres = await this.#postgres
    log(`Postgres is up (${postgres.origin}).`)
    await Promise.all([...CLUSTERS.map((cluster) => this.#untilReady(cluster, '/connectors')), this.#untilReady('mirrors', '/mirrors')])
    log('A worker on each cluster and the mirrors us->central and eu->central respond over REST.')
    return { postgres, stages: new Stages(this.layout, this.feeds, this.clients, postgres) }
  }

  /** Resolves when the broker listens. */
  async startBroker(cluster: Cluster): Promise<void> {
    this.#processes.start(cluster, ['broker', brokerFile(this.layout, cluster)])
    await this.until(() => listens(this.layout.brokers[cluster]), `the broker ${cluster} to listen`, READY_MS)
  }

  /** kill -9. */
  killBroker(cluster: Cluster): Promise<void> {
    return this.#processes.kill(cluster)
  }

  /** Repeats the request while the worker responds with 409, which means that its group rebalances. */
  async createConnector(cluster: Cluster, connector: { name: string; config: Record<string, string> }): Promise<void> {
    await this.until(async () => {
      try {
        await this.rest[cluster].call('POST', '/connectors', connector)
        return true
      } catch (error) {
        if ((error as Error).message.includes(' responded with 409')) return false
        throw error
      }
    }, `the connector ${connector.name} to be created on ${cluster}`)
  }

  onClose(close: () => Promise<unknown>): void {
    this.#closers.push(close)
  }

  /** Makes everything that waits throw this error; only the first one counts. */
  fail(error: Error): void {
    this.#failed.reject(error)
  }

  /** Waits for something that this process does. */
  async during<T>(step: Promise<T>, what: string, timeoutMs = STEP_MS): Promise<T> {
    const timer = new AbortController()
    const late = this.system.clock.sleep(timeoutMs, timer.signal).then(() => {
      throw new Error(`Waited ${timeoutMs / 1000} s for ${what}.`)
    })
    late.catch(() => {})
    try {
      return await Promise.race([step, this.#failed.promise, late])
    } finally {
      timer.abort()
    }
  }

  /** Waits for something that other processes do. */
  async until(condition: () => unknown, what: string, timeoutMs = STEP_MS): Promise<void> {
    const { clock, random } = this.system
    const deadline = clock.monotonic() + timeoutMs
    for (let attempt = 0; ; attempt++) {
      if (await this.during(Promise.resolve(condition()), what, timeoutMs)) return
      if (clock.monotonic() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s for ${what}.`)
      await this.during(clock.sleep(backoffMs(POLL, attempt, random)), what)
    }
  }

  /** Stops everything, last first. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) {
      await close().catch((error: Error) => this.#options.log(`While stopping: ${error.message}`))
    }
  }

  /** Stops at once: kills the processes, whose data is deleted anyway, and cleans up only what is outside of the folder. */
  async abort(): Promise<void> {
    await this.#processes.killAll()
    await this.#closePostgres().catch((error: Error) => this.#options.log(`While stopping: ${error.message}`))
  }

  async #closePostgres(): Promise<void> {
    const postgres = await this.#postgres?.catch(() => null)
    await postgres?.close()
  }

  async #closeClients(): Promise<void> {
    const closing = Promise.all(Object.values(this.clients).map((client) => client.close()))
    if (await within(this.system.clock, CLOSE_MS, closing)) await closing
  }

  async #untilReady(server: Cluster | 'mirrors', path: string): Promise<void> {
    let last: Error | null = null
    try {
      await this.until(
        async () => {
          try {
            await this.rest[server].call('GET', path)
            return true
          } catch (error) {
            last = error as Error
            return false
          }
        },
        `${server} to respond over REST`,
        READY_MS,
      )
    } catch (error) {
      // The failed request says more than that there was no response.
      if (last !== null) (error as Error).cause ??= last
      throw error
    }
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
