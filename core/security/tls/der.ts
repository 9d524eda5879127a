/**
 * Reads DER, and the parts of BER that key stores and certificates use: indefinite lengths, octet strings in pieces. The depth is bounded,
 * and a length is checked before it is used (Invariant 13). It knows no schema: callers take the elements by position and tag.
 */
import { invariant } from '../../errors.ts'

/** Elements in elements; PKCS#12 needs about ten. */
const MAX_DEPTH = 32

export const derTag = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

const CONSTRUCTED = 0x20

export class DerError extends Error {
  override name = 'DerError'
}

export interface DerElement {
  readonly tag: number
  /** With tag and length. */
  readonly bytes: Buffer
  readonly content: Buffer
  /** Of a constructed element; empty for others. */
  readonly children: readonly DerElement[]
}

/** The first element of `bytes`; what follows it is ignored. */
export const readDer = (bytes: Buffer): DerElement => readElement(bytes, 0, bytes.length, 0).element

function readElement(bytes: Buffer, start: number, end: number, depth: number): { element: DerElement; next: number } {
  if (depth > MAX_DEPTH) throw new DerError(`more than ${MAX_DEPTH} elements in each other`)
  if (end - start < 2) throw new DerError('it ends in the middle of an element')
  const tag = bytes[start]!
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of several bytes')
  let position = start + 2
  let length = bytes[start + 1]!
  if (length === 0x80) return readIndefinite(bytes, start, position, end, depth)
  if (length > 0x80) {
    const count = length & 0x7f
    if (count > 4 || position + count > end) throw new DerError('a length that is too long')
    length = bytes.readUIntBE(position, count)
    position += count
  }
  const next = position + length
  if (next > end) throw new DerError('an element is longer than what holds it')
  const children: DerElement[] = []
  if (tag & CONSTRUCTED)
    for (let at = position; at < next; ) {
      const child = readElement(bytes, at, next, depth + 1)
      children.push(child.element)
      at = child.next
    }
  return { element: { tag, bytes: bytes.subarray(start, next), content: bytes.subarray(position, next), children }, next }
}

function readIndefinite(bytes: Buffer, start: number, first: number, end: number, depth: number) {
  const children: DerElement[] = []
  for (let at = first; ; ) {
    if (end - at < 2) throw new DerError('an indefinite length has no end')
    if (bytes[at] === 0 && bytes[at + 1] === 0) {
      const next = at + 2
      return { element: { tag: bytes[start]!, bytes: bytes.subarray(start, next), content: bytes.subarray(first, at), children }, next }
    }
    const child = readElement(bytes, at, end, depth + 1)
    children.push(child.element)
    at = child.next
  }
}

/** A child by its position. */
export function child(element: DerElement, index: number, tag?: number): DerElement {
  const found = element.children[index]
  if (!found || (tag !== undefined && (found.tag | CONSTRUCTED) !== (tag | CONSTRUCTED)))
    throw new DerError(`element ${index} of ${element.children.length} is not what the format has there`)
  return found
}

/** The bytes of an octet string, also of one in pieces. */
export const octets = (element: DerElement): Buffer =>
  element.tag & CONSTRUCTED ? Buffer.concat(element.children.map(octets)) : element.content

export function integer({ tag, content }: DerElement): number {
  if (tag !== derTag.integer || content.length === 0 || content.length > 6) throw new DerError('an integer is expected')
  return content.readIntBE(0, content.length)
}

/** In dotted decimals. */
export function oid({ tag, content }: DerElement): string {
  if (tag !== derTag.oid || content.length === 0) throw new DerError('an object identifier is expected')
  const parts: bigint[] = []
  let value = 0n
  for (const byte of content) {
    value = (value << 7n) | BigInt(byte & 0x7f)
    if (byte & 0x80) continue
    parts.push(value)
    value = 0n
  }
  const first = parts[0]
  if (first === undefined) throw new DerError('an object identifier has no end')
  const root = first < 40n ? 0n : first < 80n ? 1n : 2n
  invariant(first >= root * 40n, 'the first two arcs are one number')
  return [root, first - root * 40n, ...parts.slice(1)].join('.')
}
