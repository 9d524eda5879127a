/**
 * Goal: in whatever order failures and requests come, a flow neither fails nor hangs, loses and repeats no record, and stops in time.
 * Method: two of our own brokers behind fault proxies; each round has a random fault on one side while the flow is paused, resumed, failed
 * over or restarted, or its source topic is recreated. The seed is logged; TRIBUTARY_TEST_SEED=n repeats its choices.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { KafkaError } from '../../core/errors.ts'
import type { Logger } from '../../core/system/logger.ts'
import { type MirrorService, startMirrors } from '../../mirror/index.ts'
import { type FaultProxy, faultProxy } from '../fault-proxy.ts'
import { type Cluster, caughtUp, content, createTopic, ourCluster, properties, quietSystem, readAll, write } from '../mirror/clusters.ts'
import { expectSameRecords, type OurCluster, recreateTopic } from '../mirror/started-flow.ts'
import { seededRandom } from '../random.ts'
import { until } from '../until.ts'

const ROUNDS = 10
const PARTITIONS = 3
const STOP_MS = 5_000

interface ProxiedCluster extends OurCluster {
  proxy: FaultProxy
}

async function proxiedCluster(): Promise<ProxiedCluster> {
  const proxy = await faultProxy(0)
  onTestFinished(() => proxy.close())
  const cluster = await ourCluster({ 'advertised.listeners': `PLAINTEXT://${proxy.address}` })
  proxy.target = cluster.broker.port
  return { ...cluster, address: proxy.address, proxy }
}

/** Logs of a mirror: what happened, in the order of it, and what must not happen. */
function watchedSystem() {
  const steps: string[] = []
  const unexpected: string[] = []
  const onRejection = (error: unknown) => void unexpected.push(`unhandled rejection: ${error instanceof Error ? error.stack : error}`)
  process.on('unhandledRejection', onRejection)
  onTestFinished(() => void process.off('unhandledRejection', onRejection))
  const logger: Logger = {
    error(fields, message) {
      const { err, reason } = fields as { err?: Error & { error?: string }; reason?: string }
      // The first of two mirrors is fenced; records of a recreated topic are lost.
      const isExpected = err?.error === 'PRODUCER_FENCED' || err?.error === 'INVALID_PRODUCER_EPOCH' || reason === 'recreated'
      ;(isExpected ? steps : unexpected).push(`  ${message} ${err?.stack ?? JSON.stringify(fields)}`)
    },
    warn(fields, message) {
      const { err } = fields as { err?: Error }
      const log = err instanceof KafkaError || !err || /^no(t written| response) within/.test(err.message) ? steps : unexpected
      log.push(`  ${message} ${err?.stack ?? JSON.stringify(fields)}`)
    },
    info: () => {},
    debug: () => {},
    child: () => logger,
  }
  return { steps, unexpected, system: { ...quietSystem(), logger } }
}

/** A stop lets batches arrive and writes the progress, each within a bound. */
async function stopInTime(mirror: MirrorService): Promise<void> {
  const startedMs = performance.now()
  await mirror.close()
  expect(performance.now() - startedMs, 'ms until the mirror has stopped').toBeLessThan(STOP_MS)
}

const settingsOf = (us: Cluster, central: Cluster) =>
  properties(us, central, {
    'us->central.topics': 't',
    'emit.heartbeats.enabled': 'false',
    'refresh.topics.interval.seconds': '1',
    'us.request.timeout.ms': '1500',
    'central.request.timeout.ms': '1500',
    'max.in.flight.bytes': '262144',
  })

function draws() {
  const random = seededRandom()
  const below = (limit: number) => Math.floor(random() * limit)
  return { random, below, pick: <T>(values: readonly T[]): T => values[below(values.length)]! }
}

