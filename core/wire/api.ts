/**
 * An API of the protocol, declared once: its key, its versions and the fields of request and response. The broker and the client
 * share the codec; ApiVersions, dispatch, documents and the round-trip tests are derived.
 */
import type { RequestContext } from '../apis/request-context.ts'
import type { Reader } from './reader.ts'
import { type Codec, type Fields, type InOf, type OutOf, struct } from './types.ts'
import type { Writer } from './writer.ts'

/** What a handler gives back: a response, or null where the protocol answers nothing (Produce with acks=0). */
export type Answer<R> = InOf<R & Fields> | null

export interface ApiDeclaration<Q extends Fields, R extends Fields> {
  key: number
  name: string
  /** The versions that are built, both ends included. */
  versions: readonly [number, number]
  /** What ApiVersions says, where that differs from `versions`. */
  advertised?: readonly [number, number]
  /** The first flexible version (KIP-482), null where there is none. */
  flexible: number | null
  /** What Kafka does in this API and Tributary does not, in words for the compatibility page. */
  missing?: readonly string[]
  /** Requests of this API on one connection are handled side by side (and still answered in order); all others wait for their elders. */
  concurrent?: boolean
  request: Q
  response: R
  handle?(call: RequestContext<OutOf<Q>>): Answer<R> | Promise<Answer<R>>
  /** The response that carries an error of the whole request, where a top-level `errorCode` does not do. */
  errorResponse?(errorCode: number, request: OutOf<Q>, version: number): InOf<R>
}

export interface Api<Q extends Fields = Fields, R extends Fields = Fields> extends ApiDeclaration<Q, R> {
  isFlexible(version: number): boolean
  readRequest(reader: Reader, version: number): OutOf<Q>
  writeRequest(writer: Writer, version: number, request: InOf<Q>): void
  readResponse(reader: Reader, version: number): OutOf<R>
  writeResponse(writer: Writer, version: number, response: InOf<R>): void
}

/** Any API, where its fields do not matter: dispatch, tests, documents. */
// biome-ignore lint/suspicious/noExplicitAny: the union of all APIs has no common field
export type AnyApi = Api<any, any>

export type RequestOf<A> = A extends Api<infer Q, infer _> ? InOf<Q> : never
export type ResponseOf<A> = A extends Api<infer _, infer R> ? OutOf<R> : never

export function defineApi<const Q extends Fields, const R extends Fields>(declaration: ApiDeclaration<Q, R>): Api<Q, R> {
  const { flexible } = declaration
  const isFlexible = (version: number) => flexible !== null && version >= flexible
  const memo = <O, I>(type: { codec(version: number, flexible: boolean): Codec<O, I> }) => {
    const known: Codec<O, I>[] = []
    return (version: number) => {
      known[version] ??= type.codec(version, isFlexible(version))
      return known[version]
    }
  }
  const request = memo(struct(declaration.request))
  const response = memo(struct(declaration.response))
  return {
    ...declaration,
    isFlexible,
    readRequest: (reader, version) => request(version).read(reader),
    writeRequest: (writer, version, value) => request(version).write(writer, value),
    readResponse: (reader, version) => response(version).read(reader),
    writeResponse: (writer, version, value) => response(version).write(writer, value),
  }
}
