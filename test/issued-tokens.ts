/**
 * A broker with delegation tokens, for clients that log in with one: a listener without security, and one with SCRAM.
 */
import { tokenLogin } from './raw-login.ts'

const SCRAM_LOGIN_MODULE = 'org.apache.kafka.common.security.scram.ScramLoginModule'

export const tokenListeners: Readonly<Record<string, string>> = {
  listeners: 'PLAINTEXT://127.0.0.1:0,SASL_PLAINTEXT://127.0.0.1:0',
  'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
  'listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config': `${SCRAM_LOGIN_MODULE} required;`,
  'delegation.token.secret.key': 'key of the tokens',
}

interface Issuer {
  readonly addresses: readonly { readonly listener: string; readonly port: number }[]
  readonly cluster: {
    readonly delegationTokens: {
      create(request: { owner: string; requester: string; renewers: string[]; maxLifetimeMs: number }): Promise<{ tokenId: string }>
      hmacOf(tokenId: string): Buffer
    }
  }
}

/** The settings of a client that logs in with a new token of `owner`. */
export async function issuedLogin({ addresses, cluster }: Issuer, owner: string) {
  const principal = `User:${owner}`
  const { delegationTokens } = cluster
  const { tokenId } = await delegationTokens.create({ owner: principal, requester: principal, renewers: [], maxLifetimeMs: -1 })
  return {
    address: `127.0.0.1:${addresses.find(({ listener }) => listener === 'SASL_PLAINTEXT')!.port}`,
    settings: { 'security.protocol': 'SASL_PLAINTEXT', ...tokenLogin('SCRAM-SHA-512', tokenId, delegationTokens.hmacOf(tokenId)) },
  }
}

export const under = (prefix: string, settings: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [prefix + name, value]))
