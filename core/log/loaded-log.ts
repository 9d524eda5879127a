/**
 * The parameters and the result of loading a partition.
 */
import type { KafkaError } from '../errors.ts'
import type { LeaderEpochCache } from './leader-epoch-cache.ts'
import type { NamesToSync } from './log-writer.ts'
import type { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'
import type { OnDamage } from './types.ts'

export interface NewLogRequest {
  topic: string
  topicId: string
  partition: number
  folder: string
  /** The log directory, whose entry for the folder must be durable. */
  parent: string
  logStartOffset: number
}

export interface LoadRequest extends NewLogRequest {
  /** What is in the folder; null where it does not exist. */
  names: readonly string[] | null
  /** True where its partition.metadata has the topic id. */
  isIdentified: boolean
  /** True after a clean shutdown. */
  clean: boolean
  recoveryPoint: number
  indexIntervalBytes: number
  /** A producer without a batch since then sends no duplicates. */
  producersActiveSinceMs: number
  onDamage: OnDamage
  /** Compaction leaves gaps between offsets; in other logs a gap is a loss. */
  isCompacted: boolean
}

export interface LoadedLog {
  topic: string
  topicId: string
  partition: number
  folder: string
  segments: Segment[]
  producers: ProducerState
  epochs: LeaderEpochCache
  leaderEpoch: number
  logStartOffset: number
  logEndOffset: number
  /** True when a clean stop has files to write. */
  needsFlush: boolean
  namesToSync: NamesToSync
  /** Why the log rejects appends from the start. */
  failure: KafkaError | null
}
