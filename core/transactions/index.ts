/**
 * The public part of the transaction coordinator: how to create it, and its types.
 */
import type { System } from '../system/index.ts'
import { TransactionCoordinatorService } from './coordinator.ts'
import type { MarkerWriter, TransactionCoordinator, TransactionSettings, TransactionStore } from './types.ts'

export type * from './types.ts'

/** Loads the transactional ids in the background; a request for a partition that is not loaded waits for it. */
export function createTransactionCoordinator(
  store: TransactionStore,
  markers: MarkerWriter,
  settings: TransactionSettings,
  system: System,
): TransactionCoordinator {
  const coordinator = new TransactionCoordinatorService(store, markers, settings, system)
  void coordinator.load()
  return coordinator
}
