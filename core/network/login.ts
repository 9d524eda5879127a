/**
 * The login of one connection of a listener with SASL: it takes the requests of the connection until the login is complete, and those that
 * renew a session. They are handled one at a time, in order; the frames behind the one in progress wait, and the connection reads no more.
 * Neither credentials nor what a client sent are ever logged (Invariant 12).
 */

import { errorCode, KafkaError } from '../errors.ts'
import type { ListenerSasl, SaslAnswer, SaslLogin } from '../security/listener-sasl.ts'
import type { Clock } from '../system/clock.ts'
import type { Logger } from '../system/logger.ts'
import { readRequestHeader } from '../wire/header.ts'
import { Reader, WireError } from '../wire/reader.ts'
import type { NetworkCounters } from './counters.ts'
import type { PendingRequest } from './pending-request.ts'
import type { RequestDispatcher } from './request-dispatcher.ts'
import { decideSasl, initialSaslState, isExpired, type SaslEffect, type SaslEvent, type SaslState } from './sasl-state.ts'

const API_VERSIONS = 18
const SASL_HANDSHAKE = 17
const SASL_AUTHENTICATE = 36

/** The connection, as its login uses it. */
export interface LoginConnection {
  readonly host: string
  readonly listener: string
  readonly closed: boolean
  /** No request is in progress, and no response waits to be encoded. */
  readonly isQuiet: boolean
  /** Reads a request as on any listener. Throws WireError. */
  read(frame: Buffer): PendingRequest
  /** Handles a request as on any listener. */
  request(frame: Buffer): void
  /** Sends the response of a request that is complete. */
  answer(pending: PendingRequest): void
  /** Sends bytes in a frame without a header. */
  answerBare(bytes: Buffer): void
  /** Sends the response, if there is one, and closes. */
  refuse(pending: PendingRequest | null, reason: string): void
  /** The size of what may come next depends on the state. */
  loginChanged(state: { isComplete: boolean; bareTokens: boolean; principal: string | null; tokenAuthenticated: boolean }): void
  /** Reads on, if nothing else forbids it. */
  resume(): void
}

export interface LoginContext {
  readonly sasl: ListenerSasl
  readonly dispatcher: RequestDispatcher
  readonly clock: Clock
  readonly logger: Logger
  readonly counters: Pick<NetworkCounters, 'loginsSucceeded' | 'loginsFailed'>
}

export class Login {
  readonly #connection: LoginConnection
  readonly #context: LoginContext
  #state: SaslState = initialSaslState
  #exchange: SaslLogin | null = null
  /** Behind the one in progress: of one received chunk, then the connection is muted. */
  readonly #held: Buffer[] = []
  #busy = false
  #isGoingOn = false

  constructor(connection: LoginConnection, context: LoginContext) {
    this.#connection = connection
    this.#context = context
  }

  /** True while frames wait: nothing more may be read. */
  get isHolding(): boolean {
    return this.#busy || this.#held.length > 0
  }

  get isComplete(): boolean {
    return this.#state.phase === 'complete'
  }

  /** True where the session has an end: requests must come here. */
  get isNeeded(): boolean {
    return this.#state.phase !== 'complete' || this.#state.sessionEndsAt !== null || this.#held.length > 0
  }

