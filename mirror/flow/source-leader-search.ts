/**
 * Finds the leader of a partition at the source again, and checks that its log still contains what was read. A partition without a leader,
 * or whose leader keeps refusing fetches, is retried with back-off, and logged once.
 */
import type { Client, TopicMetadata } from '../../core/client/index.ts'
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import type { System } from '../../core/system/index.ts'
import type { Logger } from '../../core/system/logger.ts'
import { epochEndOffsets } from '../resume/resume-point.ts'
import type { PartitionProgress, SourceLeader } from '../transfer/partition-progress.ts'

export const LEADER_RETRY = { baseMs: 100, maxMs: 5_000 }
/** Tries after which a partition without a usable leader is logged. */
const LOGGED_AFTER_TRIES = 4

/** Whether another topic has the name now, and it does not have the partition. */
export const recreatedWithout = (topic: TopicMetadata, { topicId, partition }: PartitionProgress): boolean =>
  topic.id !== topicId && partition >= topic.partitions.length

export interface SourceLeaderSearchOptions {
  /** Of the flow, for the log. */
  name: string
  source: Client
  system: Pick<System, 'clock' | 'random'>
  logger: Logger
  signal: AbortSignal
}

/** The leader, or why the resume point of the partition has to be determined again. */
export type FoundLeader = SourceLeader | { restartReason: string }

export class SourceLeaderSearch {
  readonly #options: SourceLeaderSearchOptions

  constructor(options: SourceLeaderSearchOptions) {
    this.#options = options
  }

  /** Null where the flow ends first. `error` is the error of the last leader's fetch response. */
  async find(partition: PartitionProgress, error: ErrorName | null): Promise<FoundLeader | null> {
    const { name, logger, signal } = this.#options
    if (error) await this.#delayRefused(partition, error)
    for (let attempt = 0; !signal.aborted; attempt++) {
      const result = await this.#tryFind(partition, attempt > 0).catch((failure: unknown) => {
        if (failure instanceof KafkaError && failure.retriable) return failure
        throw failure
      })
      if (result !== null && !(result instanceof Error)) return result
      if (attempt === LOGGED_AFTER_TRIES)
        logger.warn(
          { mirror: name, topic: partition.topic, partition: partition.partition, err: result ?? undefined },
          'no leader of this partition can be found at the source; retrying',
        )
      await this.#backOff(attempt)
    }
    return null
  }

  #backOff(attempt: number): Promise<void> {
    const { clock, random } = this.#options.system
    return clock.sleep(backoffMs(LEADER_RETRY, attempt, random), this.#options.signal)
  }

  /** The first refusal may come from a leader that has just changed; after that each fetch waits longer. */
  async #delayRefused({ topic, partition, refusedFetches }: PartitionProgress, error: ErrorName): Promise<void> {
    const { name, logger } = this.#options
    if (refusedFetches === LOGGED_AFTER_TRIES)
      logger.warn({ mirror: name, topic, partition, error }, 'the source keeps refusing fetches of this partition; retrying with back-off')
    if (refusedFetches > 1) await this.#backOff(refusedFetches - 2)
  }

  /** Null where there is no leader now. `always` compares leader epochs even where the leader has not changed. */
  async #tryFind(partition: PartitionProgress, always: boolean): Promise<FoundLeader | null> {
    const { source } = this.#options
    const topic = await source.topic(partition.topic, { refresh: true })
    if (topic && recreatedWithout(topic, partition)) return { restartReason: 'the topic was recreated at the source' }
    const metadata = topic?.partitions[partition.partition]
    if (!topic || !metadata || metadata.leader < 0) return null
    if (topic.id !== partition.topicId) return { restartReason: 'the topic was recreated at the source' }
    const { leader, leaderEpoch } = metadata
    if (always || leaderEpoch !== partition.sourceLeader.leaderEpoch) {
      const [endOffset] = await epochEndOffsets(source, [
        { topic: partition.topic, partition: partition.partition, batchEpoch: partition.batchLeaderEpoch },
      ])
      if (endOffset! >= 0 && endOffset! < partition.fetchOffset)
        return { restartReason: 'the new leader of the source does not have all records that were read' }
    }
    return { leader, leaderEpoch }
  }
}
