/**
 * Reads the settings of a broker from Kafka's names and strings: parsed values, listeners, unknown names. All invalid values of a file are
 * reported in one error that names each setting and what is allowed.
 */
import { hostname } from 'node:os'
import { KafkaError } from './errors.ts'
import { isAccepted, isRefusable, refusal } from './settings/accepted-settings.ts'
import { type BrokerValues, brokerSettings } from './settings/broker-settings.ts'
import { checkConnectionSettings } from './settings/connection-settings.ts'
import { type SecurityProtocol, securityProtocols } from './settings/security-settings.ts'
import { parseSetting, type SettingMap, splitList } from './settings/setting.ts'

export type { BrokerSettingName, BrokerValues } from './settings/broker-settings.ts'

export interface ListenerSettings {
  readonly name: string
  readonly securityProtocol: SecurityProtocol
  /** Empty for all addresses. */
  readonly host: string
  readonly port: number
  readonly advertisedHost: string
  /** 0 where the port is chosen when the listener opens. */
  readonly advertisedPort: number
}

/** A listener of the controller: it is not opened, and is named in the metadata log for nodes that look for the controller. */
export interface ControllerListener {
  readonly name: string
  readonly host: string
  readonly port: number
  /** Kafka's id of the security protocol. */
  readonly securityProtocol: number
}

export interface BrokerSettings {
  readonly nodeId: number
  readonly listeners: readonly ListenerSettings[]
  readonly controllerListeners: readonly ControllerListener[]
  /** The name of the listener for connections between brokers. */
  readonly interBrokerListener: string
  readonly dataDirs: readonly string[]
  readonly values: BrokerValues
  /** The properties of the file, as text. */
  readonly properties: Readonly<Record<string, string>>
  /** Names that neither Kafka nor Tributary has. */
  readonly unknown: readonly string[]
  /** Warnings for the operator: accepted values that do not apply as written. */
  readonly warnings: readonly string[]
}

/** Kafka's limit for one cleaner thread. */
const MIN_DEDUPE_BYTES = 1024 * 1024

