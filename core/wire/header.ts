/**
 * Request and response headers. The client id keeps its two-byte length in every version; tags follow where the API's version is
 * flexible, except in the response to ApiVersions, which stays readable for clients that do not know the version yet (KIP-511).
 */
import type { AnyApi } from './api.ts'
import { limits } from './limits.ts'
import { type Reader, WireError } from './reader.ts'
import type { Writer } from './writer.ts'

export const API_VERSIONS_KEY = 18

export interface RequestHeader {
  apiKey: number
  apiVersion: number
  correlationId: number
  clientId: string | null
}

/** Reads the fields of every version of the header. Tags follow where the version is flexible (`skipTags`). */
export function readRequestHeader(reader: Reader): RequestHeader {
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  const length = reader.int16()
  if (length < -1) throw new WireError(`client id of ${length} bytes`)
  return { apiKey, apiVersion, correlationId, clientId: length < 0 ? null : reader.utf8(length) }
}

/** Skips the tagged fields of a header; none is defined. */
export function skipTags(reader: Reader): void {
  const count = reader.uvarint()
  if (count > limits.taggedFields) throw new WireError(`${count} tagged fields, the limit is ${limits.taggedFields}`)
  for (let i = 0; i < count; i++) {
    reader.uvarint()
    reader.skip(reader.uvarint())
  }
}

export function writeRequestHeader(writer: Writer, api: AnyApi, header: Omit<RequestHeader, 'apiKey'>): void {
  writer.int16(api.key)
  writer.int16(header.apiVersion)
  writer.int32(header.correlationId)
  if (header.clientId === null) writer.int16(-1)
  else {
    const bytes = Buffer.byteLength(header.clientId)
    writer.int16(bytes)
    writer.utf8(header.clientId, bytes)
  }
  if (api.isFlexible(header.apiVersion)) writer.uvarint(0)
}

export const responseHasTags = (api: AnyApi, version: number): boolean => api.key !== API_VERSIONS_KEY && api.isFlexible(version)

export function writeResponseHeader(writer: Writer, api: AnyApi, version: number, correlationId: number): void {
  writer.int32(correlationId)
  if (responseHasTags(api, version)) writer.uvarint(0)
}
