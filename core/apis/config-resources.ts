/**
 * Kafka's ids of the resources that have configs, and which of them the cluster stores.
 */
import type { ConfigResource } from '../cluster/types.ts'

export const resourceTypes = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const

const stored = new Map<number, ConfigResource['type']>([
  [resourceTypes.topic, 'topic'],
  [resourceTypes.broker, 'broker'],
  [resourceTypes.clientMetrics, 'clientMetrics'],
  [resourceTypes.group, 'group'],
])

/** Undefined for a resource whose configs are not in the metadata log. */
export function storedResource(resourceType: number, name: string): ConfigResource | undefined {
  const type = stored.get(resourceType)
  return type && { type, name }
}