const faultsOf = ({ random, below }: ReturnType<typeof draws>) => ({
  refuse: async ({ proxy }: ProxiedCluster) => {
    proxy.mode = 'refuse'
    proxy.cut()
    await pause(below(1_500))
    proxy.mode = 'pass'
  },
  swallow: async ({ proxy }: ProxiedCluster) => {
    proxy.mode = 'swallow'
    await pause(below(2_500))
    proxy.mode = 'pass'
    proxy.cut()
  },
  cutResponses: async ({ proxy }: ProxiedCluster) => {
    proxy.onResponse = (chunk) => (random() < 0.3 ? { pass: below(chunk.length), cut: true } : { pass: chunk.length, cut: false })
    await pause(below(1_000))
    proxy.onResponse = null
  },
  freeze: async ({ broker }: ProxiedCluster) => {
    process.kill(broker.pid, 'SIGSTOP')
    await pause(below(2_500))
    process.kill(broker.pid, 'SIGCONT')
  },
  kill: async ({ broker }: ProxiedCluster) => {
    await broker.kill()
    await pause(below(500))
    await broker.start()
  },
})

test('after random faults and requests the target equals the source', async () => {
  const moments = draws()
  const { random, below, pick } = moments
  const [us, central] = await Promise.all([proxiedCluster(), proxiedCluster()])
  await createTopic(us, 't', PARTITIONS)
  const { steps, unexpected, system } = watchedSystem()
  const startMirror = () => startMirrors(settingsOf(us, central), system)
  let mirror = await startMirror()
  onTestFinished(() => mirror.close())
  const faults = {
    ...faultsOf(moments),
    deleteTarget: async () => {
      await central.client.admin.deleteTopics(['us.t']).catch(() => {})
    },
  }
  const failover = (dryRun: boolean) =>
    mirror.failover('us->central', { groups: 'all', dryRun }).catch((error) => void steps.push(`  failover: ${error.message}`))
  const requests = {
    none: async () => {},
    pauseAndResume: async () => {
      await mirror.pause('us->central')
      await pause(below(500))
      await mirror.resume('us->central')
    },
    failover: async () => {
      await failover(true)
    },
    failoverAndResume: async () => {
      await failover(false)
      await mirror.resume('us->central')
    },
    restart: async () => {
      await stopInTime(mirror)
      await pause(below(200))
      mirror = await startMirror()
    },
    restartTwice: async () => {
      await stopInTime(mirror)
      mirror = await startMirror()
      await pause(below(300))
      await stopInTime(mirror)
      mirror = await startMirror()
    },
    secondMirror: async () => {
      const second = await startMirror()
      await pause(below(600))
      await stopInTime(mirror)
      mirror = second
    },
  }
  let written = 0
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await write(us, 't', 300, { from: written, partitions: PARTITIONS, codec: pick(['none', 'lz4', 'zstd']) })
      written += 300
      const fault = pick(Object.keys(faults) as (keyof typeof faults)[])
      const request = pick(Object.keys(requests) as (keyof typeof requests)[])
      const cluster = pick([us, central])
      steps.push(`round ${round}: ${fault} of ${cluster === us ? 'us' : 'central'}, ${request}`)
      await pause(below(100))
      await Promise.all([faults[fault](cluster), pause(below(400)).then(requests[request])])
      if (random() < 0.5) await caughtUp(mirror, 'us->central', written, 40_000)
    }
    // A mirror without new records learns at refresh.topics.interval.seconds only that its target was deleted.
    await write(us, 't', PARTITIONS, { from: written, partitions: PARTITIONS })
    written += PARTITIONS
    await caughtUp(mirror, 'us->central', written, 40_000)
    await expectSameRecords({ us, central }, PARTITIONS)
    expect(mirror.status('us->central')).toMatchObject({ lostRecords: 0 })
    await stopInTime(mirror)
    expect(unexpected).toEqual([])
  } catch (error) {
    console.log([...steps, ...unexpected, JSON.stringify(mirror.status('us->central'), null, 1)].join('\n'))
    throw error
  }
}, 240_000)

