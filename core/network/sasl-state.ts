/**
 * What a listener with SASL does with each request of a connection, as Apache Kafka: before the login, during one, and when a client logs
 * in again on the same connection (KIP-368). Pure: a state and an event give the next state and what is to be done. Times are monotonic
 * milliseconds, except those of credentials, which are wall time.
 */
import type { ErrorName } from '../errors.ts'

/** Kafka's: a client that logs in again more often than this is told that the state is wrong. */
const MIN_REAUTHENTICATION_MS = 1000

type Phase =
  /** The first request. */
  | 'handshake-or-versions'
  /** After ApiVersions. */
  | 'handshake'
  | 'authenticate'
  | 'complete'
  /** The client logs in again, and has named another mechanism. */
  | 'bad-mechanism'
  | 'failed'

/** The session that is renewed. */
interface Previous {
  readonly mechanism: string
  readonly principal: string
}

export interface SaslState {
  readonly phase: Phase
  readonly mechanism: string | null
  /** After SaslHandshake v0 the messages of SASL are frames without a header. */
  readonly bareTokens: boolean
  readonly principal: string | null
  /** The client has logged in with a delegation token. */
  readonly tokenAuthenticated: boolean
  /** Null: the session has no end, and cannot be renewed. */
  readonly sessionEndsAt: number | null
  readonly previous: Previous | null
  readonly reauthenticatedAt: number | null
}

export const initialSaslState: SaslState = {
  phase: 'handshake-or-versions',
  mechanism: null,
  bareTokens: false,
  principal: null,
  tokenAuthenticated: false,
  sessionEndsAt: null,
  previous: null,
  reauthenticatedAt: null,
}

export type SaslEvent =
  /** ApiVersions; not valid where its answer is an error. */
  | { readonly type: 'versions'; readonly isValid: boolean }
  | { readonly type: 'handshake'; readonly version: number; readonly mechanism: string }
  /** SaslAuthenticate, or a bare token. */
  | { readonly type: 'token' }
  /** A request of any other API. */
  | { readonly type: 'other'; readonly api: string }
  /** The mechanism needs another message. */
  | { readonly type: 'continued' }
  | {
      readonly type: 'authenticated'
      readonly principal: string
      readonly tokenAuthenticated: boolean
      /** Milliseconds until the credentials end, where they do. */
      readonly credentialsMs: number | null
      /** connections.max.reauth.ms; 0 for no limit. */
      readonly maxSessionMs: number
    }
  | { readonly type: 'refused'; readonly message: string; readonly reason: string }

export type SaslEffect =
  /** The request is answered as on any listener. */
  | { readonly type: 'pass' }
  | { readonly type: 'handshake'; readonly login: { readonly mechanism: string; readonly isRenewal: boolean } | null }
  /** The message is for the mechanism. */
  | { readonly type: 'evaluate' }
  | { readonly type: 'continue' }
  | { readonly type: 'complete'; readonly principal: string; readonly sessionMs: number }
  /** Answered after connection.failed.authentication.delay.ms, where `error` says with what, then closed. */
  | { readonly type: 'fail'; readonly error: ErrorName | null; readonly message: string | null; readonly reason: string }
  /** Closed at once. */
  | { readonly type: 'close'; readonly reason: string }

export interface Decision {
  readonly state: SaslState
  readonly effect: SaslEffect
}

const fail = (state: SaslState, error: ErrorName | null, reason: string, message: string | null = null): Decision => ({
  state: { ...state, phase: 'failed' },
  effect: { type: 'fail', error, message, reason },
})

/** As Kafka prints it in its messages: SASL_HANDSHAKE. */
const constantName = (api: string): string => api.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()

export const isExpired = ({ sessionEndsAt }: SaslState, now: number): boolean => sessionEndsAt !== null && now > sessionEndsAt

export interface SaslContext {
  /** Those that the listener enables. */
  readonly mechanisms: readonly string[]
  readonly now: number
}

