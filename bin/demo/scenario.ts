/**
 * What happens in the demo: source connectors read files into `us` and `eu`, mirrors copy the records to `central`, sink connectors write
 * them out, a change source reads what they write to Postgres; the broker of `us` is killed with -9, its consumer group is failed over to
 * `central`, and `us` is started again. Every wait has a limit.
 */
import type { FailoverReport, MirrorStatus } from '../../mirror/types.ts'
import { AlertConsumer, SLOW_PROCESSING_MS } from './alert-consumer.ts'
import type { DemoEnvironment } from './environment.ts'
import { FeedWriter } from './feed-writer.ts'
import {
  changeSourceConnector,
  fileSinkConnector,
  GROUP,
  mirroredTopic,
  postgresSinkConnector,
  sourceConnector,
  tableOf,
} from './layout.ts'
import { Monitor } from './monitor.ts'
import type { DemoPostgres } from './postgres.ts'
import type { Progress } from './progress.ts'
import { isOk, isUpToDate, type Report } from './report.ts'
import type { Stages } from './stages.ts'

/** If no count changes for this long, no more records will arrive. */
const STANDSTILL_MS = 10_000
/** After all records have arrived: time for duplicates to arrive. */
const SETTLE_MS = 1000
/** The group has at least this many unread records when its cluster is killed. */
const UNREAD = 50
const US_MIRROR = 'us->central'

export async function runScenario(
  environment: DemoEnvironment,
  progress: Progress,
  log: (text: string) => void,
  signal: AbortSignal,
): Promise<Report> {
  const begin = performance.now()
  const { postgres, stages } = await environment.start()
  const scenario = new Scenario(environment, postgres, stages, progress, log)
  await scenario.createConnectors(signal)
  await Promise.all([scenario.streamChanges(), scenario.untilGroupIsHalfway()])
  const { failover, beforeFailover } = await scenario.failOver()
  const usUpAfterMs = await scenario.restartUs()
  await scenario.untilAllArrived()
  const parts = await scenario.compare(beforeFailover)
  return {
    ok: isOk(parts),
    seconds: (performance.now() - begin) / 1000,
    dataSet: { records: environment.total, source: 'vega-datasets: earthquakes, weather, windvectors' },
    ...parts,
    failover,
    usUpAfterMs,
    postgres: postgres.origin,
    changesMissing: 'missing' in postgres.changes ? postgres.changes.missing : null,
    folder: null,
  }
}

class Scenario {
  readonly #environment: DemoEnvironment
  readonly #postgres: DemoPostgres
  readonly #stages: Stages
  readonly #log: (text: string) => void
  readonly #consumer: AlertConsumer
  readonly #monitor: Monitor
  readonly #writer: FeedWriter
  #mirrors: readonly MirrorStatus[] = []

  constructor(environment: DemoEnvironment, postgres: DemoPostgres, stages: Stages, progress: Progress, log: (text: string) => void) {
    this.#environment = environment
    this.#postgres = postgres
    this.#stages = stages
    this.#log = log
    this.#consumer = new AlertConsumer(environment.system.clock, (error) => environment.fail(error))
    this.#writer = new FeedWriter(environment.layout, environment.feeds)
    this.#monitor = new Monitor(environment, stages, this.#consumer, progress)
    environment.onClose(() => this.#consumer.stop())
    environment.onClose(() => this.#monitor.stop())
  }

  async createConnectors(signal: AbortSignal): Promise<void> {
    const { feeds, layout, clients, usEarthquakes } = this.#environment
    for (const feed of feeds) await this.#environment.createConnector(feed.region, sourceConnector(layout, feed))
    await this.#environment.createConnector('central', fileSinkConnector(layout, feeds))
    await this.#environment.createConnector('central', postgresSinkConnector(this.#postgres.url, feeds))
    const sources = feeds.map(({ region, topic }) => `${region}/${topic}`).join(', ')
    this.#log(`Created connectors over REST: ${sources} read files; central/file-sink and central/postgres-sink write the records out.`)
    const end = new AbortController()
    const writing = this.#writer.run(AbortSignal.any([signal, end.signal])).catch((error: Error) => this.#environment.fail(error))
    this.#environment.onClose(async () => {
      end.abort()
      await writing
    })
    const { topic, identity } = usEarthquakes
    await this.#environment.until(async () => (await this.#stages.recordCount('us', [topic])) > 0, `records in ${topic} on us`)
    this.#consumer.start({ client: clients.us, topic, identity, processingMs: SLOW_PROCESSING_MS })
  }

  /** The snapshot begins while the sink writes: its end hands over to the stream, where no row may be missing or come twice. */
  async streamChanges(): Promise<void> {
    const { feeds } = this.#environment
    const { changes, url } = this.#postgres
    if ('missing' in changes) {
      this.#log(`The changes of Postgres are not read: ${changes.missing}.`)
      return
    }
    await this.#environment.until(
      async () => (await this.#postgres.counts(feeds.map(tableOf))).every((count) => count > 0),
      'rows in every table of Postgres',
    )
    await this.#environment.createConnector('central', changeSourceConnector(url, changes, feeds))
    this.#log("Created central/postgres-changes: it reads the tables' rows, then each change, while central/postgres-sink writes them.")
  }

