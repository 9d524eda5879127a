/**
 * Counts and logs what a resume point means for a partition: records that are lost, records that may be on the target twice, and what was
 * compared. No loss is silent (Invariant 11), and with auto.offset.reset=none a loss stops the flow.
 */
import { KafkaError } from '../../core/errors.ts'
import type { Logger } from '../../core/system/logger.ts'
import type { ResumePoint } from '../resume/resume-point.ts'
import type { Loss } from '../resume/start-plan.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import type { PartitionProgress } from '../transfer/partition-progress.ts'

export class LossReport {
  readonly #settings: FlowSettings
  readonly #logger: Logger

  constructor(settings: FlowSettings, logger: Logger) {
    this.#settings = settings
    this.#logger = logger
  }

  #fields({ topic, partition }: PartitionProgress) {
    return { mirror: this.#settings.name, topic, partition }
  }

  /** To be called when the partition is at the resume point. */
  resumed(partition: PartitionProgress, { notes, tail, losses }: ResumePoint): void {
    const fields = { ...this.#fields(partition), offset: partition.map.nextUpstreamOffset }
    for (const note of notes) this.#logger.warn(fields, note)
    if (tail) {
      partition.countRepeated(tail.unmatched)
      this.#logger[tail.unmatched > 0 ? 'warn' : 'info'](
        { ...fields, ...tail },
        'the records on the target after the last stored position were compared with the source',
      )
    }
    for (const loss of losses) this.lost(partition, loss)
  }

  /** The source topic was recreated without the partition; `range` was waiting to be mirrored. */
  deleted(partition: PartitionProgress, range: { from: number; to: number }): void {
    this.#logger.warn(
      this.#fields(partition),
      'the topic was recreated at the source with fewer partitions: this partition is no longer mirrored',
    )
    if (range.to > range.from) this.lost(partition, { ...range, reason: 'recreated' })
  }

  lost(partition: PartitionProgress, { from, to, reason }: Loss): void {
    partition.countLost(to - from)
    const what = `offsets ${from} to ${to - 1} were deleted from the source before they could be mirrored`
    this.#logger.error({ ...this.#fields(partition), from, to, reason }, what)
    if (this.#settings.config['auto.offset.reset'] === 'none')
      throw new KafkaError(
        'OFFSET_OUT_OF_RANGE',
        `${partition.name}: ${what} (${reason}), and auto.offset.reset=none stops the mirror here: set it to earliest to continue with the remaining records, and resume the mirror`,
      )
  }
}
