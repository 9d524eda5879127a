/**
 * Unsecured JWTs (`alg: none`) for development, as Kafka's OAuthBearerUnsecuredLoginCallbackHandler makes them and its
 * OAuthBearerUnsecuredValidatorCallbackHandler accepts them: anybody can make one for any user. Pure.
 */
import { type AccessToken, type Claims, jsonOf, jwtParts } from './access-token.ts'
import type { LoginModule } from './jaas-config.ts'
import { SaslError } from './sasl-errors.ts'
import { invalidSaslConfig } from './sasl-settings.ts'

const LOGIN = 'unsecuredLogin'
const VALIDATOR = 'unsecuredValidator'
const DEFAULT_LIFETIME_SECONDS = 3600
const MAX_LIFETIME_SECONDS = 100 * 365 * 86_400
const MAX_CLOCK_SKEW_MS = 2_147_483_647
const SCOPE_ITEM = /^[\x21\x23-\x5b\x5d-\x7e]+$/

type Options = LoginModule['options']

/** An option, or the default where it is blank. */
const optionOf = (options: Options, name: string, fallback: string): string => options.get(name)?.trim() || fallback

function wholeNumber(options: Options, name: string, fallback: number, max: number): number {
  const text = optionOf(options, name, String(fallback))
  if (!/^\d{1,15}$/.test(text) || Number(text) > max)
    throw invalidSaslConfig(`The JAAS option ${name} must be a whole number from 0 to ${max}`)
  return Number(text)
}

/** True where a login by these options gets a token: Kafka's clients need one claim at least. */
export const hasUnsecuredLogin = (options: Options): boolean =>
  [...options.keys()].some((key) => /^unsecuredLogin(?:String|Number|List)Claim_/.test(key))

/** A list of strings: the first character separates them. */
const listOf = (text: string): string[] => (text.length <= 1 ? [] : text.slice(1).split(text[0]!))

function claimsOf(options: Options): Claims {
  const claims: Record<string, unknown> = Object.create(null)
  for (const [key, text] of options) {
    const [, kind, name = ''] = /^unsecuredLogin(String|Number|List)Claim_(.+)$/.exec(key) ?? []
    if (kind === undefined) continue
    if (name === 'iat' || name === 'exp') throw invalidSaslConfig(`Cannot explicitly set the '${name}' claim`)
    if (kind === 'Number' && !Number.isFinite(Number(text))) throw invalidSaslConfig(`The JAAS option ${key} must be a number`)
    claims[name] = kind === 'String' ? text : kind === 'Number' ? Number(text) : listOf(text)
  }
  return claims
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token for the client, by the options of its OAuthBearerLoginModule. Throws KafkaError where they are wrong. */
export function newUnsecuredToken(options: Options, nowMs: number): AccessToken {
  const lifetime = wholeNumber(options, `${LOGIN}LifetimeSeconds`, DEFAULT_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS)
  const claims = { exp: nowMs / 1000 + lifetime, iat: nowMs / 1000, ...claimsOf(options) }
  const value = `${encoded({ alg: 'none' })}.${encoded(claims)}.`
  const subject = optionOf(options, `${LOGIN}PrincipalClaimName`, 'sub')
  try {
    return readUnsecuredToken(value, subject, optionOf(options, `${LOGIN}ScopeClaimName`, 'scope')).token
  } catch (error) {
    throw invalidSaslConfig((error as Error).message)
  }
}

const seconds = (claims: Claims, name: string): number | null => {
  const value = claims[name]
  if (value === undefined || value === null) return null
  if (typeof value !== 'number') throw new SaslError(`The '${name}' claim was not of type Number`)
  return value
}

function readUnsecuredToken(value: string, subject: string, scope: string): { token: AccessToken; claims: Claims } {
  const [headerPart, claimsPart, signature] = jwtParts(value)
  if (jsonOf(headerPart).alg !== 'none') throw new SaslError("Unsecured JWS must have 'none' for an algorithm")
  if (signature !== '') throw new SaslError('Unsecured JWS must not contain a digital signature')
  const claims = jsonOf(claimsPart)
  const exp = seconds(claims, 'exp')
  if (exp === null) throw new SaslError('No expiration time in JWT')
  const principal = claims[subject]
  if (typeof principal !== 'string' || principal.trim() === '') throw new SaslError(`No principal name in JWT claim: ${subject}`)
  const iat = seconds(claims, 'iat')
  const scopes = [claims[scope]].flat().filter((item): item is string => typeof item === 'string' && item.trim() !== '')
  const token = {
    value,
    principal,
    endMs: Math.round(exp * 1000),
    startMs: iat === null ? null : Math.round(iat * 1000),
    scopes: scopes.map((item) => item.trim()),
  }
  return { token, claims }
}

/** What Kafka tells the client about a token: `scope` where the token lacks a required one. */
export interface TokenError {
  readonly status: 'invalid_token' | 'insufficient_scope'
  readonly scope: string | null
  readonly reason: string
}

export type Validated = { readonly token: AccessToken } | { readonly error: TokenError }

export interface UnsecuredRules {
  readonly subject: string
  readonly scope: string
  readonly requiredScopes: readonly string[]
  readonly clockSkewMs: number
}

/** The options of a broker's OAuthBearerLoginModule. Throws KafkaError. */
export function unsecuredRules(options: Options): UnsecuredRules {
  const requiredScopes = optionOf(options, `${VALIDATOR}RequiredScope`, '')
    .split(' ')
    .filter((item) => item !== '')
  const wrong = requiredScopes.find((item) => !SCOPE_ITEM.test(item))
  if (wrong !== undefined) throw invalidSaslConfig(`Invalid scope value: ${wrong}`)
  return {
    subject: optionOf(options, `${VALIDATOR}PrincipalClaimName`, 'sub'),
    scope: optionOf(options, `${VALIDATOR}ScopeClaimName`, 'scope'),
    requiredScopes,
    clockSkewMs: wholeNumber(options, `${VALIDATOR}AllowableClockSkewMs`, 0, MAX_CLOCK_SKEW_MS),
  }
}

const invalidToken = (reason: string): Validated => ({ error: { status: 'invalid_token', scope: null, reason } })

export function validateUnsecured(value: string, rules: UnsecuredRules, nowMs: number): Validated {
  try {
    const { token } = readUnsecuredToken(value, rules.subject, rules.scope)
    const { startMs, endMs, scopes } = token
    if (startMs !== null && startMs > nowMs + rules.clockSkewMs) return invalidToken('The Issued At value is in the future')
    if (nowMs - rules.clockSkewMs >= endMs) return invalidToken('The token has expired')
    if (startMs !== null && endMs <= startMs) return invalidToken('The Expiration Time time was not after the Issued At time')
    const missing = rules.requiredScopes.find((item) => !scopes.includes(item))
    if (missing !== undefined) {
      const scope = `[${rules.requiredScopes.join(', ')}]`
      return { error: { status: 'insufficient_scope', scope, reason: `The provided scope was missing a required scope (${missing})` } }
    }
    return { token }
  } catch (error) {
    if (error instanceof SaslError) return invalidToken(error.message)
    throw error
  }
}
