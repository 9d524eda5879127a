/**
 * The world, in one value: handed down from the composition roots. Nothing else reads a clock, a disk, randomness or the environment.
 */
import { type Clock, realClock } from './clock.ts'
import { type Disk, realDisk } from './disk.ts'
import { createLogger, type Logger, type LogLevel } from './logger.ts'
import { Metrics } from './metrics.ts'
import { type Random, realRandom } from './random.ts'

export interface System {
  clock: Clock
  disk: Disk
  random: Random
  logger: Logger
  metrics: Metrics
}

export function realSystem(level: LogLevel = 'info'): System {
  return { clock: realClock, disk: realDisk, random: realRandom, logger: createLogger(level), metrics: new Metrics() }
}