test('a source topic that is recreated again and again is mirrored from its beginning each time', async () => {
  const moments = draws()
  const { below, pick } = moments
  const [us, central] = await Promise.all([proxiedCluster(), proxiedCluster()])
  const { steps, unexpected, system } = watchedSystem()
  const startMirror = () => startMirrors(settingsOf(us, central), system)
  let partitions = PARTITIONS
  await createTopic(us, 't', partitions)
  let mirror = await startMirror()
  onTestFinished(() => mirror.close())
  const faults = {
    ...faultsOf(moments),
    deleteTarget: async () => {
      await central.client.admin.deleteTopics(['us.t']).catch(() => {})
    },
    pause: async () => {
      await mirror.pause('us->central')
      await pause(below(1_500))
      await mirror.resume('us->central')
    },
    restart: async () => {
      await stopInTime(mirror)
      await pause(below(500))
      mirror = await startMirror()
    },
  }
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const count = pick([0, 100, 300])
      const fault = pick(Object.keys(faults) as (keyof typeof faults)[])
      await write(us, 't', count, { from: round * 1000, partitions })
      partitions = 1 + below(PARTITIONS)
      steps.push(`round ${round}: ${count} records, ${fault}, then ${partitions} partitions`)
      await pause(below(300))
      await Promise.all([faults[fault](central), pause(below(600)).then(() => recreateTopic(us, 't', partitions))])
      if (below(3) > 0) continue
      await write(us, 't', 30, { from: round * 1000 + 500, partitions })
      await expectEndsWithSource()
    }
    await write(us, 't', 30, { from: 900_000, partitions })
    await expectEndsWithSource()
    await stopInTime(mirror)
    expect(unexpected).toEqual([])
  } catch (error) {
    console.log([...steps, ...unexpected, JSON.stringify(mirror.status('us->central'), null, 1)].join('\n'))
    throw error
  }

  /** Until the flow is without lag, and the last records of each target partition are those of the source. */
  async function expectEndsWithSource(): Promise<void> {
    await until(
      async () => {
        const status = mirror.status('us->central')
        if (status.state === 'FAILED') throw new Error(status.trace)
        if (status.lagMs === null || status.lagRecords > 0) return false
        for (let partition = 0; partition < partitions; partition++) {
          const source = content((await readAll(us, 't', partition)).records)
          const target = content((await readAll(central, 'us.t', partition)).records)
          if (source.length === 0) continue
          if (JSON.stringify(target.slice(-source.length)) !== JSON.stringify(source)) return false
        }
        return true
      },
      'the target ends with the records of the source',
      40_000,
    )
  }
}, 240_000)

test('a mirror that is stopped while it starts stops in time, and a later one mirrors everything', async () => {
  const { below, pick } = draws()
  const [us, central] = await Promise.all([proxiedCluster(), proxiedCluster()])
  await createTopic(us, 't', PARTITIONS)
  await write(us, 't', 300, { partitions: PARTITIONS })
  const { steps, unexpected, system } = watchedSystem()
  const startMirror = () => startMirrors(settingsOf(us, central), system)
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const { proxy } of [us, central]) proxy.mode = pick(['pass', 'pass', 'refuse', 'swallow'])
      steps.push(`round ${round}: us ${us.proxy.mode}, central ${central.proxy.mode}`)
      const mirror = await startMirror()
      await pause(below(1_000))
      for (const { proxy } of [us, central]) if (below(2) === 0) proxy.mode = pick(['pass', 'refuse', 'swallow'])
      await pause(below(500))
      if (below(3) === 0) void mirror.pause('us->central').then(() => mirror.resume('us->central'))
      await stopInTime(mirror)
    }
    for (const { proxy } of [us, central]) {
      proxy.mode = 'pass'
      proxy.cut()
    }
    const mirror = await startMirror()
    onTestFinished(() => mirror.close())
    await caughtUp(mirror, 'us->central', 300, 40_000)
    await expectSameRecords({ us, central }, PARTITIONS)
    await stopInTime(mirror)
    expect(unexpected).toEqual([])
  } catch (error) {
    console.log([...steps, ...unexpected].join('\n'))
    throw error
  }
}, 240_000)
