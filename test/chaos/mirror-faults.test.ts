/**
 * Goal: whatever order failures and requests come in, a flow neither fails nor hangs, loses and repeats no record, and stops in time. Method: two
 * of our own brokers behind fault proxies; in each round a random fault on one side, some while the flow is paused, resumed, failed over or
 * stopped, and records before and after it. The seed is logged.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { Logger } from '../../core/system/logger.ts'
import { type MirrorService, startMirrors } from '../../mirror/index.ts'
import { type FaultProxy, faultProxy } from '../fault-proxy.ts'
import { caughtUp, createTopic, ourCluster, properties, quietSystem, write } from '../mirror/clusters.ts'
import { expectSameRecords, type OurCluster } from '../mirror/started-flow.ts'
import { seededRandom } from '../random.ts'
import { until } from '../until.ts'

const ROUNDS = 12
const PARTITIONS = 3
/** A stop lets batches arrive and writes the progress, each within a bound. */
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

test('after random faults on both sides the target equals the source', async () => {
  const random = seededRandom()
  const below = (limit: number) => Math.floor(random() * limit)
  const pick = <T>(values: readonly T[]): T => values[below(values.length)]!
  const [us, central] = await Promise.all([proxiedCluster(), proxiedCluster()])
  await createTopic(us, 't', PARTITIONS)
  const unexpected: string[] = []
  const onRejection = (error: unknown) => void unexpected.push(`unhandled rejection: ${error instanceof Error ? error.stack : error}`)
  process.on('unhandledRejection', onRejection)
  onTestFinished(() => void process.off('unhandledRejection', onRejection))
  const steps: string[] = []
  const logger: Logger = {
    error(fields, message) {
      const { err } = fields as { err?: Error & { error?: string } }
      // The first of two mirrors is fenced.
      if (err?.error === 'PRODUCER_FENCED' || err?.error === 'INVALID_PRODUCER_EPOCH') steps.push(`  ${message} ${err.message}`)
      else unexpected.push(`${message} ${err?.stack ?? JSON.stringify(fields)}`)
    },
    warn: (fields, message) => void steps.push(`  ${message} ${(fields as { err?: Error }).err?.message ?? JSON.stringify(fields)}`),
    info: () => {},
    debug: () => {},
    child: () => logger,
  }
  const given = properties(us, central, {
    'us->central.topics': 't',
    'emit.heartbeats.enabled': 'false',
    'refresh.topics.interval.seconds': '1',
    'us.request.timeout.ms': '1500',
    'central.request.timeout.ms': '1500',
    'max.in.flight.bytes': '262144',
  })
  const startMirror = () => startMirrors(given, { ...quietSystem(), logger })
  let mirror: MirrorService = await startMirror()
  onTestFinished(() => mirror.close())
  const stop = async () => {
    const startedMs = performance.now()
    await mirror.close()
    expect(performance.now() - startedMs, 'ms until the mirror has stopped').toBeLessThan(STOP_MS)
  }
  const faults = {
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
    deleteTarget: async () => {
      await central.client.admin.deleteTopics(['us.t']).catch(() => {})
    },
  } as const
  const requests = {
    none: async () => {},
    pauseAndResume: async () => {
      await mirror.pause('us->central')
      await pause(below(500))
      await mirror.resume('us->central')
    },
    failover: async () => {
      await mirror.failover('us->central', { groups: 'all', dryRun: true }).catch((error) => steps.push(`  failover: ${error.message}`))
    },
    failoverAndResume: async () => {
      await mirror.failover('us->central', { groups: 'all', dryRun: false }).catch((error) => steps.push(`  failover: ${error.message}`))
      await mirror.resume('us->central')
    },
    restart: async () => {
      await stop()
      await pause(below(200))
      mirror = await startMirror()
    },
    restartTwice: async () => {
      await stop()
      mirror = await startMirror()
      await pause(below(300))
      await stop()
      mirror = await startMirror()
    },
    secondMirror: async () => {
      const second = await startMirror()
      await pause(below(600))
      await stop()
      mirror = second
    },
  } as const
  let written = 0
  const rounds = Number(process.env.TRIBUTARY_TEST_ROUNDS ?? ROUNDS)
  try {
    for (let round = 0; round < rounds; round++) {
      await write(us, 't', 300, { from: written, partitions: PARTITIONS, codec: pick(['none', 'lz4', 'zstd']) })
      written += 300
      const fault = pick(Object.keys(faults) as (keyof typeof faults)[])
      const request = pick(Object.keys(requests) as (keyof typeof requests)[])
      const cluster = pick([us, central])
      steps.push(`round ${round}: ${fault} of ${cluster === us ? 'us' : 'central'}, ${request}`)
      await pause(below(100))
      await Promise.all([faults[fault](cluster), pause(below(400)).then(requests[request])])
      if (random() < 0.5) continue
      await write(us, 't', 50, { from: written, partitions: PARTITIONS })
      written += 50
      await caughtUp(mirror, 'us->central', written, 40_000)
    }
    await write(us, 't', 30, { from: written, partitions: PARTITIONS })
    written += 30
    await caughtUp(mirror, 'us->central', written, 40_000)
    await until(async () => {
      const topic = await central.client.topic('us.t', { refresh: true })
      return topic?.partitions.length === PARTITIONS
    }, 'the target topic exists')
    await expectSameRecords({ us, central }, PARTITIONS)
    expect(unexpected).toEqual([])
    expect(mirror.status('us->central')).toMatchObject({ lostRecords: 0 })
    await stop()
  } catch (error) {
    console.log([...steps.slice(-60), ...unexpected, JSON.stringify(mirror.status('us->central'), null, 1)].join('\n'))
    throw error
  }
}, 240_000)
