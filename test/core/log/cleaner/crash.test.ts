/**
 * Story of core/log/cleaner. Goal: whenever a cleaning ends, also in the middle of any change to the disk, by a kill or by a power loss,
 * every key has its last committed value, what is not cleaned is unchanged, and producers go on. Method: random histories on a disk in
 * memory; the disk is built again as it was at a step of a cleaning; the log is opened on it, checked, cleaned and checked again.
 */
import { expect, test } from 'vitest'
import { openLogs } from '../../../../core/log/index.ts'
import type { LogConfig, Logs, PartitionLog } from '../../../../core/log/types.ts'
import { RecordingDisk } from '../../../power-cut/recording-disk.ts'
import { systemOn } from '../../../power-cut/simulated-broker.ts'
import { seededRandom } from '../../../random.ts'
import { config, options, T0, TOPIC_ID } from '../scratch-log.ts'
import { type CleanOptions, clean, rangeOf } from './compacted-log.ts'
import { History } from './history.ts'

const HISTORIES = 8
const PARTS = 3
const CRASHES_PER_CLEANING = 8
/** Each history opens some two hundred logs. */
const SLOW_MS = 240_000
const hour = 3600_000
const random = seededRandom()
const below = (limit: number) => Math.floor(random() * limit)

const compacted: LogConfig = { ...config, cleanupPolicy: ['compact'], segmentBytes: 900, indexIntervalBytes: 150, fileDeleteDelayMs: hour }

/** With larger segments than those that were written: some cleanings merge them. */
async function open(disk: RecordingDisk, segmentBytes = 4000): Promise<{ logs: Logs; log: PartitionLog }> {
  const logs = await openLogs(options('/data'), systemOn(disk))
  return { logs, log: await logs.open('t', TOPIC_ID, 0, { ...compacted, segmentBytes }) }
}

/** Cleans until everything is clean. Returns where the last cleaning ended. */
async function cleanAll(log: PartitionLog, from: number | undefined, options: CleanOptions): Promise<number | undefined> {
  for (let end = from; ; ) {
    const result = await clean(log, { ...options, from: end })
    if (result === null || result.endOffset === end) return end
    expect(result.isComplete).toBe(true)
    end = result.endOffset
    if (end >= rangeOf(log, end).firstUncleanableOffset) return end
  }
}

/** Steps in the middle of one cleaning, most of them after a rename: the names are what is not durable for longer than a moment. */
async function stepsOfCleaning(disk: RecordingDisk, cleaning: CleanOptions): Promise<number[]> {
  const { logs, log } = await open(disk)
  const from = disk.step
  const renamedAt: number[] = []
  disk.fault = ({ type }) => {
    if (type === 'rename') renamedAt.push(disk.step + 1)
  }
  await clean(log, { ...cleaning, disk })
  disk.fault = () => {}
  const changes = disk.step - from
  await logs.close()
  if (changes === 0) return []
  const step = () => (below(3) === 0 ? from + below(changes) : renamedAt[below(renamedAt.length)]!)
  return [...new Set(Array.from({ length: CRASHES_PER_CLEANING }, step))]
}

test.each(Array.from({ length: HISTORIES }, (_, index) => index))(
  'history %i',
  async () => {
    const disk = new RecordingDisk()
    const history = new History(random)
    let cleanedTo: number | undefined
    let nowMs = T0
    for (let part = 0; part < PARTS; part++) {
      const { logs, log } = await open(disk, compacted.segmentBytes)
      for (let step = 0; step < 30; step++) await history.step(log)
      if (part === PARTS - 1) await history.endAll(log)
      await history.check(log, cleanedTo ?? 0, disk)
      nowMs += below(40) * hour
      const cleaning = { nowMs, mapBytes: below(3) === 0 ? 0 : 1 << 20, bufferBytes: 100 + below(3000) }
      const { firstUncleanableOffset } = rangeOf(log, cleanedTo, nowMs)
      await logs.close()

      // The cleaning of a copy: the next part begins with the log as it was.
      const dying = disk.afterPowerCut(disk.step, 'kept', random)
      for (const step of await stepsOfCleaning(dying, { ...cleaning, ...(cleanedTo !== undefined && { from: cleanedTo }) })) {
        for (const unsynced of ['kept', 'lost', 'torn', 'reordered'] as const) {
          const left = dying.afterPowerCut(step, unsynced, random)
          const again = await open(left)
          await history.check(again.log, firstUncleanableOffset, left)
          await cleanAll(again.log, cleanedTo, { ...cleaning, disk: left })
          await history.check(again.log, firstUncleanableOffset, left)
          await again.logs.close()
        }
      }
      const { logs: healthy, log: healthyLog } = await open(disk)
      cleanedTo = await cleanAll(healthyLog, cleanedTo, { ...cleaning, disk })
      await history.check(healthyLog, firstUncleanableOffset, disk)
      await healthy.close()
    }
  },
  SLOW_MS,
)
