/**
 * Authenticates a connection by SASL: SaslHandshake, then SaslAuthenticate until the exchange is complete. Again on the same connection
 * before the session ends (KIP-368). What the broker refuses is an AuthenticationError; bytes of an exchange are in no message.
 */
import saslHandshake from '../../apis/17-sasl-handshake.ts'
import saslAuthenticate from '../../apis/36-sasl-authenticate.ts'
import { errorCode, errorName, KafkaError } from '../../errors.ts'
import { AuthenticationError, saslError } from '../../security/authentication-error.ts'
import type { SaslClient, SaslClientExchange } from '../../security/sasl/types.ts'
import type { System } from '../../system/index.ts'
import type { Api, RequestOf, ResponseOf } from '../../wire/api.ts'
import { clientLimits } from '../limits.ts'
import { commonVersion } from './api-versions.ts'
import type { BrokerConnection } from './connection.ts'

/** As Java: between 85 and 95 % of the session, so that the connections of a client do not do it all at once. */
const REAUTHENTICATE_FROM = 0.85
const REAUTHENTICATE_SPREAD = 0.1
const SPREAD_STEPS = 1_000

const UNSUPPORTED_MECHANISM = errorCode('UNSUPPORTED_SASL_MECHANISM')
const ILLEGAL_STATE = errorCode('ILLEGAL_SASL_STATE')

type SaslSystem = Pick<System, 'clock' | 'random'>

/** @throws AuthenticationError, or KafkaError NETWORK_EXCEPTION where another attempt may succeed. */
export async function authenticateSasl(
  connection: BrokerConnection,
  sasl: SaslClient,
  protocol: string,
  timeoutMs: number,
  { clock, random }: SaslSystem,
): Promise<void> {
  const { host, port } = connection.address
  const where = `${host}:${port} (${protocol}, ${sasl.mechanism})`
  const deadline = clock.monotonic() + timeoutMs
  const request = <A extends Api>(api: A, body: RequestOf<A>): Promise<ResponseOf<A>> =>
    connection.request(api, commonVersion(connection, api), body, { timeoutMs: Math.max(1, deadline - clock.monotonic()) })

  const handshake = await request(saslHandshake, { mechanism: sasl.mechanism })
  if (handshake.errorCode === UNSUPPORTED_MECHANISM) {
    const enabled = handshake.mechanisms.join(', ') || 'none'
    throw saslError(
      'UNSUPPORTED_SASL_MECHANISM',
      `${where}: the broker does not enable this mechanism, it enables ${enabled}: set sasl.mechanism to one of them`,
    )
  }
  if (handshake.errorCode === ILLEGAL_STATE)
    throw saslError('ILLEGAL_SASL_STATE', `${where}: the listener is one without SASL: use the port of its ${protocol} listener`)
  if (handshake.errorCode !== 0) throw refused(where, sasl.mechanism, handshake.errorCode, null)

  const exchange = sasl.exchange()
  const started = clock.monotonic()
  let bytes: Buffer | null = await step(where, () => exchange.first())
  for (let round = 0; bytes !== null; round++) {
    if (round === clientLimits.saslRounds)
      throw saslError('SASL_AUTHENTICATION_FAILED', `${where}: not authenticated after ${round} rounds of SaslAuthenticate`)
    const response: ResponseOf<typeof saslAuthenticate> = await request(saslAuthenticate, { authBytes: bytes })
    if (response.errorCode !== 0) throw refused(where, sasl.mechanism, response.errorCode, response.errorMessage)
    scheduleNext(connection, response.sessionLifetimeMs, started, random)
    bytes = await step(where, () => exchange.next(response.authBytes))
  }
}

/** The lifetime is that of the last response: 0 where the session does not end. */
function scheduleNext(connection: BrokerConnection, lifetimeMs: number, started: number, random: System['random']): void {
  const share = REAUTHENTICATE_FROM + (REAUTHENTICATE_SPREAD * random.below(SPREAD_STEPS)) / SPREAD_STEPS
  connection.reauthenticateAt = lifetimeMs > 0 ? started + lifetimeMs * share : Number.POSITIVE_INFINITY
}

async function step<T>(where: string, run: () => ReturnType<SaslClientExchange['first']> | Promise<T>): Promise<Buffer | T> {
  try {
    return await run()
  } catch (error) {
    const message = `${where}: ${(error as Error).message}`
    if ((error as { retriable?: boolean }).retriable) throw new KafkaError('NETWORK_EXCEPTION', message, { cause: error })
    throw saslError('SASL_AUTHENTICATION_FAILED', message, error)
  }
}

/** What to look at after a refusal. */
const advice = {
  password: 'check the credentials in sasl.jaas.config, and that the broker has them for this mechanism',
  token:
    "check the token's issuer, audience and times, and that the broker has the keys of its issuer; the log of the broker has the reason",
}

function refused(where: string, mechanism: string, code: number, message: string | null): AuthenticationError {
  const check = mechanism === 'OAUTHBEARER' ? advice.token : advice.password
  return new AuthenticationError(errorName(code), `${where}: the broker answered ${message || errorName(code)}: ${check}`)
}
