/**
 * The Kafka clients of a worker: one for each distinct set of settings, however many connectors use it, so that the number of connections
 * does not grow with the connectors. A client is closed when its last user has released it.
 */
import type { Client } from '../../core/client/types.ts'
import type { ClientConnection } from './client-overrides.ts'

/** The right to use a client until `release`. */
export interface ClientLease {
  readonly client: Client
  /** The second call does nothing. */
  release(): Promise<void>
}

interface PooledClient {
  readonly client: Client
  users: number
}

export class ClientPool {
  readonly #create: (connection: ClientConnection) => Client
  /** The keys have secrets in them. */
  readonly #clients = new Map<string, PooledClient>()

  constructor(create: (connection: ClientConnection) => Client) {
    this.#create = create
  }

  get size(): number {
    return this.#clients.size
  }

  /** Throws what creating the client throws. It connects when it is used. */
  acquire(connection: ClientConnection): ClientLease {
    const key = keyOf(connection)
    const pooled = this.#clients.get(key) ?? { client: this.#create(connection), users: 0 }
    this.#clients.set(key, pooled)
    pooled.users++
    let released = false
    return {
      client: pooled.client,
      release: async () => {
        if (released) return
        released = true
        if (--pooled.users > 0) return
        this.#clients.delete(key)
        await pooled.client.close()
      },
    }
  }

  /** Closes all clients, also those in use: their calls fail. */
  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map(({ client }) => client.close()))
  }
}

const sorted = (values: object): [string, unknown][] => Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1))

const keyOf = ({ settings, security }: ClientConnection): string => JSON.stringify([sorted(settings), sorted(security)])
