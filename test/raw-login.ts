/**
 * Logs a raw client in, by the SASL settings of a Kafka client, one request at a time: the answers are those of the broker, refusals
 * included.
 */
import saslHandshake from '../core/apis/17-sasl-handshake.ts'
import saslAuthenticate from '../core/apis/36-sasl-authenticate.ts'
import { createSaslClient } from '../core/security/sasl/sasl-client.ts'
import { realSystem } from '../core/system/index.ts'
import type { ResponseOf } from '../core/wire/api.ts'
import type { RawClient } from './raw-client.ts'

const PACKAGE = 'org.apache.kafka.common.security'

export const plainLogin = (user: string, password: string): Record<string, string> => ({
  'sasl.mechanism': 'PLAIN',
  'sasl.jaas.config': `${PACKAGE}.plain.PlainLoginModule required username="${user}" password="${password}";`,
})

/** `options` are further ones of the login module, `tokenauth="true"`. */
export const scramLogin = (mechanism: string, user: string, password: string, options = ''): Record<string, string> => ({
  'sasl.mechanism': mechanism,
  'sasl.jaas.config': `${PACKAGE}.scram.ScramLoginModule required username="${user}" password="${password}" ${options};`,
})

export const tokenLogin = (mechanism: string, tokenId: string, hmac: Buffer): Record<string, string> =>
  scramLogin(mechanism, tokenId, hmac.toString('base64'), 'tokenauth="true"')

/** Gives the last answer: the first that is an error, or the one that completes the login. */
export async function logIn(client: RawClient, settings: Record<string, string>): Promise<ResponseOf<typeof saslAuthenticate>> {
  const exchange = createSaslClient(settings, realSystem('silent'), {}).exchange()
  await client.send(saslHandshake, 1, { mechanism: settings['sasl.mechanism']! })
  for (let message: Buffer | null = await exchange.first(); ; ) {
    const answer = await client.send(saslAuthenticate, 2, { authBytes: message })
    if (answer.errorCode !== 0) return answer
    message = await exchange.next(answer.authBytes)
    if (message === null) return answer
  }
}
