/**
 * What the cleaning thread and its owner tell each other. Types only.
 */
import type { CleanedGroup, CleaningRequest, CleaningResult } from './log-cleaning.ts'

/** Memory that both can read at any time: the bytes per second that are allowed, whether the cleaning must end, the writes of appends. */
export interface ThreadControl {
  readonly bytesPerSecond: Float64Array<SharedArrayBuffer>
  readonly isAborted: Int32Array<SharedArrayBuffer>
  readonly appendWrites: Int32Array<SharedArrayBuffer>
}

/** `isReplaced` is null where the log has failed. */
export type ToThread = { type: 'clean'; request: CleaningRequest } | { type: 'replaced'; isReplaced: boolean | null }

export type FromThread =
  | { type: 'group'; group: CleanedGroup }
  | { type: 'done'; result: CleaningResult }
  /** `code` is that of a failed system call. */
  | { type: 'failed'; message: string; code: string | undefined }
  | { type: 'aborted' }
