/**
 * What a handler gets: one request, its connection, and the broker.
 */
import type { BrokerServices } from '../broker-services.ts'
import type { Access } from './access.ts'

/** The client at the other end of a connection. */
export interface Peer {
  /** Unique for the lifetime of the process. */
  readonly id: string
  /** The address of the client, as Kafka prints it: `/127.0.0.1`. */
  readonly host: string
  /** The name of the listener that accepted the connection. */
  readonly listener: string
  /** Kafka's principal; `User:ANONYMOUS` without authentication. */
  readonly principal: string
  /** The client has logged in with a delegation token. */
  readonly tokenAuthenticated: boolean
  /** True once the connection is closed: work for it should stop. */
  readonly closed: boolean
  /** Bytes that a response may have now. They shrink as the responses of all connections wait to be sent (Invariant 13). */
  readonly maxResponseBytes: number
  /** Runs `task` when the connection closes, at once where it is closed. Returns a function that unsubscribes it. */
  onClose(task: () => void): () => void
  /** Closes the connection and logs the reason: the only way to fail a request that has no response (Produce with acks=0). */
  close(reason: string): void
}

export interface RequestContext<Q = unknown> {
  readonly request: Q
  readonly version: number
  readonly clientId: string | null
  readonly peer: Peer
  readonly broker: BrokerServices
  /** What the client may do. */
  readonly access: Access
  /** Runs `release` once the response is sent or dropped, to return pooled buffers. */
  onSent(release: () => void): void
}
