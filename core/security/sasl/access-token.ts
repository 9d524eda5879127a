/**
 * Access tokens as a client sees them: a JWT whose claims it reads without a check of the signature, as Kafka's ClientJwtValidator; the
 * broker checks it. The rules for claims are those of the broker too. Errors never repeat a token or the value of a claim. Pure.
 */
import { SaslError } from './sasl-errors.ts'

/** Kafka's default of sasl.server.max.receive.size: no listener takes more. */
export const MAX_TOKEN_CHARACTERS = 512 * 1024

export interface AccessToken {
  /** As it is sent. */
  readonly value: string
  readonly principal: string
  readonly startMs: number | null
  readonly endMs: number
  readonly scopes: readonly string[]
}

export type Claims = Readonly<Record<string, unknown>>

export interface ClaimNames {
  readonly scope: string
  readonly subject: string
}

const BASE64URL = /^[A-Za-z0-9_-]*$/

/** The parts of a JWT: header, claims, signature. */
export function jwtParts(value: string): readonly [header: string, claims: string, signature: string] {
  if (value === '') throw new SaslError('Empty JWT provided; expected three sections (header, payload, and signature)')
  if (value.length > MAX_TOKEN_CHARACTERS) throw new SaslError(`The JWT is longer than ${MAX_TOKEN_CHARACTERS} characters`)
  const parts = value.split('.', 4)
  if (parts.length !== 3) throw new SaslError('Malformed JWT provided; expected three sections (header, payload, and signature)')
  return parts as [string, string, string]
}

/** The JSON object in a part of a JWT. */
export function jsonOf(part: string): Claims {
  let value: unknown
  try {
    if (!BASE64URL.test(part)) throw new Error('not base64url')
    value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    throw new SaslError('Could not validate the access token: malformed JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SaslError('Could not validate the access token: malformed JSON')
  return value as Claims
}

function textClaim(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new SaslError(`${name} value must be ${value === undefined ? 'non-null' : 'a string'}`)
  if (value.trim() === '') throw new SaslError(`${name} value must be non-empty`)
  return value.trim()
}

function timeClaim(name: string, value: unknown): number | null {
  if (value === undefined || value === null) return null
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new SaslError(`${name} value must be a number`)
  if (value < 0) throw new SaslError(`${name} value must be non-negative`)
  return Math.round(value * 1000)
}

function scopesOf(name: string, value: unknown): string[] {
  const given = typeof value === 'string' ? [value] : Array.isArray(value) ? value : []
  const scopes = given.map((scope) => textClaim(name, scope))
  if (new Set(scopes).size < scopes.length) throw new SaslError(`${name} value must not contain duplicates`)
  return scopes
}

/** What Kafka takes from the claims of a secured token. Throws SaslError. */
export function tokenOf(value: string, claims: Claims, names: ClaimNames): AccessToken {
  const scopes = scopesOf(names.scope, claims[names.scope])
  const endMs = timeClaim('exp', claims.exp)
  if (endMs === null) throw new SaslError('exp value must be non-null')
  return { value, scopes, endMs, principal: textClaim(names.subject, claims[names.subject]), startMs: timeClaim('iat', claims.iat) }
}

/** Of a token that the client has retrieved. */
export const readToken = (value: string, names: ClaimNames): AccessToken => tokenOf(value, jsonOf(jwtParts(value)[1]), names)
