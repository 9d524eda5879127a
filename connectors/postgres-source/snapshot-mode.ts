/**
 * Whether a start takes a snapshot and whether it streams, from `snapshot.mode`, the stored offset and what the slot still has. It decides
 * only.
 */
import type { SourceOffset } from '../../connect/sdk/index.ts'
import type { PostgresSourceConfig } from './settings.ts'

/** What the stored offset says: nothing is stored, a snapshot is in progress, or the stream goes on. */
export type StoredState = 'none' | 'snapshot' | 'stream'

export interface StartPlan {
  snapshot: boolean
  stream: boolean
}

/** Debezium writes `INITIAL`, older versions of it `true`. */
export function storedState(offset: SourceOffset | null): StoredState {
  if (!offset || Object.keys(offset).length === 0) return 'none'
  const { snapshot } = offset
  const isInitial = snapshot === true || (typeof snapshot === 'string' && ['initial', 'true'].includes(snapshot.toLowerCase()))
  return isInitial && offset.snapshot_completed !== true && offset.last_snapshot_record !== true ? 'snapshot' : 'stream'
}

/** What a start does. `slotHasPosition` is false where the slot has lost the stored position, so that it cannot be streamed from. */
export function startPlan(config: PostgresSourceConfig, stored: StoredState, slotHasPosition: boolean): StartPlan {
  const isOpen = stored !== 'stream'
  switch (config['snapshot.mode']) {
    case 'always':
      return { snapshot: true, stream: true }
    case 'initial_only':
      return { snapshot: isOpen, stream: false }
    case 'no_data':
    case 'never':
      return { snapshot: false, stream: true }
    case 'when_needed':
      return { snapshot: isOpen || !slotHasPosition, stream: true }
    case 'configuration_based':
      return {
        snapshot:
          config['snapshot.mode.configuration.based.snapshot.data'] ||
          (config['snapshot.mode.configuration.based.snapshot.on.data.error'] && !isOpen && !slotHasPosition),
        stream: config['snapshot.mode.configuration.based.start.stream'],
      }
    default:
      return { snapshot: isOpen, stream: true }
  }
}
