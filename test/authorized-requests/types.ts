/**
 * What a request to an API says about authorization: what its client must be allowed, and what a response shows where that is denied.
 */
import type { Requirement } from '../../core/apis/access.ts'
import type { AnyServedApi } from '../../core/apis/define-api.ts'
import type { ErrorName } from '../../core/errors.ts'

/** What a client must be allowed to do, and what a response shows where it is denied: errors with their number, or what it hides. */
export type Need = readonly [requirement: Requirement, resource: string, denied: string]

export interface Cluster {
  /** By name. */
  readonly topicIds: ReadonlyMap<string, string>
}

export interface AuthorizedRequest {
  readonly name: string
  readonly api: AnyServedApi
  /** All that clients may use, unless told. */
  readonly versions?: readonly [number, number]
  readonly needs: readonly Need[]
  /** It is refused whatever its client may do. */
  readonly isRefusedAnyway?: boolean
  /** A wider right, with which the needs are not asked for. */
  readonly without?: string
  /** Errors that pass, as the work that they wait for is done. */
  readonly passing?: readonly ErrorName[]
  /** Produce with acks=0. */
  readonly noResponse?: boolean
  /** `unique` is a text of its own for each time that the request is sent; the needs have it as `<unique>`. */
  request(cluster: Cluster, version: number, unique: string): object
}

/** The versions of a request that clients may send. */
export function versionsOf({ api, versions }: AuthorizedRequest): number[] {
  const advertised = api.advertised ?? api.versions
  const first = Math.max(api.versions[0], advertised[0], versions?.[0] ?? 0)
  const last = Math.min(api.versions[1], advertised[1], versions?.[1] ?? Number.MAX_SAFE_INTEGER)
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
