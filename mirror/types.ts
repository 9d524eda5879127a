/**
 * The mirror room's door, as the REST routes and the command line see it.
 */
export interface PartitionLag {
  /** On the source. */
  topic: string
  /** On the target. */
  targetTopic: string
  partition: number
  /** The next offset to be read from the source, and the source's end. */
  sourceOffset: number
  sourceEndOffset: number
  targetEndOffset: number
  lagRecords: number
  /** How long the oldest record that is not yet on the target has waited there for us: 0 when none waits, null when unknown. */
  lagMs: number | null
  /** Records that were gone from the source (retention, deletion) before they could be read. Never silent (Invariant 11). */
  lostRecords: number
  /** Records written twice because a crash left no proof that they had arrived. */
  repeatedRecords: number
}

export type MirrorState = 'STARTING' | 'RUNNING' | 'PAUSED' | 'FAILED' | 'FAILED_OVER'

export interface MirrorStatus {
  /** `us->central` */
  name: string
  source: string
  target: string
  state: MirrorState
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
    /** What the group had committed at the source, as last seen. */
    sourceOffset: number
    /** What it is given on the target: never past the truth (Invariant 10). */
    targetOffset: number
    /** Records between the two that the group will read again. */
    rereads: number
    /** Records that the source had and the target does not: unknown (null) when the source cannot be asked. */
    missing: number | null
  }[]
  applied: boolean
  /** Why not, where it was not. */
  reason?: string
}

export interface FailoverReport {
  mirror: string
  dryRun: boolean
  sourceReachable: boolean
  durationMs: number
  groups: GroupFailover[]
}

/** Throws MirrorError. */
export interface MirrorAdmin {
  list(): MirrorStatus[]
  status(name: string): MirrorStatus
  /** Kept over a restart, until a resume. */
  pause(name: string): Promise<void>
  resume(name: string): Promise<void>
  /** Moves one group or all to the target: commits their translated offsets there. Works with the source gone. */
  failover(name: string, options: { groups: readonly string[] | 'all'; dryRun: boolean }): Promise<FailoverReport>
}

export class MirrorError extends Error {
  override name = 'MirrorError'
  readonly status: number

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}
