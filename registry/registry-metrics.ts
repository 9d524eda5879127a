/** The metrics of an instance of the registry. Those of its requests are counted by its REST API. */
import type { System } from '../core/system/index.ts'

export interface MeasuredRegistry {
  readonly leads: boolean
  readonly sizes: { readonly subjects: number; readonly versions: number; readonly contexts: number }
  readonly counts: { readonly registered: number; readonly deleted: number; readonly unreadable: number }
}

export function registryMetrics(registry: MeasuredRegistry, { metrics }: Pick<System, 'metrics'>): void {
  metrics.gauge({ name: 'tributary_registry_leader', help: 'Whether this instance of the registry is the leader' }, (gauge) =>
    gauge.set(registry.leads ? 1 : 0),
  )
  metrics.gauge({ name: 'tributary_registry_subjects', help: 'Subjects in the registry, deleted ones included' }, (gauge) =>
    gauge.set(registry.sizes.subjects),
  )
  metrics.gauge({ name: 'tributary_registry_versions', help: 'Versions of all subjects, deleted ones included' }, (gauge) =>
    gauge.set(registry.sizes.versions),
  )
  metrics.gauge({ name: 'tributary_registry_contexts', help: 'Contexts in the registry, the default one included' }, (gauge) =>
    gauge.set(registry.sizes.contexts),
  )
  metrics.counterOf({ name: 'tributary_registry_registered_total', help: 'Versions that this instance has written as the leader' }, (set) =>
    set(registry.counts.registered),
  )
  metrics.counterOf(
    { name: 'tributary_registry_deleted_total', help: 'Soft deletes that this instance has written as the leader' },
    (set) => set(registry.counts.deleted),
  )
  metrics.counterOf(
    { name: 'tributary_registry_unreadable_records_total', help: 'Records of the topic that could not be read and were ignored' },
    (set) => set(registry.counts.unreadable),
  )
}