export class SettingsError extends Error {
  override name = 'SettingsError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

function parseEndpoint(entry: string, setting: string): { name: string; host: string; port: number } {
  const match = /^([A-Za-z0-9_-]+):\/\/(\[[0-9a-fA-F:.%]+\]|[^:[\]/]*):(-?\d+)$/.exec(entry)
  const port = Number(match?.[3])
  if (!match || port < 0 || port > 65_535)
    throw new SettingsError([`${setting}: "${entry}" is not NAME://host:port, for example PLAINTEXT://127.0.0.1:9092`])
  return { name: match[1]!.toUpperCase(), host: match[2]!.replace(/^\[|\]$/g, ''), port }
}

/** The advertised host of a listener on all addresses. */
const reachableHost = (host: string): string => (host === '' || host === '::' ? hostname() : host)

/** -1 where there is no such protocol. */
const protocolId = (name: string): number => (securityProtocols as readonly string[]).indexOf(name)

/** Controller listeners need no entry in listener.security.protocol.map: they are not opened. */
function controllerListenersOf(values: BrokerValues): ControllerListener[] {
  const names = splitList(values['controller.listener.names'] ?? '').map((name) => name.toUpperCase())
  const protocols = new Map(
    splitList(values['listener.security.protocol.map']).map((pair) => pair.toUpperCase().split(':', 2) as [string, string]),
  )
  const advertised = splitList(values['advertised.listeners'] ?? '').map((entry) => parseEndpoint(entry, 'advertised.listeners'))
  const own = values.listeners.map((entry) => parseEndpoint(entry, 'listeners'))
  return names.flatMap((name) => {
    const endpoint = [...advertised, ...own].find((candidate) => candidate.name === name)
    if (!endpoint) return []
    const host = endpoint.host === '0.0.0.0' ? hostname() : reachableHost(endpoint.host)
    return [{ name, host, port: endpoint.port, securityProtocol: Math.max(0, protocolId(protocols.get(name) ?? name)) }]
  })
}

/** Kafka's checks of inter.broker.listener.name. There is no other broker: only the limits of connections depend on it. */
function checkInterBrokerListener(
  values: BrokerValues,
  properties: Readonly<Record<string, string>>,
  protocols: ReadonlyMap<string, string>,
  advertised: readonly string[],
): void {
  const name = values['inter.broker.listener.name']?.toUpperCase()
  if (name === undefined) return
  if (properties['security.inter.broker.protocol'] !== undefined)
    throw new SettingsError(['Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.'])
  if (!protocols.has(name))
    throw new SettingsError([
      `Listener with name ${name} defined in inter.broker.listener.name not found in listener.security.protocol.map.`,
    ])
  if (!advertised.includes(name))
    throw new SettingsError([
      'inter.broker.listener.name must be a listener name defined in advertised.listeners. ' +
        `The valid options based on currently configured listeners are ${advertised.join(',')}`,
    ])
}

function listenersOf(values: BrokerValues, properties: Readonly<Record<string, string>>): ListenerSettings[] {
  const controllers = new Set(splitList(values['controller.listener.names'] ?? '').map((name) => name.toUpperCase()))
  const protocols = new Map(
    splitList(values['listener.security.protocol.map']).map((pair) => {
      const [name = '', protocol = ''] = pair.split(':')
      return [name.trim().toUpperCase(), protocol.trim().toUpperCase()]
    }),
  )
  const advertised = new Map(
    splitList(values['advertised.listeners'] ?? '').map((entry) => {
      const endpoint = parseEndpoint(entry, 'advertised.listeners')
      return [endpoint.name, endpoint]
    }),
  )
  const seen = new Set<string>()
  const listeners: ListenerSettings[] = []
  for (const entry of values.listeners) {
    const { name, host, port } = parseEndpoint(entry, 'listeners')
    if (seen.has(name)) throw new SettingsError([`listeners: ${name} occurs twice; each listener needs its own name`])
    seen.add(name)
    if (controllers.has(name)) continue
    const protocol = protocols.get(name)
    if (protocol === undefined)
      throw new SettingsError([`listeners: ${name} has no entry in listener.security.protocol.map; add ${name}:PLAINTEXT to it`])
    const securityProtocol = securityProtocols[protocolId(protocol)]
    if (securityProtocol === undefined)
      throw new SettingsError([
        `listener.security.protocol.map: ${name}:${protocol} is no security protocol; use one of ${securityProtocols.join(', ')}`,
      ])
    const advertisedListener = advertised.get(name)
    if (host === '0.0.0.0' && !advertisedListener)
      throw new SettingsError([
        `listeners: ${entry} listens on all addresses, which clients cannot connect to; set one in advertised.listeners, for example ${name}://${hostname()}:${port}`,
      ])
    if (advertisedListener?.host === '0.0.0.0')
      throw new SettingsError([`advertised.listeners: clients cannot connect to 0.0.0.0; set a host name`])
    listeners.push({
      name,
      securityProtocol,
      host,
      port,
      advertisedHost: advertisedListener ? reachableHost(advertisedListener.host) : reachableHost(host),
      advertisedPort: advertisedListener?.port ?? port,
    })
  }
  const names = advertised.size > 0 ? [...advertised.keys()].filter((name) => !controllers.has(name)) : listeners.map(({ name }) => name)
  if (listeners.length === 0)
    throw new SettingsError(['listeners: there is no listener for clients; add one, for example PLAINTEXT://127.0.0.1:9092'])
  checkInterBrokerListener(values, properties, protocols, names)
  return listeners
}

function nodeIdOf(values: BrokerValues): number {
  const node = values['node.id']
  const broker = values['broker.id']
  if (node >= 0 && broker >= 0 && node !== broker)
    throw new SettingsError([`node.id=${node} and broker.id=${broker} are two ids for one node; keep node.id`])
  return node >= 0 ? node : broker >= 0 ? broker : 1
}

/** Kafka's checks of the settings of connections. */
function connectionProblems(values: BrokerValues, properties: Readonly<Record<string, string>>): string[] {
  const problems: string[] = []
  try {
    checkConnectionSettings(values, properties)
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    problems.push(error.message)
  }
  const idleMs = values['connections.max.idle.ms']
  const delayMs = values['connection.failed.authentication.delay.ms']
  if (idleMs >= 0 && delayMs >= idleMs)
    problems.push(
      `connection.failed.authentication.delay.ms=${delayMs} should always be less than connections.max.idle.ms=${idleMs} to prevent failed authentication responses from timing out`,
    )
  return problems
}

/** Reads settings by Kafka's names. Throws a SettingsError that lists all problems. */
export function readBrokerSettings(properties: Readonly<Record<string, string>>): BrokerSettings {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(brokerSettings as SettingMap)) {
    try {
      values[name] = parseSetting(name, setting, properties[name] ?? setting.fallback)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      problems.push(error.message)
    }
  }
  if (problems.length === 0) problems.push(...connectionProblems(values as BrokerValues, properties))
  for (const [name, value] of Object.entries(properties)) {
    const why = refusal(name, value)
    if (why) problems.push(why)
  }
  if (problems.length > 0) throw new SettingsError(problems)
  const all = values as BrokerValues
  if (!all['process.roles'].includes('broker'))
    throw new SettingsError(['process.roles: a node that is only a controller is not supported; `broker` must be among its roles'])
  if (!all['process.roles'].includes('controller'))
    throw new SettingsError([
      'process.roles: a node that is only a broker needs the controller of other nodes, and Tributary is its own: add `controller`',
    ])
  if (all['log.cleaner.dedupe.buffer.size'] / all['log.cleaner.threads'] <= MIN_DEDUPE_BYTES)
    throw new SettingsError(['log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.'])
  const unknown = Object.keys(properties).filter((name) => !Object.hasOwn(brokerSettings, name) && !isAccepted(name) && !isRefusable(name))
  const warnings: string[] = []
  const dataDirs = splitList(all['log.dirs'] ?? all['log.dir'])
  if (dataDirs.length === 0) throw new SettingsError(['log.dirs: there is no data folder; set one'])
  if (properties['offsets.topic.replication.factor'] !== undefined && all['offsets.topic.replication.factor'] > 1)
    warnings.push(`offsets.topic.replication.factor=${all['offsets.topic.replication.factor']}: a single broker keeps one replica`)
  if (properties['transaction.state.log.replication.factor'] !== undefined && all['transaction.state.log.replication.factor'] > 1) {
    const factor = all['transaction.state.log.replication.factor']
    warnings.push(`transaction.state.log.replication.factor=${factor}: a single broker keeps one replica`)
  }
  return {
    nodeId: nodeIdOf(all),
    listeners: listenersOf(all, properties),
    controllerListeners: controllerListenersOf(all),
    interBrokerListener: (all['inter.broker.listener.name'] ?? properties['security.inter.broker.protocol'] ?? 'PLAINTEXT').toUpperCase(),
    dataDirs,
    values: all,
    properties,
    unknown,
    warnings,
  }
}