export function decideSasl(state: SaslState, event: SaslEvent, context: SaslContext): Decision {
  const { phase } = state
  if (event.type === 'continued') return { state, effect: { type: 'continue' } }
  if (event.type === 'authenticated') return authenticated(state, event, context)
  if (event.type === 'refused') return fail(state, 'SASL_AUTHENTICATION_FAILED', event.reason, event.message)
  if (phase === 'bad-mechanism') return fail(state, null, 'the client logs in again with another SASL mechanism')
  if (phase === 'complete') return afterLogin(state, event, context)
  if (phase === 'authenticate') return duringLogin(state, event)
  if (event.type === 'versions') return versions(state, event.isValid)
  if (event.type === 'handshake') return handshake(state, event, context)
  const api = event.type === 'token' ? 'SaslAuthenticate' : event.api
  return fail(state, null, `Unexpected Kafka request of type ${constantName(api)} during SASL handshake.`)
}

function versions(state: SaslState, isValid: boolean): Decision {
  if (state.phase !== 'handshake-or-versions')
    return { state: { ...state, phase: 'failed' }, effect: { type: 'close', reason: 'ApiVersions came twice before the login' } }
  return { state: isValid ? { ...state, phase: 'handshake' } : state, effect: { type: 'pass' } }
}

function handshake(state: SaslState, { mechanism, version }: SaslEvent & { type: 'handshake' }, { mechanisms }: SaslContext): Decision {
  if (!mechanisms.includes(mechanism)) {
    const reason = `Unsupported SASL mechanism ${mechanism.slice(0, 64)}`
    // As Kafka: a renewal that begins wrong has no answer.
    if (state.previous) return { state: { ...state, phase: 'failed' }, effect: { type: 'close', reason } }
    return fail(state, 'UNSUPPORTED_SASL_MECHANISM', reason)
  }
  if (state.previous && state.previous.mechanism !== mechanism)
    return { state: { ...state, phase: 'bad-mechanism' }, effect: { type: 'handshake', login: null } }
  return {
    state: { ...state, phase: 'authenticate', mechanism, bareTokens: version === 0 },
    effect: { type: 'handshake', login: { mechanism, isRenewal: state.previous !== null } },
  }
}

function duringLogin(state: SaslState, event: SaslEvent): Decision {
  if (event.type === 'token') return { state, effect: { type: 'evaluate' } }
  const api = event.type === 'versions' ? 'ApiVersions' : event.type === 'handshake' ? 'SaslHandshake' : (event as { api: string }).api
  return fail(state, 'ILLEGAL_SASL_STATE', `Unexpected Kafka request of type ${constantName(api)} during SASL authentication.`)
}

function afterLogin(state: SaslState, event: SaslEvent, context: SaslContext): Decision {
  const { now } = context
  if (event.type === 'handshake' && state.sessionEndsAt !== null) {
    const { mechanism, principal, reauthenticatedAt } = state
    if (reauthenticatedAt === null || now - reauthenticatedAt >= MIN_REAUTHENTICATION_MS) {
      const previous = { mechanism: mechanism!, principal: principal! }
      return handshake({ ...state, previous, reauthenticatedAt: now }, event, context)
    }
  }
  if (isExpired(state, now))
    return {
      state: { ...state, phase: 'failed' },
      effect: { type: 'close', reason: 'the session has expired: the client must log in again' },
    }
  return { state, effect: { type: 'pass' } }
}

function authenticated(state: SaslState, event: SaslEvent & { type: 'authenticated' }, { now }: SaslContext): Decision {
  const { principal, tokenAuthenticated, credentialsMs, maxSessionMs } = event
  const { previous } = state
  if (previous && previous.principal !== principal) {
    const dotted = (name: string) => name.replace(':', '.')
    const message = `Cannot change principals during re-authentication from ${dotted(previous.principal)}: ${dotted(principal)}`
    return fail(state, 'SASL_AUTHENTICATION_FAILED', message, message)
  }
  const limits = [...(credentialsMs === null ? [] : [credentialsMs]), ...(maxSessionMs > 0 ? [maxSessionMs] : [])]
  const sessionMs = limits.length === 0 ? 0 : Math.max(0, Math.min(...limits))
  return {
    state: {
      ...state,
      phase: 'complete',
      principal,
      tokenAuthenticated,
      previous: null,
      sessionEndsAt: limits.length === 0 ? null : now + sessionMs,
    },
    effect: { type: 'complete', principal, sessionMs },
  }
}
