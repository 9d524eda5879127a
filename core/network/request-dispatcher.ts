/**
 * Reads a request from its frame, with the API and version of its header, and builds the error response when its handler fails. It keeps no
 * state of a connection.
 */
import type { AnyServedApi } from '../apis/define-api.ts'
import type { Peer } from '../apis/request-context.ts'
import type { BrokerServices } from '../broker-services.ts'
import { codeOf, errorCode, KafkaError, messageOf } from '../errors.ts'
import type { Clock } from '../system/clock.ts'
import { API_VERSIONS_KEY, readRequestHeader, skipTags } from '../wire/header.ts'
import { limits as wireLimits } from '../wire/limits.ts'
import { Reader, WireError } from '../wire/reader.ts'
import { limits } from './limits.ts'
import { PendingRequest } from './pending-request.ts'
import { RequestThrottle } from './request-throttle.ts'

export class RequestDispatcher {
  readonly throttle: RequestThrottle
  readonly #apis = new Map<number, AnyServedApi>()
  readonly #broker: BrokerServices

  constructor(apis: readonly AnyServedApi[], broker: BrokerServices) {
    this.throttle = new RequestThrottle(broker.quotas)
    for (const api of apis) this.#apis.set(api.key, api)
    this.#broker = broker
  }

  get clock(): Clock {
    return this.#broker.system.clock
  }

  /** Throws WireError where there is none. */
  api(key: number): AnyServedApi {
    const api = this.#apis.get(key)
    if (!api) throw new WireError(`unknown API key ${key}`)
    return api
  }

  /** Throws WireError where the frame is no valid request: the connection must be closed, as Kafka does. */
  read(frame: Buffer, peer: Peer, maxElements: number = wireLimits.requestElements): PendingRequest {
    const reader = new Reader(frame)
    const header = readRequestHeader(reader)
    const api = this.api(header.apiKey)
    const { apiVersion } = header
    const [min, max] = api.advertised ?? api.versions
    if (apiVersion < Math.max(min, api.versions[0]) || apiVersion > Math.min(max, api.versions[1])) {
      if (api.key === API_VERSIONS_KEY) return this.#unsupportedApiVersions(api, header, peer, frame.length)
      throw new WireError(`${api.name} version ${apiVersion} is not supported; versions ${min} to ${max} are`)
    }
    if (api.isFlexible(apiVersion)) skipTags(reader)
    const bodyBytes = reader.remaining
    reader.maxElements = maxElements
    const request = api.readRequest(reader, apiVersion)
    const sizeBytes = frame.length + reader.elements * limits.elementBytes
    return new PendingRequest(api, request, header, peer, this.#broker, { sizeBytes, bodyBytes })
  }

  /** KIP-511: the body is not read; the response has version 0 and the versions of ApiVersions, so that the client can retry. */
  #unsupportedApiVersions(
    api: AnyServedApi,
    header: { correlationId: number; clientId: string | null },
    peer: Peer,
    sizeBytes: number,
  ): PendingRequest {
    const pending = new PendingRequest(api, {}, { ...header, apiVersion: 0 }, peer, this.#broker, { sizeBytes, bodyBytes: 0 })
    const [minVersion, maxVersion] = api.versions
    pending.complete({ errorCode: errorCode('UNSUPPORTED_VERSION'), apiKeys: [{ apiKey: api.key, minVersion, maxVersion }] })
    return pending
  }

  /** The response to a request whose handler threw, or null where the API has no field for an error. */
  errorResponse(pending: PendingRequest, error: unknown): unknown {
    const { api, request, version } = pending
    if (!(error instanceof KafkaError))
      this.#broker.system.logger.error(
        { err: error, api: api.name, version, client: pending.peer.host },
        'a request failed; the client gets an error response',
      )
    const errorMessage = error instanceof KafkaError ? messageOf(error) : null
    if (api.errorResponse) return api.errorResponse(codeOf(error), request, version, errorMessage)
    return 'errorCode' in api.response ? { errorCode: codeOf(error) } : null
  }
}
