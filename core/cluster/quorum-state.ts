/**
 * The file `quorum-state` beside the metadata log: the epoch of this voter's last election and who won it, as Apache Kafka writes it. In
 * version 0 (kraft.version 0) the voters come from controller.quorum.voters, in version 1 from the log. Pure.
 */
import { ZERO_UUID } from '../wire/types.ts'

export const QUORUM_STATE_FILE = 'quorum-state'

export interface QuorumState {
  /** -1 for none. */
  readonly leaderId: number
  readonly leaderEpoch: number
  /** The voters that the file names; null in version 1. */
  readonly voters: readonly number[] | null
}

interface StoredState {
  leaderId?: unknown
  leaderEpoch?: unknown
  currentVoters?: unknown
  data_version?: unknown
}

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= -1

/** Throws a sentence without the name of the file. */
export function parseQuorumState(text: string): QuorumState {
  let stored: StoredState
  try {
    stored = JSON.parse(text) as StoredState
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new Error(`it is not JSON: ${cause.message}`, { cause })
  }
  const { leaderId, leaderEpoch, currentVoters, data_version: version } = stored
  if (version !== 0 && version !== 1) throw new Error(`its data_version is ${String(version)}, versions 0 and 1 are known`)
  if (!isId(leaderId) || !isId(leaderEpoch)) throw new Error('leaderId or leaderEpoch is missing')
  const voters = Array.isArray(currentVoters) ? currentVoters.map((voter: { voterId?: unknown }) => Number(voter?.voterId)) : null
  return { leaderId, leaderEpoch, voters: version === 0 ? voters : null }
}

/** The state of the only voter, which leads in `leaderEpoch`. */
export function formatQuorumState(nodeId: number, leaderEpoch: number, kraftVersion: number): string {
  const leader = { leaderId: nodeId, leaderEpoch, votedId: -1 }
  return JSON.stringify(
    kraftVersion === 0
      ? { clusterId: '', ...leader, appliedOffset: 0, currentVoters: [{ voterId: nodeId }], data_version: 0 }
      : { ...leader, votedDirectoryId: ZERO_UUID, data_version: 1 },
  )
}
