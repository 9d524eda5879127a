/** How much data of jobs a task has: those that are fetched and not yet settled, of all its queues. In UTF-16 units. */
import type { JobJson } from 'bullmq'

/** A further job is fetched only while less than this is in flight. */
const MAX_IN_FLIGHT_TEXT = 32 * 1024 * 1024

const lengthOf = ({ data }: JobJson): number => data?.length ?? 0

export class InFlightText {
  readonly #queues: number
  #length = 0

  /** `queues` fetch at the same time. */
  constructor(queues: number) {
    this.#queues = queues
  }

  /** How much the next fetch of a queue may bring; its last job may go past it. */
  get room(): number {
    return Math.max(1, Math.floor((MAX_IN_FLIGHT_TEXT - this.#length) / this.#queues))
  }

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
