/**
 * The configs of topics, brokers, client metrics and groups, as they were set: values are not interpreted, and settings that this release
 * does not know are kept. Pure.
 */
import type { MetadataRecord, MetadataRecordOf } from '../../wire/metadata-records.ts'

/** Kafka's ConfigResource.Type. */
export const configResourceTypes = { topic: 2, broker: 4, clientMetrics: 16, group: 32 } as const

export type Configs = Readonly<Record<string, string>>
const NONE: Configs = Object.freeze({})

export class ConfigurationsImage {
  /** By resource type, then by resource name. */
  readonly #resources = new Map<number, Map<string, Configs>>()

  /** Never changes once returned. */
  configs(resourceType: number, resourceName: string): Configs {
    return this.#resources.get(resourceType)?.get(resourceName) ?? NONE
  }

  /** The resources of a type that have configs. */
  resourceNames(resourceType: number): Iterable<string> {
    return this.#resources.get(resourceType)?.keys() ?? []
  }

  set({ resourceType, resourceName, name, value }: MetadataRecordOf<'ConfigRecord'>): void {
    const { [name]: _, ...others } = this.configs(resourceType, resourceName)
    const configs = value === null ? others : { ...others, [name]: value }
    let resources = this.#resources.get(resourceType)
    if (!resources) this.#resources.set(resourceType, (resources = new Map()))
    if (Object.keys(configs).length > 0) resources.set(resourceName, configs)
    else resources.delete(resourceName)
  }

  remove(resourceType: number, resourceName: string): void {
    this.#resources.get(resourceType)?.delete(resourceName)
  }

  *toRecords(): Iterable<MetadataRecord> {
    for (const [resourceType, resources] of this.#resources)
      for (const [resourceName, configs] of resources)
        for (const [name, value] of Object.entries(configs)) yield { type: 'ConfigRecord', resourceType, resourceName, name, value }
  }
}
