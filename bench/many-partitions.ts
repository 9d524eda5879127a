/**
 * What do 2,000 topics of 5 partitions cost? Created over one connection, one request after the other, with one topic and with a hundred in
 * each; then a start on them until a Metadata answer names a leader for every partition, and the memory after it. Compared with Kafka.
 */
import { setTimeout as pause } from 'node:timers/promises'
import createTopics from '../core/apis/19-create-topics.ts'
import { allMetadata, type Contender, startContender, turnAbout } from './contenders.ts'
import { RawConnection } from './raw-connection.ts'
import { show, usage } from './table.ts'

const TOPICS = 2_000
const PARTITIONS = 5
const SETTLE_MS = 2_000
const CREATE_TOPICS_VERSION = 5

/** Creates `count` topics in requests of `perRequest`; resolves with the seconds. */
async function create(address: string, prefix: string, count: number, perRequest: number): Promise<number> {
  const connection = await RawConnection.open(address)
  const startedMs = performance.now()
  for (let from = 0; from < count; from += perRequest) {
    const topics = Array.from({ length: Math.min(perRequest, count - from) }, (_, index) => ({
      name: `${prefix}-${from + index}`,
      numPartitions: PARTITIONS,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    }))
    const answer = await connection.request(createTopics, CREATE_TOPICS_VERSION, { topics, timeoutMs: 60_000, validateOnly: false })
    const failed = answer.topics.find(({ errorCode }) => errorCode !== 0)
    if (failed) throw new Error(`topic ${failed.name}: error ${failed.errorCode}`)
  }
  connection.close()
  return (performance.now() - startedMs) / 1000
}

const ready = ({ topics }: Awaited<ReturnType<typeof allMetadata>>): boolean =>
  topics.length === TOPICS &&
  topics.every(
    ({ errorCode, partitions }) => errorCode === 0 && partitions.length === PARTITIONS && partitions.every((p) => p.leaderId >= 0),
  )

async function quickestAnswerMs(broker: Contender): Promise<number> {
  let quickest = Number.POSITIVE_INFINITY
  for (let asked = 0; asked < 10; asked++) {
    const startedMs = performance.now()
    await allMetadata(broker.address)
    quickest = Math.min(quickest, performance.now() - startedMs)
  }
  return quickest
}

async function main(): Promise<void> {
  const rows = await turnAbout(async (side, comparison) => {
    const broker = await startContender(side)
    try {
      comparison.add(side, `create ${TOPICS / 2} topics, one in a request, s`, await create(broker.address, 'one', TOPICS / 2, 1))
      comparison.add(side, `create ${TOPICS / 2} topics, 100 in a request, s`, await create(broker.address, 'many', TOPICS / 2, 100))
      comparison.add(side, 'CPU of both, s', usage(broker.pid).cpuS)
      const stoppedMs = performance.now()
      await broker.exit()
      comparison.add(side, 'clean stop, s', (performance.now() - stoppedMs) / 1000)
      comparison.add(side, `start with ${TOPICS * PARTITIONS} partitions, s`, await broker.start(ready))
      await pause(SETTLE_MS)
      comparison.add(side, 'memory idle, MB', broker.memoryMb())
      comparison.add(side, 'Metadata of all topics, ms', await quickestAnswerMs(broker))
    } finally {
      await broker.stop()
    }
  })
  show(`What do ${TOPICS} topics of ${PARTITIONS} partitions cost?`, rows)
}

if (import.meta.main) await main()
