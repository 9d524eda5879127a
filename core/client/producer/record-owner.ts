/**
 * Who appended records to a batch and learns what became of them: a batch knows its owners by this only.
 */
export interface RecordOwner {
  /** `count` of its records are acknowledged, or have failed. */
  onRecordsCompleted(count: number, failed: boolean): void
}