  /** Waits until the group has read a part of its topic, and the mirror has checkpoints of the group. */
  async untilGroupIsHalfway(): Promise<void> {
    const { usEarthquakes } = this.#environment
    const half = usEarthquakes.expected.size / 2
    const mirrored = mirroredTopic(usEarthquakes)
    await this.#environment.until(
      async () =>
        this.#consumer.seen.size > 0 &&
        this.#writer.written.get(usEarthquakes)! > half &&
        (await this.#stages.recordCount('central', [mirrored])) > this.#consumer.seen.size + UNREAD,
      `the group ${GROUP} to read a part of its topic`,
    )
    await this.#environment.until(async () => {
      const { groups } = await this.#failOverGroup(true)
      return groups.some(({ group, partitions }) => group === GROUP && partitions.length > 0)
    }, `the mirror to have checkpoints of the group ${GROUP}`)
  }

  async failOver(): Promise<{ failover: Report['failover']; beforeFailover: number }> {
    const { feeds, clients, usEarthquakes } = this.#environment
    const usTopics = feeds.filter(({ region }) => region === 'us')
    const atUs = await this.#stages.recordCount(
      'us',
      usTopics.map(({ topic }) => topic),
    )
    const killed = performance.now()
    this.#monitor.down.add('us')
    await this.#environment.killBroker('us')
    const stopped = this.#consumer.stop()
    this.#environment.onClose(() => stopped)
    const beforeFailover = this.#consumer.seen.size
    this.#log(`Killed the broker of us with -9; its consumer group ${GROUP} has read ${beforeFailover} records.`)

    const report = await this.#failOverGroup(false)
    const committedAfterMs = performance.now() - killed
    const refused = report.groups.find(({ applied }) => !applied)
    if (refused || report.groups.length === 0)
      throw new Error(`The group was not failed over to central: ${refused?.reason ?? 'the mirror has no checkpoints of it'}`)
    const topic = mirroredTopic(usEarthquakes)
    const firstRecord = Promise.withResolvers<void>()
    this.#consumer.start({
      client: clients.central,
      topic,
      identity: usEarthquakes.identity,
      processingMs: 0,
      onFirstRecord: firstRecord.resolve,
    })
    await this.#environment.during(firstRecord.promise, 'the group to read on central')
    const readingAfterMs = performance.now() - killed
    this.#log(`Failed the group over to central over REST; it reads ${topic} there ${Math.round(readingAfterMs)} ms after the kill.`)
    const atCentral = await this.#stages.recordCount('central', usTopics.map(mirroredTopic))
    const reached = async () => this.#consumer.seen.size >= (await this.#stages.recordCount('central', [topic]))
    await this.#environment.until(reached, 'the group to read all records on central')
    const rereadsReported = report.groups.flatMap(({ partitions }) => partitions).reduce((sum, { rereads }) => sum + rereads, 0)
    return {
      failover: { unmirroredRecords: Math.max(0, atUs - atCentral), committedAfterMs, readingAfterMs, rereadsReported },
      beforeFailover,
    }
  }

  #failOverGroup(dryRun: boolean): Promise<FailoverReport> {
    const path = `/mirrors/${encodeURIComponent(US_MIRROR)}/failover`
    return this.#environment.rest.mirrors.call<FailoverReport>('POST', path, { groups: [GROUP], dryRun })
  }

  async restartUs(): Promise<number> {
    const begin = performance.now()
    await this.#environment.startBroker('us')
    const tookMs = performance.now() - begin
    this.#monitor.down.delete('us')
    this.#log(`Started the broker of us again in ${Math.round(tookMs)} ms; its remaining records follow.`)
    return tookMs
  }

  /** Waits until every record has arrived in every stage, or no count changes: then the comparison shows what is missing. */
  async untilAllArrived(): Promise<void> {
    const { total, usEarthquakes } = this.#environment
    let [lastCounts, changedAt] = ['', performance.now()]
    await this.#environment.until(() => {
      const { region, central, postgres, changes, file } = this.#monitor.counts
      const counts = [region, central, postgres, changes, file, this.#consumer.seen.size].join()
      if (counts !== lastCounts) [lastCounts, changedAt] = [counts, performance.now()]
      const unchangedMs = performance.now() - changedAt
      // The report shows this state: after the next heartbeat a mirror has lag again.
      this.#mirrors = this.#monitor.mirrors
      const streamed = this.#stages.hasChanges ? changes : total
      const all = Math.min(region, central, postgres, streamed, file) >= total && this.#consumer.seen.size >= usEarthquakes.expected.size
      return (all && unchangedMs > SETTLE_MS && this.#mirrors.length > 0 && this.#mirrors.every(isUpToDate)) || unchangedMs > STANDSTILL_MS
    }, 'all records to arrive in every stage')
    await this.#monitor.stop()
    this.#log('Comparing every stage with the data set, record by record.')
  }

  async compare(beforeFailover: number): Promise<Pick<Report, 'comparisons' | 'group' | 'mirrors'>> {
    const { expected } = this.#environment.usEarthquakes
    const { seen } = this.#consumer
    await this.#consumer.stop()
    return {
      comparisons: await this.#stages.compare(),
      group: {
        expected: expected.size,
        seen: seen.size,
        skipped: [...expected.keys()].filter((id) => !seen.has(id)).length,
        readAgain: this.#consumer.total - seen.size,
        beforeFailover,
      },
      mirrors: this.#mirrors.map((mirror) => ({
        name: mirror.name,
        state: mirror.state,
        records: mirror.recordsMirrored,
        lagRecords: mirror.lagRecords,
        lagMs: mirror.lagMs,
        maxLagMs: this.#monitor.maxLagMs.get(mirror.name) ?? null,
        lost: mirror.lostRecords,
        repeated: mirror.repeatedRecords,
      })),
    }
  }
}
