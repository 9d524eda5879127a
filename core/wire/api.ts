/**
 * The schema of an API and the codec that follows from it: key, versions, the fields of request and response. Broker and client share it.
 * What a broker does with a request is declared in `core/apis/define-api.ts`.
 */
import type { Reader } from './reader.ts'
import { type Codec, type Fields, type InOf, type OutOf, struct } from './types.ts'
import type { Writer } from './writer.ts'

export interface ApiSchema<Q extends Fields, R extends Fields> {
  key: number
  name: string
  /** The implemented versions, both ends included. */
  versions: readonly [number, number]
  /** The versions in the ApiVersions response, where they differ from `versions`. */
  advertised?: readonly [number, number]
  /** The first flexible version (KIP-482), null where there is none. */
  flexible: number | null
  request: Q
  response: R
}

export interface ApiCodec<Q extends Fields, R extends Fields> {
  isFlexible(version: number): boolean
  readRequest(reader: Reader, version: number): OutOf<Q>
  writeRequest(writer: Writer, version: number, request: InOf<Q>): void
  readResponse(reader: Reader, version: number): OutOf<R>
  writeResponse(writer: Writer, version: number, response: InOf<R>): void
}

export interface Api<Q extends Fields = Fields, R extends Fields = Fields> extends ApiSchema<Q, R>, ApiCodec<Q, R> {}

/** Any API, where its fields do not matter: headers, tests, documents. */
// biome-ignore lint/suspicious/noExplicitAny: the union of all APIs has no common field
export type AnyApi = Api<any, any>

export type RequestOf<A> = A extends Api<infer Q, infer _> ? InOf<Q> : never
export type ResponseOf<A> = A extends Api<infer _, infer R> ? OutOf<R> : never

/** The codec of every version of a schema. */
export function apiCodec<Q extends Fields, R extends Fields>(schema: ApiSchema<Q, R>): ApiCodec<Q, R> {
  const { flexible } = schema
  const isFlexible = (version: number) => flexible !== null && version >= flexible
  const memo = <O, I>(type: { codec(version: number, flexible: boolean): Codec<O, I> }) => {
    const codecs: Codec<O, I>[] = []
    return (version: number) => {
      codecs[version] ??= type.codec(version, isFlexible(version))
      return codecs[version]
    }
  }
  const request = memo(struct(schema.request))
  const response = memo(struct(schema.response))
  return {
    isFlexible,
    readRequest: (reader, version) => request(version).read(reader),
    writeRequest: (writer, version, value) => request(version).write(writer, value),
    readResponse: (reader, version) => response(version).read(reader),
    writeResponse: (writer, version, value) => response(version).write(writer, value),
  }
}
