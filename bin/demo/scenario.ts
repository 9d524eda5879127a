/**
 * What happens in the demo: regions collect, mirrors aggregate, sinks deliver, `us` is killed with -9 in the middle of it, its consumer group
 * goes on on `central`, and `us` comes back. Every wait has a deadline and says what it waited for.
 */
import type { FailoverReport, MirrorStatus } from '../../mirror/types.ts'
import { AlertConsumer, SLOW_WORK_MS } from './alert-consumer.ts'
import type { DemoEnvironment } from './environment.ts'
import { FeedWriter } from './feed-writer.ts'
import { fileSinkConnector, GROUP, mirroredTopic, postgresSinkConnector, sourceConnector } from './layout.ts'
import { Monitor } from './monitor.ts'
import type { DemoPostgres } from './postgres.ts'
import type { Progress } from './progress.ts'
import { isOk, isUpToDate, type Report } from './report.ts'
import type { Stages } from './stages.ts'

/** Nothing comes any more where nothing came for so long. */
const STANDSTILL_MS = 10_000
/** What comes twice may come a moment later. */
const SETTLE_MS = 1000
/** The group has at least so much before it when its region is killed. */
const UNREAD = 50
const US_MIRROR = 'us->central'

export async function runScenario(
  scene: DemoEnvironment,
  progress: Progress,
  tell: (text: string) => void,
  signal: AbortSignal,
): Promise<Report> {
  const begin = performance.now()
  const { warehouse, stations } = await scene.start()
  const story = new Scenario(scene, warehouse, stations, progress, tell)
  await story.connect(signal)
  await story.untilMidway()
  const { failover, beforeFailover } = await story.failOver()
  const usBackAfterMs = await story.bringBack()
  await story.untilArrived()
  const parts = await story.compare(beforeFailover)
  return {
    ok: isOk(parts),
    seconds: (performance.now() - begin) / 1000,
    dataSet: { records: scene.total, source: 'vega-datasets: earthquakes, weather, windvectors' },
    ...parts,
    failover,
    usBackAfterMs,
    postgres: warehouse.from,
    folder: null,
  }
}

class Scenario {
  readonly #scene: DemoEnvironment
  readonly #warehouse: DemoPostgres
  readonly #stations: Stages
  readonly #tell: (text: string) => void
  readonly #group = new AlertConsumer()
  readonly #watch: Monitor
  readonly #writer: FeedWriter
  #mirrors: readonly MirrorStatus[] = []

  constructor(scene: DemoEnvironment, warehouse: DemoPostgres, stations: Stages, progress: Progress, tell: (text: string) => void) {
    this.#scene = scene
    this.#warehouse = warehouse
    this.#stations = stations
    this.#tell = tell
    this.#writer = new FeedWriter(scene.layout, scene.feeds)
    this.#watch = new Monitor(scene, stations, this.#group, progress)
    scene.onClose(() => this.#group.stop())
    scene.onClose(() => this.#watch.end())
  }

  async connect(signal: AbortSignal): Promise<void> {
    const { feeds, layout, clients, usQuakes } = this.#scene
    for (const feed of feeds) await this.#scene.createConnector(feed.region, sourceConnector(layout, feed))
    await this.#scene.createConnector('central', fileSinkConnector(layout, feeds))
    await this.#scene.createConnector('central', postgresSinkConnector(this.#warehouse.url, feeds))
    const sources = feeds.map(({ region, topic }) => `${region}/${topic}`).join(', ')
    this.#tell(`Connectors are made over REST: ${sources} read files; central/archive and central/warehouse deliver.`)
    const end = new AbortController()
    const writing = this.#writer.run(AbortSignal.any([signal, end.signal])).catch((error: Error) => this.#scene.fail(error))
    this.#scene.onClose(async () => {
      end.abort()
      await writing
    })
    const { topic, identity } = usQuakes
    await this.#scene.until(async () => (await this.#stations.recordCount('us', [topic])) > 0, `records in ${topic} on us`)
    this.#group.work({ client: clients.us, topic, identity, workMs: SLOW_WORK_MS })
  }

