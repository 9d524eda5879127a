/**
 * The public part of the group coordinator: how to create it, and its types.
 */
import type { System } from '../system/index.ts'
import { Coordinator } from './coordinator.ts'
import type { GroupCoordinator, GroupSettings, GroupStore } from './types.ts'

export type * from './types.ts'

/** Resolves at once and loads the groups in the background; a request for a partition that is not loaded waits for it. */
export async function createGroupCoordinator(store: GroupStore, settings: GroupSettings, system: System): Promise<GroupCoordinator> {
  const coordinator = new Coordinator(store, settings, system)
  void coordinator.load()
  return coordinator
}
