/**
 * The messages of SCRAM (RFC 5802): what Kafka accepts of them, read without backtracking, and written. Channel binding is not supported,
 * as in Kafka. A message that cannot be read is null: it may hold secrets, so no error repeats it. Pure.
 */

import { decodeName, encodeName, isSaslName } from './sasl-name.ts'

/** Far more than a user name, a nonce and a salt need. */
const MAX_MESSAGE_BYTES = 64 * 1024
const MAX_NONCE_CHARACTERS = 1024
const MAX_SALT_BYTES = 1024
const MAX_EXTENSIONS = 16

const VALUE = /^\p{ASCII}+$/u
const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?$/
const EXTENSION = /^[A-Za-z]+=/

export interface ClientFirst {
  /** As it was sent, escapes included; empty where the client did not send one. */
  readonly authorizationId: string
  readonly user: string
  readonly nonce: string
  readonly extensions: ReadonlyMap<string, string>
  /** The part that is signed. */
  readonly bare: string
}

export interface ServerFirst {
  readonly nonce: string
  readonly salt: Buffer
  readonly iterations: number
}

export interface ClientFinal {
  readonly nonce: string
  readonly proof: Buffer
  /** The part that is signed. */
  readonly withoutProof: string
}

export type ServerFinal = { readonly error: string } | { readonly signature: Buffer }

const textOf = (bytes: Buffer): string | null => (bytes.length > MAX_MESSAGE_BYTES ? null : bytes.toString('utf8'))

/** The value of `key=value` where it is valid, else null. */
function take(part: string | undefined, key: string, isValid: (value: string) => boolean): string | null {
  if (part === undefined || !part.startsWith(`${key}=`)) return null
  const value = part.slice(key.length + 1)
  return isValid(value) ? value : null
}

/** Parts are split at commas, so that no value has one. */
const isValue = (text: string): boolean => VALUE.test(text) && !text.includes('\0')
const isNonce = (text: string): boolean => text.length <= MAX_NONCE_CHARACTERS && NONCE.test(text)
const isBase64 = (text: string): boolean => BASE64.test(text)
const isCount = (text: string): boolean => /^[0-9]{1,10}$/.test(text)

/** Null where one of them is no extension, or there are too many. */
function extensionsOf(parts: readonly string[]): ReadonlyMap<string, string> | null {
  if (parts.length > MAX_EXTENSIONS) return null
  const extensions = new Map<string, string>()
  for (const part of parts) {
    const name = EXTENSION.exec(part)?.[0]
    if (!name || !isValue(part.slice(name.length))) return null
    extensions.set(name.slice(0, -1), part.slice(name.length))
  }
  return extensions
}

export function parseClientFirst(bytes: Buffer): ClientFirst | null {
  const text = textOf(bytes)
  const [flag, authorization, ...bare] = text?.split(',') ?? []
  if (flag !== 'n' || authorization === undefined) return null
  const authorizationId = authorization === '' ? '' : take(authorization, 'a', isSaslName)
  const user = take(bare[0], 'n', isSaslName)
  const nonce = take(bare[1], 'r', isNonce)
  const extensions = extensionsOf(bare.slice(2))
  if (authorizationId === null || user === null || nonce === null || extensions === null) return null
  return { authorizationId, user: decodeName(user), nonce, extensions, bare: bare.join(',') }
}

export function clientFirstBare(user: string, nonce: string, isTokenAuthenticated: boolean): string {
  return `n=${encodeName(user)},r=${nonce}${isTokenAuthenticated ? ',tokenauth=true' : ''}`
}

export function parseServerFirst(bytes: Buffer): ServerFirst | null {
  const [noncePart, saltPart, iterationsPart, ...rest] = textOf(bytes)?.split(',') ?? []
  const nonce = take(noncePart, 'r', isNonce)
  const salt = take(saltPart, 's', isBase64)
  const iterations = take(iterationsPart, 'i', isCount)
  if (nonce === null || salt === null || iterations === null || extensionsOf(rest) === null) return null
  const saltBytes = Buffer.from(salt, 'base64')
  return saltBytes.length > MAX_SALT_BYTES ? null : { nonce, salt: saltBytes, iterations: Number(iterations) }
}

export const serverFirst = ({ nonce, salt, iterations }: ServerFirst): string => `r=${nonce},s=${salt.toString('base64')},i=${iterations}`

export function parseClientFinal(bytes: Buffer): ClientFinal | null {
  const parts = textOf(bytes)?.split(',') ?? []
  const nonce = take(parts[1], 'r', isNonce)
  const proof = parts.length > 2 ? take(parts.at(-1), 'p', isBase64) : null
  if (take(parts[0], 'c', isBase64) === null || nonce === null || proof === null || extensionsOf(parts.slice(2, -1)) === null) return null
  return { nonce, proof: Buffer.from(proof, 'base64'), withoutProof: parts.slice(0, -1).join(',') }
}

/** `n,,` is the only header that clients send: no channel binding, no other authorization id. */
export const clientFinalWithoutProof = (nonce: string): string => `c=${Buffer.from('n,,').toString('base64')},r=${nonce}`

export function parseServerFinal(bytes: Buffer): ServerFinal | null {
  const [first, ...rest] = textOf(bytes)?.split(',') ?? []
  const error = take(first, 'e', isValue)
  if (error !== null) return { error }
  const signature = take(first, 'v', isBase64)
  return signature === null || extensionsOf(rest) === null ? null : { signature: Buffer.from(signature, 'base64') }
}