  /** False for a request that is handled as on any listener. */
  takes(frame: Buffer): boolean {
    const isOrdinary = this.#state.phase === 'complete' && !this.isHolding && frame.readInt16BE(0) !== SASL_HANDSHAKE
    if (isOrdinary && !isExpired(this.#state, this.#context.clock.monotonic())) return false
    this.#held.push(frame)
    this.goOn()
    return true
  }

  /** The connection may have become quiet. */
  goOn(): void {
    const connection = this.#connection
    // An answer makes the connection quiet again, and brings it here.
    if (this.#isGoingOn) return
    this.#isGoingOn = true
    while (!this.#busy && this.#held.length > 0 && connection.isQuiet && !connection.closed) {
      try {
        this.#take(this.#held.shift()!)
      } catch (error) {
        this.#held.length = 0
        if (error instanceof WireError) connection.refuse(null, error.message)
        else this.#failed(error)
      }
    }
    this.#isGoingOn = false
  }

  #take(frame: Buffer): void {
    const { phase, bareTokens } = this.#state
    if (phase === 'failed') return
    if (phase === 'authenticate' && bareTokens) {
      this.#decide({ type: 'token' }, null, frame)
      return
    }
    const { apiKey } = readRequestHeader(new Reader(frame))
    const { name } = this.#context.dispatcher.api(apiKey)
    if (phase === 'complete' && apiKey !== SASL_HANDSHAKE) this.#decide({ type: 'other', api: name }, null, frame)
    else if (apiKey === API_VERSIONS) this.#versions(frame)
    else if (apiKey === SASL_HANDSHAKE) {
      const pending = this.#connection.read(frame)
      const { mechanism } = pending.request as { mechanism: string }
      this.#decide({ type: 'handshake', version: pending.version, mechanism }, pending, frame)
    } else if (apiKey === SASL_AUTHENTICATE)
      this.#decide({ type: 'token' }, phase === 'authenticate' ? this.#connection.read(frame) : null, frame)
    // Before a mechanism is chosen no other request is read: it need not be valid, and it may be large.
    else this.#decide({ type: 'other', api: name }, phase === 'authenticate' ? this.#connection.read(frame) : null, frame)
  }

  #versions(frame: Buffer): void {
    const pending = this.#connection.read(frame)
    if (!pending.isCompleted) pending.complete(pending.api.handle(pending))
    const { errorCode: code } = pending.response as { errorCode: number }
    this.#decide({ type: 'versions', isValid: code === 0 }, pending, frame)
  }

  #decide(event: SaslEvent, pending: PendingRequest | null, frame: Buffer): void {
    const { sasl, clock } = this.#context
    const { state, effect } = decideSasl(this.#state, event, { mechanisms: sasl.mechanisms, now: clock.monotonic() })
    this.#state = state
    const { principal, tokenAuthenticated } = state
    // Before the response is sent: the next request may be there in the same turn.
    this.#connection.loginChanged({
      isComplete: state.phase === 'complete',
      bareTokens: state.phase === 'authenticate' && state.bareTokens,
      principal,
      tokenAuthenticated,
    })
    this.#execute(effect, pending, frame)
  }

  #execute(effect: SaslEffect, pending: PendingRequest | null, frame: Buffer): void {
    const connection = this.#connection
    switch (effect.type) {
      case 'pass':
        if (pending?.isCompleted) connection.answer(pending)
        else connection.request(frame)
        return
      case 'handshake':
        if (effect.login)
          this.#exchange = this.#context.sasl.login(effect.login.mechanism, effect.login.isRenewal ? 're-authentication' : 'authentication')
        pending!.complete({ errorCode: 0, mechanisms: [...this.#context.sasl.mechanisms] })
        connection.answer(pending!)
        return
      case 'evaluate':
        this.#evaluate(pending, pending ? (pending.request as { authBytes: Buffer }).authBytes : frame)
        return
      case 'fail':
        this.#fail(effect, pending)
        return
      case 'close':
        connection.refuse(null, effect.reason)
        return
      case 'continue':
      case 'complete':
        // They follow the answer of a mechanism: `#evaluated`.
        return
    }
  }

  #evaluate(pending: PendingRequest | null, bytes: Buffer): void {
    this.#busy = true
    this.#exchange!.respond(bytes)
      .then((answer) => this.#evaluated(answer, pending))
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        if (this.#state.phase === 'failed') return
        this.#busy = false
        this.goOn()
        this.#connection.resume()
      })
  }

  #evaluated(answer: SaslAnswer, pending: PendingRequest | null): void {
    const connection = this.#connection
    if (connection.closed) return
    const { sasl, clock, logger } = this.#context
    const event: SaslEvent =
      'refused' in answer
        ? { type: 'refused', ...answer.refused }
        : answer.authenticated === null
          ? { type: 'continued' }
          : {
              type: 'authenticated',
              principal: `User:${answer.authenticated.principal}`,
              tokenAuthenticated: answer.authenticated.isDelegationToken,
              credentialsMs: answer.authenticated.lifetimeEndMs === null ? null : answer.authenticated.lifetimeEndMs - clock.now(),
              maxSessionMs: sasl.maxSessionMs(this.#state.mechanism!),
            }
    const { state, effect } = decideSasl(this.#state, event, { mechanisms: sasl.mechanisms, now: clock.monotonic() })
    this.#state = state
    if (effect.type === 'fail') {
      this.#fail(effect, pending)
      return
    }
    const sessionMs = effect.type === 'complete' ? effect.sessionMs : 0
    if (effect.type === 'complete') {
      this.#exchange = null
      this.#context.counters.loginsSucceeded++
      const { principal, tokenAuthenticated, mechanism } = state
      const { host: client, listener } = connection
      logger.debug({ client, listener, principal, tokenAuthenticated, mechanism, sessionMs }, 'login succeeded')
      connection.loginChanged({ isComplete: true, bareTokens: false, principal, tokenAuthenticated })
    }
    const { response } = answer as { response: Buffer }
    if (pending) {
      pending.complete({ errorCode: 0, errorMessage: '', authBytes: response, sessionLifetimeMs: sessionMs })
      connection.answer(pending)
    } else connection.answerBare(response)
  }

  /** Later, so that passwords cannot be tried quickly. The connection reads nothing until then. */
  #fail({ error, message, reason }: SaslEffect & { type: 'fail' }, pending: PendingRequest | null): void {
    this.#busy = true
    this.#held.length = 0
    const { sasl, clock, dispatcher, counters } = this.#context
    counters.loginsFailed++
    const { mechanism } = this.#state
    if (pending && error !== null) pending.complete(this.#failure(pending, error, message, dispatcher))
    clock.after(sasl.failureDelayMs, () => {
      if (this.#connection.closed) return
      const what = mechanism === null ? 'login failed' : `login with ${mechanism} failed`
      this.#connection.refuse(pending && error !== null ? pending : null, `${what}: ${reason}`)
    })
  }

  #failure(
    pending: PendingRequest,
    error: NonNullable<(SaslEffect & { type: 'fail' })['error']>,
    message: string | null,
    dispatcher: RequestDispatcher,
  ) {
    const { key } = pending.api
    if (key === SASL_HANDSHAKE)
      return { errorCode: errorCode(error), mechanisms: error === 'UNSUPPORTED_SASL_MECHANISM' ? [...this.#context.sasl.mechanisms] : [] }
    if (key === SASL_AUTHENTICATE)
      return { errorCode: errorCode(error), errorMessage: message, authBytes: Buffer.alloc(0), sessionLifetimeMs: 0 }
    return dispatcher.errorResponse(pending, new KafkaError(error, message ?? error))
  }

  /** A bug, or a part of the system that does not answer: the connection ends, the broker goes on. */
  #failed(error: unknown): void {
    this.#state = { ...this.#state, phase: 'failed' }
    this.#busy = true
    const { logger } = this.#context
    logger.error(
      { err: error, client: this.#connection.host, mechanism: this.#state.mechanism },
      'a login could not be handled; the connection is closed',
    )
    this.#connection.refuse(null, 'a login could not be handled')
  }
}
