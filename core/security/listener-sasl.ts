/**
 * SASL of one listener: its mechanisms, each with the server that checks its clients. Every listener says which mechanisms it has: Kafka's
 * default is GSSAPI, which is not implemented.
 */
import { KafkaError } from '../errors.ts'
import { brokerSettings } from '../settings/broker-settings.ts'
import { parseSetting, splitList } from '../settings/setting.ts'
import { listenerPrefix, mechanismProperties, type Properties } from './listener-settings.ts'
import { SaslAuthenticationError, SaslError } from './sasl/sasl-errors.ts'
import { createSaslServer } from './sasl/sasl-server.ts'
import {
  type Authenticated,
  type SaslMechanism,
  type SaslOccasion,
  type SaslServer,
  type SaslServerExchange,
  type SaslSystem,
  type ScramUsers,
  type SystemProperties,
  saslMechanisms,
} from './sasl/types.ts'

/** What became of one message of a client. `message` is what the client is told, `reason` is for the log of the broker. */
export type SaslAnswer =
  | { readonly response: Buffer; readonly authenticated: Authenticated | null }
  | { readonly refused: { readonly message: string; readonly reason: string } }

/** One login, or one more on the same connection. */
export interface SaslLogin {
  respond(bytes: Buffer): Promise<SaslAnswer>
}

export interface ListenerSasl {
  /** In the order of the setting. */
  readonly mechanisms: readonly string[]
  readonly maxReceiveBytes: number
  readonly failureDelayMs: number
  /** 0 for no limit. */
  maxSessionMs(mechanism: string): number
  login(mechanism: string, occasion: SaslOccasion): SaslLogin
  close(): void
}

export interface ListenerSaslOptions {
  readonly listener: string
  readonly properties: Properties
  readonly users: ScramUsers
  readonly system: SaslSystem
  readonly javaProperties: SystemProperties
}

const value = (properties: Properties, name: keyof typeof brokerSettings): unknown =>
  parseSetting(name, brokerSettings[name], properties[name] ?? brokerSettings[name].fallback)

const isMechanism = (name: string): name is SaslMechanism => (saslMechanisms as readonly string[]).includes(name)

/** The mechanisms that are enabled. Throws KafkaError INVALID_CONFIG. */
function enabledMechanisms(listener: string, properties: Properties): SaslMechanism[] {
  const setting = `${listenerPrefix(listener)}sasl.enabled.mechanisms`
  const names = [...new Set(splitList(properties['sasl.enabled.mechanisms'] ?? 'GSSAPI'))]
  const possible = `use some of ${saslMechanisms.join(', ')}`
  if (names.length === 0) throw new KafkaError('INVALID_CONFIG', `${setting}: no SASL mechanism is enabled; ${possible}`)
  return names.map((name) => {
    if (isMechanism(name)) return name
    const why = name === 'GSSAPI' ? 'GSSAPI (Kerberos), which is also the default, is not implemented' : `${name} is no mechanism of Kafka`
    throw new KafkaError('INVALID_CONFIG', `${setting}: ${why}; ${possible}`)
  })
}

/** All problems of the mechanisms are added to `problems`; the result is null then. */
export async function openListenerSasl(options: ListenerSaslOptions, problems: string[]): Promise<ListenerSasl | null> {
  const { listener, properties } = options
  const servers = new Map<string, { server: SaslServer; maxSessionMs: number }>()
  const attempt = async <T>(task: () => T | Promise<T>): Promise<T | null> => {
    try {
      return await task()
    } catch (error) {
      if (!(error instanceof KafkaError) && !(error instanceof SaslError)) throw error
      problems.push(`listener ${listener}: ${error.message}`)
      return null
    }
  }
  const limits = await attempt(() => ({
    maxReceiveBytes: value(properties, 'sasl.server.max.receive.size') as number,
    failureDelayMs: value(properties, 'connection.failed.authentication.delay.ms') as number,
  }))
  for (const mechanism of (await attempt(() => enabledMechanisms(listener, properties))) ?? []) {
    const settings = mechanismProperties(properties, mechanism)
    const { users, system, javaProperties } = options
    const server = await attempt(() => createSaslServer({ mechanism, listener, settings, users, system, properties: javaProperties }))
    const maxSessionMs = await attempt(() => value(settings, 'connections.max.reauth.ms') as number)
    if (server) servers.set(mechanism, { server, maxSessionMs: maxSessionMs ?? 0 })
  }
  const close = () => {
    for (const { server } of servers.values()) server.close()
  }
  if (problems.length > 0 || limits === null) {
    close()
    return null
  }
  return {
    ...limits,
    mechanisms: [...servers.keys()],
    maxSessionMs: (mechanism) => servers.get(mechanism)?.maxSessionMs ?? 0,
    login: (mechanism, occasion) => loginOf(servers.get(mechanism)!.server.exchange(occasion)),
    close,
  }
}

const loginOf = (exchange: SaslServerExchange): SaslLogin => ({
  async respond(bytes) {
    try {
      return await exchange.respond(bytes)
    } catch (error) {
      if (error instanceof SaslAuthenticationError) return { refused: { message: error.message, reason: error.reason } }
      throw error
    }
  },
})
