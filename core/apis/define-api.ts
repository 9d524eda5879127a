/**
 * An API of the protocol, declared once: its schema, and how this broker handles a request. Codec, ApiVersions, dispatch, the compatibility
 * page and the round-trip tests are derived from the declaration.
 */
import { type Api, type ApiSchema, apiCodec } from '../wire/api.ts'
import type { Fields, InOf, OutOf } from '../wire/types.ts'
import type { Requirement } from './access.ts'
import type { RequestContext } from './request-context.ts'

/** A handler's result: the response, or null where the protocol has none (Produce with acks=0). */
export type HandlerResult<R extends Fields> = InOf<R> | null

export interface ApiHandler<Q extends Fields, R extends Fields> {
  /** What Kafka supports in this API and Tributary does not, for the compatibility page. */
  missing?: readonly string[]
  /** All that the handler may ask of the authorizer. Empty where nobody needs a permission: a test lists those APIs. */
  authorization: readonly Requirement[]
  /**
   * Requests of this API on one connection are handled concurrently. All other requests wait until the earlier ones of their connection
   * have their responses. Responses are sent in the order of the requests either way.
   */
  concurrent?: boolean
  /** The byte rate of client quotas that its records use: of requests for a producer, of responses for a consumer. */
  byteRate?: 'producer' | 'consumer'
  /** True for a request that request_percentage does not slow down. */
  isExempt?(request: OutOf<Q>): boolean
  /** The response to a request over a quota, where it is not the usual one with its throttle time. */
  throttledResponse?(): InOf<R>
  handle(context: RequestContext<OutOf<Q>>): HandlerResult<R> | Promise<HandlerResult<R>>
  /** The response that carries an error of the whole request, where a top-level `errorCode` is not enough. */
  errorResponse?(errorCode: number, request: OutOf<Q>, version: number, errorMessage: string | null): InOf<R>
}

export interface ApiDeclaration<Q extends Fields, R extends Fields> extends ApiSchema<Q, R>, ApiHandler<Q, R> {}

export interface ServedApi<Q extends Fields, R extends Fields> extends Api<Q, R>, ApiHandler<Q, R> {}

/** Any API with its handler, where its fields do not matter: dispatch, tests, documents. */
// biome-ignore lint/suspicious/noExplicitAny: the union of all APIs has no common field
export type AnyServedApi = ServedApi<any, any>

export function defineApi<const Q extends Fields, const R extends Fields>(declaration: ApiDeclaration<Q, R>): ServedApi<Q, R> {
  return { ...declaration, ...apiCodec(declaration) }
}
