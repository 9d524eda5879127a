/**
 * Reads DER, and the parts of BER that key stores use: indefinite lengths, octet strings in pieces. node-forge checks each length before it
 * is used, and the depth is bounded (Invariant 13). It knows no schema: callers take the elements by position.
 */
import type { asn1 } from 'node-forge'
import { forge, fromForge } from './forge.ts'

/** Elements in elements; PKCS#12 needs about ten. */
const MAX_DEPTH = 32

export type DerElement = asn1.Asn1

export class DerError extends Error {
  override name = 'DerError'
}

/** The first element of `bytes`; what follows it is ignored. */
export function readDer(bytes: Buffer): DerElement {
  try {
    return forge().asn1.fromDer(bytes.toString('latin1'), { parseAllBytes: false, decodeBitStrings: false, maxDepth: MAX_DEPTH })
  } catch (error) {
    throw new DerError('it is truncated, or no DER', { cause: error })
  }
}

/** With tag and length. */
export const derBytes = (element: DerElement): Buffer => fromForge(forge().asn1.toDer(element))

/** Of a constructed element; empty for others, and for one that is not there. */
export const children = (element: DerElement | undefined): readonly DerElement[] =>
  typeof element?.value === 'object' ? element.value : []

/** A child by its position. */
export function child(element: DerElement, index: number): DerElement {
  const found = children(element)[index]
  if (!found) throw new DerError(`element ${index} of ${children(element).length} is not what the format has there`)
  return found
}

/** The bytes of an octet string, also of one in pieces. */
export const octets = ({ value }: DerElement): Buffer =>
  typeof value === 'string' ? Buffer.from(value, 'latin1') : Buffer.concat(value.map(octets))

export function integer({ type, value }: DerElement): number {
  if (type !== forge().asn1.Type.INTEGER || typeof value !== 'string' || value.length === 0 || value.length > 4)
    throw new DerError('an integer of at most 32 bits is expected')
  return forge().asn1.derToInteger(value)
}

/** In dotted decimals. */
export function oid({ type, value }: DerElement): string {
  if (type !== forge().asn1.Type.OID || typeof value !== 'string') throw new DerError('an object identifier is expected')
  return forge().asn1.derToOid(value)
}
