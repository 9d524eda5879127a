/**
 * Client quotas: the values of each entity, an entity being a user, a client id, both, or an IP address. Pure.
 */
import type { MetadataRecord, MetadataRecordOf } from '../../wire/metadata-records.ts'

export type QuotaEntity = MetadataRecordOf<'ClientQuotaRecord'>['entity']

export interface ClientQuota {
  /** `entityName` null is the default of the type. */
  readonly entity: QuotaEntity
  readonly quotas: Readonly<Record<string, number>>
}

/** The same for the same entity, whatever the order of its parts. */
const entityKey = (entity: QuotaEntity): string =>
  JSON.stringify(entity.map(({ entityType, entityName }) => [entityType, entityName]).sort(([a], [b]) => (a! < b! ? -1 : 1)))

export class ClientQuotasImage {
  readonly #quotas = new Map<string, ClientQuota>()

  entries(): Iterable<ClientQuota> {
    return this.#quotas.values()
  }

  quotas(entity: QuotaEntity): Readonly<Record<string, number>> {
    return this.#quotas.get(entityKey(entity))?.quotas ?? {}
  }

  set({ entity, key, value, remove }: MetadataRecordOf<'ClientQuotaRecord'>): void {
    const { [key]: _, ...others } = this.quotas(entity)
    const quotas = remove ? others : { ...others, [key]: value }
    if (Object.keys(quotas).length > 0) this.#quotas.set(entityKey(entity), { entity, quotas })
    else this.#quotas.delete(entityKey(entity))
  }

  *toRecords(): Iterable<MetadataRecord> {
    for (const { entity, quotas } of this.#quotas.values())
      for (const [key, value] of Object.entries(quotas)) yield { type: 'ClientQuotaRecord', entity, key, value, remove: false }
  }
}
