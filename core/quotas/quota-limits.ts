/**
 * Which quota of one kind applies to a user with a client id, by Kafka's precedence of eight, and which clients share it: those with the
 * same quota entity. Pure; built anew from all client quotas when one of them changes.
 */
import type { ClientQuota } from '../cluster/image/client-quotas-image.ts'

export type QuotaKey = 'producer_byte_rate' | 'consumer_byte_rate' | 'request_percentage' | 'controller_mutation_rate'

/** Clients with the same one share a quota. An empty part means that the quota does not distinguish by it. */
export interface SharedEntity {
  readonly user: string
  readonly clientId: string
}

/** Quotas by client id, `null` for the default. */
type ByClientId = Map<string | null, number>

interface UserQuotas {
  /** Of the user, whatever the client id. */
  own: number | undefined
  readonly clients: ByClientId
}

export class QuotaLimits {
  /** By user, `null` for the default. */
  readonly #users = new Map<string | null, UserQuotas>()
  /** Those without a user. */
  readonly #clients: ByClientId = new Map()
  #ofUsers = 0
  #ofUsersAndClients = 0

  constructor(quotas: Iterable<ClientQuota>, key: QuotaKey) {
    for (const { entity, quotas: values } of quotas) {
      const limit = values[key]
      if (limit === undefined) continue
      const user = entity.find(({ entityType }) => entityType === 'user')
      const client = entity.find(({ entityType }) => entityType === 'client-id')
      if (user) this.#addOfUser(user.entityName, client, limit)
      else if (client) this.#clients.set(client.entityName, limit)
    }
  }

  #addOfUser(user: string | null, client: { readonly entityName: string | null } | undefined, limit: number): void {
    const quotas = this.#users.get(user) ?? { own: undefined, clients: new Map() }
    this.#users.set(user, quotas)
    if (client) {
      quotas.clients.set(client.entityName, limit)
      this.#ofUsersAndClients++
    } else {
      quotas.own = limit
      this.#ofUsers++
    }
  }

  get isEmpty(): boolean {
    return this.#clients.size === 0 && this.#users.size === 0
  }

  /** As in Kafka: with one kind of quota only, all clients are told apart by its parts, those without a quota too. */
  sharedEntity(user: string, clientId: string): SharedEntity {
    if (this.#ofUsers === 0 && this.#ofUsersAndClients === 0) return { user: '', clientId }
    if (this.#clients.size === 0 && this.#ofUsersAndClients === 0) return { user, clientId: '' }
    if (this.#clients.size === 0 && this.#ofUsers === 0) return { user, clientId }
    for (const quotas of [this.#users.get(user), this.#users.get(null)]) {
      if (!quotas) continue
      if (quotas.clients.has(clientId) || quotas.clients.has(null)) return { user, clientId }
      if (quotas.own !== undefined) return { user, clientId: '' }
    }
    return { user: '', clientId }
  }

  /** Infinity where no quota applies. */
  limit({ user, clientId }: SharedEntity): number {
    const limits = user === '' ? this.#ofClient(clientId) : this.#ofUser(user, clientId)
    for (const limit of limits) if (limit !== undefined) return limit
    return Number.POSITIVE_INFINITY
  }

  /** As in Kafka: an empty client id has no quota. */
  #ofClient(clientId: string): (number | undefined)[] {
    return clientId === '' ? [] : [this.#clients.get(clientId), this.#clients.get(null)]
  }

  #ofUser(user: string, clientId: string): (number | undefined)[] {
    const quotas = [this.#users.get(user), this.#users.get(null)]
    if (clientId === '') return quotas.map((each) => each?.own)
    return quotas.flatMap((each) => [each?.clients.get(clientId), each?.clients.get(null)])
  }
}