  /** Until the group is in the middle of its work, and the mirror knows of it. */
  async untilMidway(): Promise<void> {
    const { usQuakes } = this.#scene
    const half = usQuakes.expected.size / 2
    const mirrored = mirroredTopic(usQuakes)
    await this.#scene.until(
      async () =>
        this.#group.seen.size > 0 &&
        this.#writer.written.get(usQuakes)! > half &&
        (await this.#stations.recordCount('central', [mirrored])) > this.#group.seen.size + UNREAD,
      `the group ${GROUP} to be in the middle of its work`,
    )
    await this.#scene.until(async () => {
      const { groups } = await this.#moveGroup(true)
      return groups.some(({ group, partitions }) => group === GROUP && partitions.length > 0)
    }, `the mirror to know the group ${GROUP}`)
  }

  async failOver(): Promise<{ failover: Report['failover']; beforeFailover: number }> {
    const { feeds, clients, usQuakes } = this.#scene
    const usTopics = feeds.filter(({ region }) => region === 'us')
    const atUs = await this.#stations.recordCount(
      'us',
      usTopics.map(({ topic }) => topic),
    )
    const killed = performance.now()
    this.#watch.down.add('us')
    await this.#scene.killBroker('us')
    const left = this.#group.stop()
    this.#scene.onClose(() => left)
    const beforeFailover = this.#group.seen.size
    this.#tell(`kill -9 of us, with ${beforeFailover} records read by its group ${GROUP}.`)

    const moved = await this.#moveGroup(false)
    const movedAfterMs = performance.now() - killed
    const refused = moved.groups.find(({ applied }) => !applied)
    if (refused || moved.groups.length === 0)
      throw new Error(`The group was not moved to central: ${refused?.reason ?? 'the mirror does not know it'}`)
    const topic = mirroredTopic(usQuakes)
    let workingAfterMs = 0
    const first = () => {
      workingAfterMs = performance.now() - killed
    }
    this.#group.work({ client: clients.central, topic, identity: usQuakes.identity, workMs: 0, first })
    await this.#scene.until(() => workingAfterMs > 0, 'the group to go on on central')
    this.#tell(`The group was moved to central over REST, and reads ${topic} there ${Math.round(workingAfterMs)} ms after the kill.`)
    const atCentral = await this.#stations.recordCount('central', usTopics.map(mirroredTopic))
    const reached = async () => this.#group.seen.size >= (await this.#stations.recordCount('central', [topic]))
    await this.#scene.until(reached, 'the group to read all that central has')
    const rereadPromised = moved.groups.flatMap(({ partitions }) => partitions).reduce((sum, { rereads }) => sum + rereads, 0)
    return { failover: { strandedRecords: Math.max(0, atUs - atCentral), movedAfterMs, workingAfterMs, rereadPromised }, beforeFailover }
  }

  #moveGroup(dryRun: boolean): Promise<FailoverReport> {
    const path = `/mirrors/${encodeURIComponent(US_MIRROR)}/failover`
    return this.#scene.rest.mirrors.call<FailoverReport>('POST', path, { groups: [GROUP], dryRun })
  }

  async bringBack(): Promise<number> {
    const begin = performance.now()
    await this.#scene.startBroker('us')
    const tookMs = performance.now() - begin
    this.#watch.down.delete('us')
    this.#tell(`us is back after ${Math.round(tookMs)} ms; its records go on.`)
    return tookMs
  }

  /** Until every record is everywhere, or nothing moves any more: then the comparison tells what is missing. */
  async untilArrived(): Promise<void> {
    const { total, usQuakes } = this.#scene
    let [before, since] = ['', performance.now()]
    await this.#scene.until(() => {
      const { region, central, postgres, file } = this.#watch.counts
      const now = [region, central, postgres, file, this.#group.seen.size].join()
      if (now !== before) [before, since] = [now, performance.now()]
      const stands = performance.now() - since
      // the look that decides is the one that is told of: a heartbeat that comes a moment later puts a mirror behind again
      this.#mirrors = this.#watch.mirrors
      const all = Math.min(region, central, postgres, file) >= total && this.#group.seen.size >= usQuakes.expected.size
      return (all && stands > SETTLE_MS && this.#mirrors.length > 0 && this.#mirrors.every(isUpToDate)) || stands > STANDSTILL_MS
    }, 'all records to be everywhere')
    await this.#watch.end()
    this.#tell('Comparing every station with the data set, record by record.')
  }

  async compare(beforeFailover: number): Promise<Pick<Report, 'comparisons' | 'group' | 'mirrors'>> {
    const { expected } = this.#scene.usQuakes
    const { seen } = this.#group
    await this.#group.stop()
    return {
      comparisons: await this.#stations.compare(),
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
        mostLagMs: this.#watch.maxLagMs.get(mirror.name) ?? null,
        lost: mirror.lostRecords,
        repeated: mirror.repeatedRecords,
      })),
    }
  }
}
