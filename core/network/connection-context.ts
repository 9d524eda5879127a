/**
 * What a connection is given: its identity by its listener, and what all connections of a broker share. A connection knows neither
 * certificates nor users.
 */
import type { Logger } from '../system/logger.ts'
import type { CloseLog } from './close-log.ts'
import type { NetworkCounters } from './counters.ts'
import { type FrameLimits, MIN_FRAME_BYTES } from './frame-assembler.ts'
import { limits } from './limits.ts'
import type { Login, LoginConnection } from './login.ts'
import type { PartialRequests } from './partial-requests.ts'
import type { RequestDispatcher } from './request-dispatcher.ts'

/** Who is at the other end, and how the listener finds out. */
export interface ConnectionIdentity {
  readonly id: string
  readonly listener: string
  /** Before a login, and without one. */
  readonly principal: string
  /** Null on a listener without SASL. */
  login(connection: LoginConnection): Login | null
  /** The largest request before the login is complete. */
  readonly maxLoginBytes: number
  /** The login is complete, or the connection is closed. */
  onLogin(): void
}

/** What all connections of a broker share. */
export interface ConnectionContext {
  readonly dispatcher: RequestDispatcher
  readonly logger: Logger
  readonly frames: FrameLimits
  readonly memory: RequestMemory
  /** Before the login. */
  readonly partialLogins: PartialRequests
  readonly partialRequests: PartialRequests
  readonly counters: NetworkCounters
  readonly closeLog: CloseLog
  monotonic(): number
}

/** Memory of the requests in flight, over all connections. */
export interface RequestMemory {
  reserve(bytes: number): void
  release(bytes: number): void
  readonly isExhausted: boolean
  /** Runs `task` once, when memory is available again. */
  onceAvailable(task: () => void): void
}

/** A length alone allocates little; a bare token of SASL may be empty. */
export const loginFrames = ({ maxLoginBytes }: ConnectionIdentity, bareTokens: boolean): FrameLimits => ({
  minBytes: bareTokens ? 0 : MIN_FRAME_BYTES,
  maxBytes: maxLoginBytes,
  maxSetting: 'sasl.server.max.receive.size',
  eagerBytes: limits.eagerLoginBytes,
})
