/**
 * What limits connections, from the settings of the broker and its listeners and from the quotas of addresses, for the socket server: now,
 * and after each change. Names of hosts are looked up; until they have an address, what is set for them has no effect.
 */
import type { Cluster } from './cluster/types.ts'
import { KafkaError } from './errors.ts'
import { canonicalAddress } from './network/address.ts'
import type { ConnectionLimits, IpRates, ListenerLimits } from './network/connection-quotas.ts'
import { listenerPrefix } from './security/listener-settings.ts'
import { brokerSettings } from './settings/broker-settings.ts'
import { checkConnectionSettings, ofListener, parseOverrides } from './settings/connection-settings.ts'
import { INT_MAX, parseSetting } from './settings/setting.ts'
import type { BrokerSettings } from './settings.ts'
import type { System } from './system/index.ts'
import { within } from './system/within.ts'

/** How long the start waits for the addresses of hosts. */
const LOOKUP_LIMIT_MS = 10_000
/** The quota of the entity `ip`. */
const RATE = 'connection_creation_rate'

type Properties = Readonly<Record<string, string>>
type OfListener = (typeof ofListener)[number]

/** The socket server. */
export interface LimitedConnections {
  connectionLimits: ConnectionLimits
  ipRates: IpRates
}

export interface ConnectionLimitsOptions {
  readonly settings: BrokerSettings
  readonly cluster: Cluster
  readonly system: Pick<System, 'hostNames' | 'logger' | 'clock'>
}

export class DynamicConnectionLimits {
  readonly #options: ConnectionLimitsOptions
  /** Of names; null where there is none. */
  #addresses = new Map<string, string | null>()
  #connections: LimitedConnections | null = null
  #lookups = 0
  #unsubscribe: (() => void) | null = null

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options
  }

  /** `connections` have the limits of now on, and those after each change. */
  async attach(connections: LimitedConnections): Promise<void> {
    const { cluster, system } = this.#options
    this.#connections = connections
    this.#unsubscribe = cluster.onClientQuotasChanged(() => void this.#changed())
    await within(system.clock, LOOKUP_LIMIT_MS, this.#changed())
  }

  close(): void {
    this.#unsubscribe?.()
    this.#connections = null
  }

  /** The properties of the broker would become these. Returns what puts them into effect. Throws KafkaError INVALID_CONFIG. */
  prepare(properties: Properties): () => void {
    const text = (name: 'max.connections.per.ip.overrides' | 'max.connections.per.ip') => {
      const setting = brokerSettings[name]
      return parseSetting(name, setting, properties[name] ?? setting.fallback)
    }
    checkConnectionSettings(
      {
        'max.connections.per.ip': text('max.connections.per.ip') as number,
        'max.connections.per.ip.overrides': text('max.connections.per.ip.overrides') as string,
      },
      properties,
    )
    for (const { name: listener } of this.#options.settings.listeners)
      for (const name of ofListener) {
        const changed = this.#ofListener(listener, name, properties) ?? Number(properties[name] ?? brokerSettings[name].fallback)
        if (changed > 0 || changed === this.#current(listener, name)) continue
        const message = `org.apache.kafka.common.config.ConfigException: Invalid ${name} ${changed}`
        throw new KafkaError('INVALID_CONFIG', `Invalid value ${message} for configuration Invalid dynamic configuration`)
      }
    return () => void this.#changed()
  }

  /** Of now. */
  limits(): ConnectionLimits {
    const { settings, cluster } = this.#options
    const own = settings.listeners.map(({ name }): [string, ListenerLimits] => [
      name,
      {
        maxConnections: this.#current(name, 'max.connections'),
        maxCreationRate: this.#current(name, 'max.connection.creation.rate'),
      },
    ])
    return {
      maxConnections: cluster.brokerValue('max.connections'),
      maxCreationRate: cluster.brokerValue('max.connection.creation.rate'),
      maxPerIp: cluster.brokerValue('max.connections.per.ip'),
      perIpOverrides: this.#byAddress(this.#overrides()),
      listeners: new Map(own),
    }
  }

  ipRates(): IpRates {
    const byHost = new Map<string, number>()
    let fallback = Number.POSITIVE_INFINITY
    for (const { entity, quotas } of this.#options.cluster.clientQuotas()) {
      const [part] = entity
      const quota = quotas[RATE]
      if (part?.entityType !== 'ip' || quota === undefined) continue
      // As Kafka, whose limit is an int.
      const rate = quota >= INT_MAX ? Number.POSITIVE_INFINITY : Math.trunc(quota)
      if (part.entityName === null) fallback = rate
      else byHost.set(part.entityName, rate)
    }
    return { fallback, byAddress: this.#byAddress(byHost) }
  }

  #current(listener: string, name: OfListener): number {
    const { cluster } = this.#options
    try {
      const own = this.#ofListener(listener, name, cluster.brokerProperties())
      if (own !== null) return own
    } catch (error) {
      // Stored by an earlier release, which did not check it.
      if (!(error instanceof KafkaError)) throw error
      this.#options.system.logger.error(
        { err: error, listener },
        `${listenerPrefix(listener)}${name} has no effect: alter or delete it with kafka-configs`,
      )
    }
    return cluster.brokerValue(name)
  }

  /** Null where the listener has none of its own. */
  #ofListener(listener: string, name: OfListener, properties: Properties): number | null {
    const value = properties[`${listenerPrefix(listener)}${name}`]
    return value === undefined ? null : (parseSetting(name, brokerSettings[name], value) as number)
  }

  #overrides(): ReadonlyMap<string, number> {
    const { cluster, system } = this.#options
    try {
      return parseOverrides(cluster.brokerValue('max.connections.per.ip.overrides'))
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      system.logger.error({ err: error }, 'max.connections.per.ip.overrides has no effect: alter or delete it with kafka-configs')
      return new Map()
    }
  }

  #byAddress(byHost: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const found = new Map<string, number>()
    for (const [host, value] of byHost) {
      const address = canonicalAddress(host) ?? this.#addresses.get(host)
      if (address) found.set(address, value)
    }
    return found
  }

  #apply(): void {
    if (!this.#connections) return
    this.#connections.connectionLimits = this.limits()
    this.#connections.ipRates = this.ipRates()
  }

  /** At once what needs no names, then the rest. The newest lookup counts. */
  async #changed(): Promise<void> {
    this.#apply()
    const { cluster, system } = this.#options
    const quotaHosts = [...cluster.clientQuotas()].flatMap(({ entity }) =>
      entity.flatMap(({ entityType, entityName }) => (entityType === 'ip' && entityName !== null ? [entityName] : [])),
    )
    const names = [...new Set([...this.#overrides().keys(), ...quotaHosts])].filter((host) => canonicalAddress(host) === null)
    const lookup = ++this.#lookups
    if (names.length === 0) return
    const found = await Promise.all(names.map(async (name) => [name, await system.hostNames.address(name)] as const))
    if (lookup !== this.#lookups) return
    this.#addresses = new Map(found.map(([name, address]) => [name, address === null ? null : canonicalAddress(address)]))
    for (const [name, address] of found)
      if (address === null)
        system.logger.error({ host: name }, 'the host cannot be resolved: its limit of connections has no effect; use its address')
    this.#apply()
  }
}
