/** How a task makes sure that no other one of its id writes. */
export interface TaskFencing {
  /** Before the producer is initialized: fences the tasks of older generations. */
  fenceOlder(signal: AbortSignal): Promise<void>
  /** After it: throws where the task is not to run here any more. */
  verify(): Promise<void>
}
