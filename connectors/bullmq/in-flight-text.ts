/** How much data of jobs a task has: those that are fetched and not yet settled, of all its queues. In UTF-16 units. */
import type { JobJson } from 'bullmq'

/** A further job is fetched only while less than this is in flight. */
const MAX_IN_FLIGHT_TEXT = 32 * 1024 * 1024

const lengthOf = ({ data }: JobJson): number => data?.length ?? 0

export class InFlightText {
  #length = 0

  get isFull(): boolean {
    return this.#length > MAX_IN_FLIGHT_TEXT
  }

  fetched(job: JobJson): void {
    this.#length += lengthOf(job)
  }

  settled(job: JobJson): void {
    this.#length -= lengthOf(job)
  }
}
