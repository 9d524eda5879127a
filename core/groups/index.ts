/**
 * The door of the group room: one coordinator per broker, for the classic protocol and committed offsets.
 */
import type { System } from '../system/index.ts'
import { Coordinator } from './coordinator.ts'
import type { GroupCoordinator, GroupSettings, GroupStore } from './types.ts'

export type * from './types.ts'

/** Answers at once; groups of the offsets topic that are not read yet are read first by the requests that need them. */
export async function createGroupCoordinator(store: GroupStore, settings: GroupSettings, system: System): Promise<GroupCoordinator> {
  const coordinator = new Coordinator(store, settings, system)
  void coordinator.load()
  return coordinator
}
