/**
 * How each listener of a broker finds out who connects: TLS, SASL, both or neither. Everything that is wrong with any of them is in one
 * error, before a port is opened. What no listener uses is not loaded.
 */
import { KafkaError } from '../errors.ts'
import type { ListenerSettings } from '../settings.ts'
import type { ListenerSasl } from './listener-sasl.ts'
import { ignoredSecuritySettings, listenerProperties, type Properties } from './listener-settings.ts'
import type { CheckOptions, ListenerTls } from './listener-tls.ts'
import type { SaslSystem, ScramUsers, SystemProperties } from './sasl/types.ts'

export interface ListenerSecurity {
  /** Null: without TLS. */
  readonly tls: ListenerTls | null
  /** Null: without SASL. */
  readonly sasl: ListenerSasl | null
}

export interface ListenersSecurityOptions {
  /** Of the file, with those that were altered. */
  readonly properties: Properties
  readonly users: ScramUsers
  readonly system: SaslSystem
  /** Those of the process. */
  readonly javaProperties: SystemProperties
  /** The check of TLS options, for the first listener that has some. */
  loadTlsCheck(): Promise<CheckOptions>
}

type Named = Pick<ListenerSettings, 'name' | 'securityProtocol'>

const usesTls = ({ securityProtocol }: Named): boolean => securityProtocol.endsWith('SSL')
const usesSasl = ({ securityProtocol }: Named): boolean => securityProtocol.startsWith('SASL_')

export class ListenersSecurity {
  readonly #listeners: readonly Named[]
  /** Null where no listener uses TLS. */
  readonly #checkTls: CheckOptions | null
  readonly #securities: ReadonlyMap<string, ListenerSecurity>

  private constructor(listeners: readonly Named[], checkTls: CheckOptions | null, securities: ReadonlyMap<string, ListenerSecurity>) {
    this.#listeners = listeners
    this.#checkTls = checkTls
    this.#securities = securities
  }

  /** Rejects with a list of sentences where a listener cannot be secured. */
  static async open(listeners: readonly Named[], options: ListenersSecurityOptions): Promise<ListenersSecurity | readonly string[]> {
    const { properties, system } = options
    const checkTls = listeners.some(usesTls) ? await options.loadTlsCheck() : null
    const securities = new Map<string, ListenerSecurity>()
    const problems: string[] = []
    for (const listener of listeners) {
      const { name, securityProtocol } = listener
      const own = listenerProperties(properties, name, securityProtocol)
      for (const ignored of ignoredSecuritySettings(properties, name, securityProtocol)) system.logger.warn({ listener: name }, ignored)
      let tls: ListenerTls | null = null
      try {
        if (checkTls && usesTls(listener)) tls = new (await import('./listener-tls.ts')).ListenerTls(own, system, checkTls)
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        problems.push(`listener ${name}: ${error.message}`)
      }
      const ofSasl: string[] = []
      const { openListenerSasl } = usesSasl(listener) ? await import('./listener-sasl.ts') : { openListenerSasl: null }
      const sasl = (await openListenerSasl?.({ ...options, listener: name, properties: own }, ofSasl)) ?? null
      problems.push(...ofSasl)
      securities.set(name, { tls, sasl })
    }
    const security = new ListenersSecurity(listeners, checkTls, securities)
    if (problems.length === 0) return security
    security.close()
    return problems
  }

  of(listener: string): ListenerSecurity {
    return this.#securities.get(listener)!
  }

  /** The settings of the broker would become these. Returns what puts them into effect. @throws KafkaError INVALID_CONFIG. */
  prepare(properties: Properties): () => void {
    const changes = this.#listeners.map(({ name, securityProtocol }) => {
      const { tls } = this.of(name)
      return tls?.prepare(listenerProperties(properties, name, securityProtocol), this.#checkTls!)
    })
    return () => {
      for (const change of changes) change?.()
    }
  }

  close(): void {
    for (const { tls, sasl } of this.#securities.values()) {
      tls?.close()
      sasl?.close()
    }
  }
}
