/**
 * What all logs of a broker share: the disk, the clock, the bounded memory, and the scheduler of the writes of a turn of the event loop.
 */

import type { BufferPool } from '../system/buffer-pool.ts'
import type { Clock } from '../system/clock.ts'
import type { Disk } from '../system/disk.ts'
import type { Logger } from '../system/logger.ts'
import type { OpenFiles } from './open-files.ts'
import type { TailCacheBudget } from './tail-cache.ts'
import type { WriteScheduler } from './write-scheduler.ts'

export interface LogContext {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly files: OpenFiles
  readonly pool: BufferPool
  readonly tailCaches: TailCacheBudget
  readonly scheduler: WriteScheduler
  readonly flush: 'commit' | 'os'
}
