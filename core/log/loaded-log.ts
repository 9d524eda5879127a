/**
 * What is asked of the loading of a partition, and what comes of it.
 */
import type { LeaderEpochs } from './leader-epoch-cache.ts'
import type { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'
import type { OnDamage } from './types.ts'

export interface LoadRequest {
  topic: string
  topicId: string
  partition: number
  folder: string
  /** The folder of all partitions, whose entry for this one must be durable. */
  parent: string
  /** True when the last stop wrote everything. */
  clean: boolean
  recoveryPoint: number
  logStartOffset: number
  indexIntervalBytes: number
  /** A producer that wrote nothing since then repeats nothing. */
  repeatsSinceMs: number
  damage: OnDamage
  /** Compaction leaves gaps between offsets; elsewhere a gap is a loss. */
  isCompacted: boolean
}

export interface LoadedLog {
  topic: string
  topicId: string
  partition: number
  folder: string
  segments: Segment[]
  producers: ProducerState
  epochs: LeaderEpochs
  leaderEpoch: number
  logStartOffset: number
  logEndOffset: number
  /** True when a clean stop has something to write: nothing tells yet that the files are whole. */
  touched: boolean
  namesToSync: { files: string[]; folders: string[] }
}
