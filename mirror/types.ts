/**
 * What the mirrors of a process show and can do, for the REST API, the command line and the code around them. An operation that is not
 * possible throws a MirrorError with the status of the REST response.
 */
export interface PartitionLag {
  /** At the source. */
  topic: string
  /** At the target. */
  targetTopic: string
  partition: number
  /** The next offset to mirror. */
  sourceOffset: number
  sourceEndOffset: number
  targetEndOffset: number
  lagRecords: number
  /** How long the oldest record that is not on the target has waited since it was observed: 0 when none waits, null when unknown. */
  lagMs: number | null
  /** Records that were deleted from the source (retention, topic deletion) before they could be mirrored. Never silent (Invariant 11). */
  lostRecords: number
  /** Records that may be on the target twice, because a crash left no proof that the first copy had arrived. */
  repeatedRecords: number
}

export type MirrorState = 'STARTING' | 'RUNNING' | 'PAUSED' | 'FAILED' | 'FAILED_OVER'

export interface MirrorStatus {
  /** `us->central` */
  name: string
  source: string
  target: string
  state: MirrorState
  /** Why it failed, or what keeps it from running now. */
  trace?: string
  topics: string[]
  lagRecords: number
  lagMs: number | null
  recordsMirrored: number
  bytesMirrored: number
  lostRecords: number
  repeatedRecords: number
  partitions: PartitionLag[]
}

export interface GroupFailover {
  group: string
  partitions: {
    topic: string
    targetTopic: string
    partition: number
    /** The offset that the group has committed at the source, as last observed. */
    sourceOffset: number
    /** The offset that is committed at the target: never after a record that the group has not read (Invariant 10). */
    targetOffset: number
    /** Records that the group will read again. */
    rereads: number
    /** Records of the source that are not on the target; null where the source does not respond. */
    missing: number | null
  }[]
  applied: boolean
  /** Why it was not applied. */
  reason?: string
}

export interface FailoverReport {
  mirror: string
  dryRun: boolean
  sourceReachable: boolean
  durationMs: number
  groups: GroupFailover[]
}

/** Methods throw MirrorError: 404 where there is no mirror of that name. */
export interface MirrorAdmin {
  list(): MirrorStatus[]
  status(name: string): MirrorStatus
  /** Stays paused over a restart, until a resume. */
  pause(name: string): Promise<void>
  resume(name: string): Promise<void>
  /** Commits the translated offsets of groups at the target. Works without the source; throws 503 while the target cannot be read. */
  failover(name: string, options: { groups: readonly string[] | 'all'; dryRun: boolean }): Promise<FailoverReport>
}

export class MirrorError extends Error {
  override name = 'MirrorError'
  /** Of the HTTP response. */
  readonly status: 404 | 503

  constructor(status: 404 | 503, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}
