/**
 * The messages of OAUTHBEARER (RFC 7628), read and written as by Kafka's OAuthBearerClientInitialResponse. A message that cannot be read
 * gives a reason that does not repeat it. Pure.
 */
import { isSaslName } from './sasl-name.ts'

const SEPARATOR = '\x01'
/** What a client sends after it was told that its token is not accepted. */
export const FAILURE_ACKNOWLEDGED = Buffer.from(SEPARATOR)

const MAX_MESSAGE_BYTES = 512 * 1024
const MAX_EXTENSIONS = 64
const KEY = /^[A-Za-z]+$/
const VALUE = /^[\x21-\x7e \t\r\n]+$/
const BEARER = /^(\w+) +([-_~+/.a-zA-Z0-9]+=*)$/

export interface InitialResponse {
  readonly token: string
  /** As it was sent; empty where the client did not send one. */
  readonly authorizationId: string
}

/** Why an extension may not be sent; null where it may. */
export function extensionProblem(name: string, value: string): string | null {
  if (name === 'auth' || !KEY.test(name)) return `Extension name ${name} is invalid`
  return VALUE.test(value) ? null : `Extension value for extension ${name} is invalid`
}

export function initialResponse(token: string, extensions: ReadonlyMap<string, string>): Buffer {
  const pairs = [['auth', `Bearer ${token}`], ...extensions].map(([key, value]) => `${key}=${value}`)
  return Buffer.from(`n,,${SEPARATOR}${pairs.join(SEPARATOR)}${SEPARATOR}${SEPARATOR}`)
}

const invalid = (reason = '') => ({ reason: `Invalid OAUTHBEARER client first message${reason}` })

export function parseInitialResponse(bytes: Buffer): InitialResponse | { readonly reason: string } {
  if (bytes.length > MAX_MESSAGE_BYTES) return invalid(`: longer than ${MAX_MESSAGE_BYTES} bytes`)
  const parts = bytes.toString('utf8').split(SEPARATOR, MAX_EXTENSIONS + 4)
  // The header, the pairs, and two empty parts at the end.
  if (parts.length > MAX_EXTENSIONS + 3 || parts.length < 3 || parts.at(-1) !== '' || parts.at(-2) !== '') return invalid()
  const header = /^n,(?:a=([^,]+))?,$/.exec(parts[0]!)
  const authorizationId = header?.[1] ?? ''
  if (!header || (authorizationId !== '' && !isSaslName(authorizationId))) return invalid()
  let auth: string | null = null
  for (const pair of parts.slice(1, -2)) {
    const equals = pair.indexOf('=')
    const [key, value] = [pair.slice(0, equals), pair.slice(equals + 1)]
    if (equals < 0 || !KEY.test(key) || !VALUE.test(value)) return invalid()
    if (key === 'auth') auth = value
  }
  if (auth === null) return invalid(": 'auth' not specified")
  const [, scheme = '', token] = BEARER.exec(auth) ?? []
  if (token === undefined) return invalid(": invalid 'auth' format")
  if (scheme.toLowerCase() !== 'bearer') return { reason: 'Invalid scheme in OAUTHBEARER client first message' }
  return { token, authorizationId }
}

/** The challenge for a token that is not accepted. */
export const errorChallenge = (status: string, scope: string | null): string =>
  scope === null ? `{"status":"${status}"}` : `{"status":"${status}", "scope":"${scope}"}`
