/**
 * Kafka's ids of the resources that have configs, which of them the cluster stores, and on what a client needs permissions for each.
 */
import type { ConfigResource } from '../cluster/types.ts'

export const resourceTypes = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const

const stored = new Map<number, ConfigResource['type']>([
  [resourceTypes.topic, 'topic'],
  [resourceTypes.broker, 'broker'],
  [resourceTypes.clientMetrics, 'clientMetrics'],
  [resourceTypes.group, 'group'],
])

const aclTypes = new Map<number, 'Cluster' | 'Topic' | 'Group'>([
  [resourceTypes.topic, 'Topic'],
  [resourceTypes.broker, 'Cluster'],
  [resourceTypes.brokerLogger, 'Cluster'],
  [resourceTypes.clientMetrics, 'Cluster'],
  [resourceTypes.group, 'Group'],
])

/** The resource type of the permissions on configs; undefined for a type that has none. */
export const aclResourceType = (resourceType: number): 'Cluster' | 'Topic' | 'Group' | undefined => aclTypes.get(resourceType)

/** Undefined for a resource whose configs are not in the metadata log. */
export function storedResource(resourceType: number, name: string): ConfigResource | undefined {
  const type = stored.get(resourceType)
  return type && { type, name }
}
