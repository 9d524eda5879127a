/**
 * Whether the sender of a request knows the secret, by the schemes of webhooks. Signatures are compared in constant time, and made of the
 * bytes that came.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { WebhookConfig } from './settings.ts'

/** Why a request is not taken; null where it is. */
export type VerifySignature = (headers: IncomingHttpHeaders, body: Buffer, nowMs: number) => string | null

const MISSING = 'the signature is missing'
const WRONG = 'the signature is wrong'
/** Stripe sends one for each secret that is valid. */
const MAX_SIGNATURES = 10

const textOf = (headers: IncomingHttpHeaders, name: string): string | null => {
  const value = headers[name]
  return typeof value === 'string' && value !== '' ? value : null
}

const isSame = (a: Buffer, b: Buffer) => a.length === b.length && timingSafeEqual(a, b)

export function signatureVerifier(config: WebhookConfig): VerifySignature {
  // Whoever sends can sign with an empty secret.
  const secrets = [config['signature.secret'], config['signature.secret.previous']].filter(
    (secret): secret is string => secret !== null && secret !== '',
  )
  const header = config['signature.header'].toLowerCase()
  const prefix = config['signature.prefix']
  switch (config['signature.scheme']) {
    case 'none':
      return () => null
    case 'github':
      return hmac(secrets, { header: 'x-hub-signature-256', prefix: 'sha256=', algorithm: 'sha256', encoding: 'hex' })
    case 'hmac':
      return hmac(secrets, { header, prefix, algorithm: config['signature.algorithm'], encoding: config['signature.encoding'] })
    case 'stripe':
      return stripe(secrets, config['signature.tolerance.seconds'] * 1000)
    case 'token':
      return token(secrets, header, prefix)
  }
}

interface HmacForm {
  readonly header: string
  readonly prefix: string
  readonly algorithm: string
  readonly encoding: 'hex' | 'base64'
}

/** The part behind the prefix, and white space behind that; null where the prefix is not there. */
const unprefixed = (text: string, prefix: string) => (text.startsWith(prefix) ? text.slice(prefix.length).trim() : null)

function hmac(secrets: readonly string[], { header, prefix, algorithm, encoding }: HmacForm): VerifySignature {
  return (headers, body) => {
    const text = textOf(headers, header)
    if (text === null) return MISSING
    const given = Buffer.from(unprefixed(text, prefix) ?? '', encoding)
    return secrets.some((secret) => isSame(given, createHmac(algorithm, secret).update(body).digest())) ? null : WRONG
  }
}

function stripe(secrets: readonly string[], toleranceMs: number): VerifySignature {
  return (headers, body, nowMs) => {
    const text = textOf(headers, 'stripe-signature')
    if (text === null) return MISSING
    const parts = text.split(',').map((part) => part.trim().split('=', 2) as [string, string | undefined])
    const time = parts.find(([name]) => name === 't')?.[1]
    if (time === undefined || !/^\d{1,12}$/.test(time)) return WRONG
    const given = parts.filter(([name]) => name === 'v1').slice(0, MAX_SIGNATURES)
    const isSigned = secrets.some((secret) => {
      const expected = createHmac('sha256', secret).update(`${time}.`).update(body).digest()
      return given.some(([, signature]) => isSame(Buffer.from(signature ?? '', 'hex'), expected))
    })
    if (!isSigned) return WRONG
    return Math.abs(nowMs - Number(time) * 1000) <= toleranceMs ? null : 'the time of the signature is too far from now'
  }
}

function token(secrets: readonly string[], header: string, prefix: string): VerifySignature {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const expected = secrets.map(digest)
  return (headers) => {
    const text = textOf(headers, header)
    if (text === null) return MISSING
    const given = unprefixed(text, prefix)
    return given !== null && expected.some((known) => isSame(digest(given), known)) ? null : WRONG
  }
}
