/**
 * A worker that is not started, for a test: its plugins and defaults, and no cluster.
 */
import { type OfflineWorker, openOfflineWorker } from '../../../connect/offline/offline-worker.ts'
import { realSystem } from '../../../core/system/index.ts'

/** Nothing listens there: what connects fails. */
export const NO_CLUSTER = '127.0.0.1:1'

export const offlineWorker = (properties: Record<string, string> = {}): Promise<OfflineWorker> =>
  openOfflineWorker({ 'bootstrap.servers': NO_CLUSTER, 'group.id': 'offline', ...properties }, realSystem('silent'), {
    environment: { SECRET_FILE: '/run/secret.txt' },
  })
