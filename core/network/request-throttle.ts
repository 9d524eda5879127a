/**
 * Client quotas on the requests of all connections: what a request uses is recorded, and a request over a quota has its response at once,
 * with the time that its connection is throttled for (KIP-219). What counts for request_percentage is the time to read a request, to handle
 * it until it waits for something, and to encode its response.
 */
import { type ClientQuotas, quotaClientOf } from '../quotas/client-quotas.ts'
import { Writer } from '../wire/writer.ts'
import type { PendingRequest } from './pending-request.ts'

/** A request_percentage of 100 is one thread that does nothing else. */
const percentOf = (durationMs: number): number => durationMs / 10
/** Kafka adds the size field of a Fetch response to its body. */
const SIZE_FIELD_BYTES = 4

type Throttleable = { throttleTimeMs?: number } | null

export class RequestThrottle {
  readonly #quotas: ClientQuotas
  /** Connections that are throttled now. */
  throttledConnections = 0

  constructor(quotas: ClientQuotas) {
    this.#quotas = quotas
  }

  /** False where nobody has a quota: nothing of this is needed then. */
  get isEnabled(): boolean {
    return this.#quotas.isEnabled
  }

  /**
   * Before a request is handled. The bytes of a Produce are known: requests behind it must not start before its client may send more.
   * Returns the throttle time.
   */
  starting(pending: PendingRequest): number {
    const { produce } = this.#quotas
    if (pending.api.byteRate !== 'producer' || !produce.isEnabled) return 0
    pending.bandwidthThrottleMs = produce.record(quotaClientOf(pending), pending.bodyBytes, this.#quotas.now())
    return pending.bandwidthThrottleMs
  }

  /** A request is handled: completes it with `response`, or with that of a throttled request. Returns the throttle time. */
  completed(pending: PendingRequest, response: unknown): number {
    const client = quotaClientOf(pending)
    const now = this.#quotas.now()
    const { produce, fetch, request, mutation } = this.#quotas
    const bandwidth = pending.api.byteRate === 'consumer' && fetch.isEnabled ? fetch : produce
    const fetchedBytes = bandwidth === fetch ? this.#bodyBytes(pending, response) + SIZE_FIELD_BYTES : 0
    if (fetchedBytes > 0) pending.bandwidthThrottleMs = fetch.record(client, fetchedBytes, now)
    const handlerMs = (response as Throttleable)?.throttleTimeMs ?? 0
    const requestMs = this.#recordTime(pending, now)
    const throttleMs = Math.max(pending.bandwidthThrottleMs, handlerMs, requestMs)
    if (throttleMs === 0) {
      pending.complete(response)
      return 0
    }
    if (fetchedBytes > 0) fetch.recordOnly(client, -fetchedBytes, now)
    const cause = throttleMs === requestMs ? request : throttleMs === handlerMs ? mutation : bandwidth
    cause.throttled(client, throttleMs, now)
    const { throttledResponse } = pending.api
    if (throttledResponse) pending.release()
    pending.complete(withThrottleTime(throttledResponse ? throttledResponse() : response, throttleMs))
    return throttleMs
  }

  /** The encoding of a response: the next request pays for it. */
  encoded(pending: PendingRequest, durationMs: number): void {
    const { request, exemptRequestTime } = this.#quotas
    if (!request.isEnabled) return
    const now = this.#quotas.now()
    if (isExempt(pending)) exemptRequestTime.record(percentOf(durationMs), now)
    else request.recordOnly(quotaClientOf(pending), percentOf(durationMs), now)
  }

  #recordTime(pending: PendingRequest, now: number): number {
    const { request, exemptRequestTime } = this.#quotas
    if (!request.isEnabled) return 0
    const percent = percentOf(pending.handlingMs)
    if (!isExempt(pending)) return request.record(quotaClientOf(pending), percent, now)
    exemptRequestTime.record(percent, now)
    return 0
  }

  /** Large records are referred to, not copied. */
  #bodyBytes({ api, version }: PendingRequest, response: unknown): number {
    const writer = new Writer()
    api.writeResponse(writer, version, response as never)
    return writer.length
  }
}

const isExempt = ({ api, request }: PendingRequest): boolean => api.isExempt?.(request) ?? false

/** A copy: the response may be one that a handler keeps. APIs without the field are throttled all the same. */
const withThrottleTime = (response: unknown, throttleTimeMs: number): unknown =>
  response === null ? null : { ...(response as object), throttleTimeMs }
