/**
 * Clock, disk, randomness, names of hosts, logs and metrics in one value, which the composition roots create and pass on. Nothing else
 * accesses them.
 */
import { type Clock, realClock } from './clock.ts'
import { type Disk, realDisk } from './disk.ts'
import { type HostNames, realHostNames } from './host-names.ts'
import { createLogger, type Logger, type LogLevel } from './logger.ts'
import { Metrics } from './metrics.ts'
import { type Random, realRandom } from './random.ts'

export interface System {
  clock: Clock
  disk: Disk
  random: Random
  hostNames: HostNames
  logger: Logger
  metrics: Metrics
}

export function realSystem(level: LogLevel = 'info'): System {
  return {
    clock: realClock,
    disk: realDisk,
    random: realRandom,
    hostNames: realHostNames,
    logger: createLogger(level),
    metrics: new Metrics(),
  }
}
