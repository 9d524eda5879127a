/**
 * Checks the tokens of clients, as Kafka's BrokerJwtValidator: signature, issuer, audience, times and the claims that Kafka needs. The
 * library is jose; an algorithm `none`, or one with a shared secret, is never accepted. Reasons never repeat a token or a claim's value.
 */
import { errors, type JWTVerifyOptions, jwtVerify } from 'jose'
import { type Claims, jwtParts, tokenOf } from './access-token.ts'
import { endpointTls } from './bounded-fetch.ts'
import { type Jwks, JwksEndpoint, JwksFile, type KeySet } from './jwks.ts'
import type { TokenValidator } from './oauthbearer-server.ts'
import { SaslError } from './sasl-errors.ts'
import { allowedUrl, classSetting, invalidSaslConfig, listSetting, longSetting, type SaslSettings, textSetting } from './sasl-settings.ts'
import { claimNames } from './token-source.ts'
import type { SaslSystem, SystemProperties } from './types.ts'
import type { Validated } from './unsecured-token.ts'

const PACKAGE = 'org.apache.kafka.common.security.oauthbearer'
const validators = ['DefaultJwtValidator', 'BrokerJwtValidator'].map((name) => `${PACKAGE}.${name}`)
const JWKS_URL = 'sasl.oauthbearer.jwks.endpoint.url'
const AUDIENCE = 'sasl.oauthbearer.expected.audience'
const ISSUER = 'sasl.oauthbearer.expected.issuer'

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const MAX_MS = 2_147_483_647
const MAX_SKEW_SECONDS = 2_147_483

interface Rules {
  readonly audience: string[]
  readonly issuer: string | null
  readonly clockTolerance: number
  readonly names: ReturnType<typeof claimNames>
}

/** `options` are those of the login module. Throws KafkaError where the settings are wrong, SaslError where the keys cannot be read. */
export async function openJwtValidator(
  settings: SaslSettings,
  options: ReadonlyMap<string, string>,
  system: SaslSystem,
  properties: SystemProperties,
): Promise<JwtValidator> {
  classSetting(settings, 'sasl.oauthbearer.jwt.validator.class', validators)
  if (textSetting(settings, JWKS_URL) === null)
    throw invalidSaslConfig(
      `The OAuth validator for the broker requires "${JWKS_URL}" to be configured so that JWT signatures can be verified, but it was not set. Set "${JWKS_URL}" to the OAuth/OIDC provider's JWKS endpoint URL for this listener.`,
    )
  const rules = {
    audience: listSetting(settings, AUDIENCE),
    issuer: textSetting(settings, ISSUER),
    clockTolerance: longSetting(settings, 'sasl.oauthbearer.clock.skew.seconds', { fallback: 30, min: 0, max: MAX_SKEW_SECONDS }),
    names: claimNames(settings),
  }
  const ms = (name: string, fallback: number, min: number) =>
    longSetting(settings, `sasl.oauthbearer.jwks.endpoint.${name}.ms`, { fallback, min, max: MAX_MS })
  const backoff = { baseMs: ms('retry.backoff', 100, 0), maxMs: ms('retry.backoff.max', 10_000, 0) }
  const url = allowedUrl(settings, JWKS_URL, properties)
  const refresh = { everyMs: ms('refresh', 3_600_000, 1), backoff, tls: endpointTls(url, options, system) }
  const jwks = url.protocol === 'file:' ? new JwksFile(url, system.disk) : await JwksEndpoint.open(url, refresh, system)
  if (rules.audience.length === 0) system.logger.warn({}, `without ${AUDIENCE}, tokens without an "aud" claim are accepted: set it`)
  if (rules.issuer === null) system.logger.warn({}, `without ${ISSUER}, tokens of any issuer whose key is in the JWKS are accepted: set it`)
  return new JwtValidator(jwks, rules, system)
}

const invalid = (reason: string): Validated => ({ error: { status: 'invalid_token', scope: null, reason } })

export class JwtValidator implements TokenValidator {
  readonly #jwks: Jwks
  readonly #rules: Rules
  readonly #system: SaslSystem

  constructor(jwks: Jwks, rules: Rules, system: SaslSystem) {
    this.#jwks = jwks
    this.#rules = rules
    this.#system = system
  }

  async validate(token: string): Promise<Validated> {
    const { audience, issuer, clockTolerance, names } = this.#rules
    const options: JWTVerifyOptions = {
      algorithms,
      clockTolerance,
      currentDate: new Date(this.#system.clock.now()),
      requiredClaims: ['exp', 'iat'],
      ...(issuer === null ? {} : { issuer }),
      ...(audience.length === 0 ? {} : { audience }),
    }
    try {
      jwtParts(token)
      const claims = await verified(token, this.#keys(), options)
      // As in Kafka: a token for others is not for us.
      if (audience.length === 0 && claims.aud !== undefined) return invalid(`The token has an audience, and ${AUDIENCE} is not set`)
      checkTimes(claims)
      return { token: tokenOf(token, claims, names) }
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) this.#jwks.missing(keyIdOf(token))
      if (error instanceof errors.JOSEError || error instanceof SaslError)
        return invalid(`Could not validate the access token: ${error.message}`)
      this.#system.logger.error({ err: error }, 'a token could not be checked; it is refused')
      return invalid('Could not validate the access token')
    }
  }

  close(): void {
    this.#jwks.close()
  }

  #keys(): KeySet {
    try {
      return this.#jwks.keys()
    } catch (error) {
      this.#system.logger.error({ err: error }, 'no token can be verified; clients are refused')
      throw error
    }
  }
}

/** The claims of a token with a valid signature. Keys without an id are tried one after another. */
async function verified(token: string, keys: KeySet, options: JWTVerifyOptions): Promise<Claims> {
  try {
    return (await jwtVerify(token, keys, options)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

/** A token cannot end before it begins. */
function checkTimes({ exp, iat, nbf }: Claims): void {
  for (const [name, start] of Object.entries({ iat, nbf }))
    if (typeof start === 'number' && (exp as number) < start) throw new SaslError(`exp is before ${name}`)
}

function keyIdOf(token: string): string | undefined {
  const header = JSON.parse(Buffer.from(token.split('.', 1)[0]!, 'base64url').toString('utf8')) as { kid?: unknown }
  return typeof header.kid === 'string' ? header.kid : undefined
}
