/**
 * Story of core/log/cleaner. Goal: whenever a cleaning ends, also in the middle of any change to the disk, by a kill or by a power loss,
 * every key has its last committed value, what is not cleaned is unchanged, and producers go on. Method: random histories; the disk stops
 * working after the n-th change of a cleaning; the log is opened again on what is left, checked, cleaned and checked again.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openLogs } from '../../../../core/log/index.ts'
import type { LogConfig, Logs, PartitionLog } from '../../../../core/log/types.ts'
import { type Disk, realDisk } from '../../../../core/system/disk.ts'
import { realSystem } from '../../../../core/system/index.ts'
import { seededRandom } from '../../../random.ts'
import { config, options, T0, TOPIC_ID } from '../scratch-log.ts'
import { type CleanOptions, clean, rangeOf } from './compacted-log.ts'
import { History } from './history.ts'
import { lossyDisk } from './lossy-disk.ts'

const HISTORIES = 4
const CRASHES_PER_CLEANING = 5
/** Each history opens some sixty logs, and waits for the disk. */
const SLOW_MS = 240_000
const hour = 3600_000
const random = seededRandom()
const below = (limit: number) => Math.floor(random() * limit)
const root = mkdtempSync(join(tmpdir(), 'tributary-cleaner-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const compacted: LogConfig = { ...config, cleanupPolicy: ['compact'], segmentBytes: 900, indexIntervalBytes: 150, fileDeleteDelayMs: hour }

/** With larger segments than those that were written: some cleanings merge them. */
async function open(dir: string, disk: Disk = realDisk, segmentBytes = 4000): Promise<{ logs: Logs; log: PartitionLog }> {
  const logs = await openLogs(options(dir), { ...realSystem('silent'), disk })
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

test.each(Array.from({ length: HISTORIES }, (_, index) => index))(
  'history %i',
  async () => {
    const dir = join(root, `log-${below(1e9)}`)
    const history = new History(random)
    let cleanedTo: number | undefined
    let nowMs = T0
    for (let part = 0; part < 3; part++) {
      const { logs, log } = await open(dir)
      for (let step = 0; step < 30; step++) await history.step(log)
      if (part === 2) await history.endAll(log)
      await history.check(log, cleanedTo ?? 0)
      nowMs += below(40) * hour
      const cleaning: CleanOptions = { nowMs, mapBytes: below(3) === 0 ? 0 : 1 << 20, bufferBytes: 100 + below(3000) }
      const { firstUncleanableOffset } = rangeOf(log, cleanedTo, nowMs)
      await logs.close()

      // How many changes does the cleaning make?
      const counted = join(root, `count-${below(1e9)}`)
      cpSync(dir, counted, { recursive: true })
      const counter = lossyDisk(join(counted, 't-0'), `${counted}-shadow`)
      const whole = await open(counted, counter)
      counter.failAfter(Number.POSITIVE_INFINITY)
      await clean(whole.log, { ...cleaning, from: cleanedTo, disk: counter })
      const { changes, renamedAt } = counter
      await whole.logs.close()

      // The names are what is not durable for longer than a moment.
      const moment = () => (below(3) === 0 ? below(changes) : Math.min(changes - 1, renamedAt[below(renamedAt.length)]!))
      const points = new Set(changes === 0 ? [] : Array.from({ length: CRASHES_PER_CLEANING }, moment))
      for (const point of points) {
        const crashed = join(root, `crash-${below(1e9)}`)
        cpSync(dir, crashed, { recursive: true })
        const disk = lossyDisk(join(crashed, 't-0'), `${crashed}-shadow`)
        const { logs: dying, log: dyingLog } = await open(crashed, disk)
        disk.failAfter(point)
        await clean(dyingLog, { ...cleaning, from: cleanedTo, disk }).catch(() => null)
        expect(disk.hasFailed, `change ${point} of ${changes}`).toBe(true)
        const killed = `${crashed}-killed`
        const lost = `${crashed}-lost`
        for (const left of [killed, lost]) {
          cpSync(crashed, left, { recursive: true })
          rmSync(join(left, '.lock'), { force: true })
          rmSync(join(left, '.kafka_cleanshutdown'), { force: true })
        }
        rmSync(join(lost, 't-0'), { recursive: true })
        disk.loseTo(join(lost, 't-0'), () => below(2) === 0)
        disk.failAfter(Number.POSITIVE_INFINITY)
        await dying.close().catch(() => {})
        for (const left of [killed, lost]) {
          const again = await open(left)
          await history.check(again.log, firstUncleanableOffset)
          await cleanAll(again.log, cleanedTo, cleaning)
          await history.check(again.log, firstUncleanableOffset)
          await again.logs.close()
          rmSync(left, { recursive: true })
        }
        rmSync(crashed, { recursive: true })
      }
      const { logs: healthy, log: healthyLog } = await open(dir)
      cleanedTo = await cleanAll(healthyLog, cleanedTo, cleaning)
      await history.check(healthyLog, firstUncleanableOffset)
      await healthy.close()
    }
  },
  SLOW_MS,
)
