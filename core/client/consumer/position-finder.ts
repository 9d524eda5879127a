/**
 * Finds the positions of partitions that have none: the group's committed offset, else the reset policy. Validates positions after a change
 * of leader: a truncated log is read from its new end (KIP-320). Errors become the readers' delays and failures; nothing rejects.
 */
import { accessHint, isRetriable, KafkaError } from '../../errors.ts'
import { partitionKey } from '../../topic-partition.ts'
import type { CommittedOffset } from '../group/group-offsets.ts'
import { listOffsets, offsetsForLeaderEpochs } from '../partition-offsets.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { TopicPartition } from '../types.ts'
import type { PartitionReader } from './partition-reader.ts'

export interface PositionSettings {
  autoOffsetReset: 'earliest' | 'latest' | 'none'
  isolationLevel: 0 | 1
}

interface PositionFinderOptions {
  settings: PositionSettings
  /** The offsets that the consumer's group has committed; none without a group. */
  committed: (partitions: readonly TopicPartition[], signal: AbortSignal) => Promise<CommittedOffset[]>
  /** Back-off before the next request for the partition. */
  delay: (reader: PartitionReader) => void
  /** A request for the partitions has failed. Readers with another revision are ignored. */
  onRequestFailed: (readers: readonly PartitionReader[], revisions: readonly number[], error: unknown) => void
  signal: AbortSignal
}

export class PositionFinder {
  readonly #router: RequestRouter
  readonly #options: PositionFinderOptions

  constructor(router: RequestRouter, options: PositionFinderOptions) {
    this.#router = router
    this.#options = options
  }

  async find(readers: readonly PartitionReader[]): Promise<void> {
    const { settings, signal, committed, delay, onRequestFailed } = this.#options
    const revisions = readers.map((reader) => reader.begin())
    const unresolved = () => readers.filter((reader, index) => reader.revision === revisions[index])
    try {
      const withCommitted = readers.filter((reader) => reader.positionSource === 'committed')
      if (withCommitted.length > 0) {
        const committedOffsets = new Map((await committed(withCommitted, signal)).map((entry) => [partitionKey(entry), entry]))
        for (const reader of unresolved()) {
          if (reader.positionSource !== 'committed') continue
          const entry = committedOffsets.get(partitionKey(reader))
          if (entry) this.#resolve(reader, entry)
          else if (settings.autoOffsetReset !== 'none') reader.useResetPolicy(settings.autoOffsetReset)
          else {
            const why = 'has no committed offset and auto.offset.reset is none: commit one or seek'
            this.#failWithoutReset(reader, new KafkaError('OFFSET_OUT_OF_RANGE', `${partitionKey(reader)} ${why}`))
          }
        }
      }
      const toList = unresolved().flatMap((reader) => {
        const { topic, partition, positionSource: spec } = reader
        return spec === 'earliest' || spec === 'latest' ? [{ topic, partition, spec, reader, revision: reader.revision }] : []
      })
      const offsets = await listOffsets(this.#router, toList, { isolationLevel: settings.isolationLevel, signal })
      for (const [index, entry] of offsets.entries()) {
        const { reader, revision } = toList[index]!
        if (reader.revision !== revision) continue
        if (entry.error === null) {
          this.#resolve(reader, entry)
          continue
        }
        delay(reader)
        if (!isRetriable(entry.error)) reader.fail(new KafkaError(entry.error, `${partitionKey(reader)}: ${entry.error}`))
      }
    } catch (error) {
      if (!signal.aborted) onRequestFailed(readers, revisions, error)
    }
    readers.forEach((reader, index) => void reader.end(revisions[index]!))
  }

  #resolve(reader: PartitionReader, { offset, leaderEpoch }: { offset: number; leaderEpoch: number }): void {
    reader.seek(offset, leaderEpoch)
    reader.succeeded()
  }

  /** The log does not have the position: resets it, or fails where auto.offset.reset is none. */
  reset(reader: PartitionReader): void {
    const { topic, partition, fetchOffset } = reader
    const { autoOffsetReset } = this.#options.settings
    if (autoOffsetReset !== 'none') {
      this.#router.system.logger.info(
        { topic, partition, offset: fetchOffset, reset: autoOffsetReset },
        'the offset is out of range; the position is reset',
      )
      reader.reset(autoOffsetReset)
      return
    }
    const why = `has no offset ${fetchOffset} and auto.offset.reset is none: seek to one that it has`
    this.#failWithoutReset(reader, new KafkaError('OFFSET_OUT_OF_RANGE', `${partitionKey(reader)} ${why}`))
  }

  #failWithoutReset(reader: PartitionReader, failure: KafkaError): void {
    reader.delayUntil(this.#router.system.clock.monotonic() + this.#router.settings.retryBackoffMaxMs)
    reader.fail(failure)
  }

  /**
   * Checks after a change of leader that the new leader's log still has the records that were read and fetched. `readers` have the same
   * leader. One attempt: a partition that fails waits for its own back-off, and the others are fetched again.
   */
  async validate(readers: readonly PartitionReader[]): Promise<void> {
    const { signal, onRequestFailed } = this.#options
    const revisions = readers.map((reader) => reader.begin())
    const epochs = readers.map((reader) => this.#router.metadata.peek(reader.topic)?.partitions[reader.partition]?.leaderEpoch ?? -1)
    try {
      const ends = await offsetsForLeaderEpochs(
        this.#router,
        readers.map(({ topic, partition, lastEpoch }) => ({ topic, partition, leaderEpoch: lastEpoch })),
        { retry: false, signal },
      )
      for (const [index, { error, endOffset, leaderEpoch }] of ends.entries()) {
        const reader = readers[index]!
        if (reader.revision !== revisions[index]) continue
        // A broker without this request cannot report a truncation: the position is accepted.
        if (error !== null && error !== 'UNSUPPORTED_VERSION') {
          onRequestFailed(
            [reader],
            [reader.revision],
            new KafkaError(error, `${partitionKey(reader)}: ${error}${accessHint(error, 'DESCRIBE')}`),
          )
          continue
        }
        if (error === null) this.#truncate(reader, endOffset, leaderEpoch)
        reader.validated(epochs[index]!)
      }
    } catch (error) {
      if (!signal.aborted) onRequestFailed(readers, revisions, error)
    }
    readers.forEach((reader, index) => void reader.end(revisions[index]!))
  }

  /** Drops what was fetched after `endOffset`: the leader's log does not have it. */
  #truncate(reader: PartitionReader, endOffset: number, leaderEpoch: number): void {
    if (endOffset < 0 || endOffset >= reader.fetchOffset) return
    const { topic, partition, position = 0 } = reader
    reader.seek(Math.min(endOffset, position), leaderEpoch)
    if (endOffset >= position) return
    this.#router.system.logger.warn({ topic, partition, position, endOffset }, 'the log was truncated to an offset before the position')
    if (this.#options.settings.autoOffsetReset === 'none')
      reader.fail(
        new KafkaError('OFFSET_OUT_OF_RANGE', `${partitionKey(reader)} was truncated to offset ${endOffset}, the position was ${position}`),
      )
  }
}
