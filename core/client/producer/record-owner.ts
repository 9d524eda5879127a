/**
 * The call of send() that appended records to a batch: the batch reports the outcome of the records to it.
 */
export interface RecordOwner {
  /** `count` of its records are acknowledged, or have failed. */
  onRecordsCompleted(count: number, failed: boolean): void
}
