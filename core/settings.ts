/**
 * The settings of a broker, from Kafka's names and strings to values: what was given, what it means, what is not known. Everything a file can
 * get wrong is told in one error that names each setting and what it takes.
 */
import { hostname } from 'node:os'
import { KafkaError } from './errors.ts'
import { isAccepted, isJudged, refusal } from './settings/accepted-settings.ts'
import { type BrokerValues, brokerSettings } from './settings/broker-settings.ts'
import { parseSetting, type SettingMap, splitList } from './settings/setting.ts'

export type { BrokerSettingName, BrokerValues } from './settings/broker-settings.ts'

export interface ListenerSettings {
  readonly name: string
  /** Empty for every address. */
  readonly host: string
  readonly port: number
  readonly advertisedHost: string
  /** 0 where the port is chosen when the listener opens. */
  readonly advertisedPort: number
}

export interface BrokerSettings {
  readonly nodeId: number
  readonly listeners: readonly ListenerSettings[]
  readonly dataDirs: readonly string[]
  readonly values: BrokerValues
  /** As they were given, by name. */
  readonly given: Readonly<Record<string, string>>
  /** Names that neither Kafka nor Tributary has. */
  readonly unknown: readonly string[]
  /** Sentences for the operator: what is taken, but not as it was written. */
  readonly remarks: readonly string[]
}

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

/** What clients are told for a listener on every address. */
const ownName = (host: string): string => (host === '' || host === '::' ? hostname() : host)

function listenersOf(values: BrokerValues): ListenerSettings[] {
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
  const names = new Set<string>()
  const listeners: ListenerSettings[] = []
  for (const entry of values.listeners) {
    const { name, host, port } = parseEndpoint(entry, 'listeners')
    if (names.has(name)) throw new SettingsError([`listeners: the name ${name} is there twice; each listener needs its own`])
    names.add(name)
    if (controllers.has(name)) continue
    const protocol = protocols.get(name)
    if (protocol === undefined)
      throw new SettingsError([`listeners: ${name} has no entry in listener.security.protocol.map; add ${name}:PLAINTEXT to it`])
    if (protocol !== 'PLAINTEXT')
      throw new SettingsError([
        `listeners: ${entry} asks for ${protocol}, and only PLAINTEXT listeners are built; remove it from listeners and advertised.listeners`,
      ])
    const told = advertised.get(name)
    if (host === '0.0.0.0' && !told)
      throw new SettingsError([
        `listeners: ${entry} listens on every address, which clients cannot be told; name one in advertised.listeners, for example ${name}://${hostname()}:${port}`,
      ])
    if (told?.host === '0.0.0.0')
      throw new SettingsError([`advertised.listeners: 0.0.0.0 is no address that a client can reach; name a host`])
    listeners.push({
      name,
      host,
      port,
      advertisedHost: told ? ownName(told.host) : ownName(host),
      advertisedPort: told?.port ?? port,
    })
  }
  if (listeners.length === 0)
    throw new SettingsError(['listeners: there is none for clients; add one, for example PLAINTEXT://127.0.0.1:9092'])
  return listeners
}

function nodeIdOf(values: BrokerValues): number {
  const node = values['node.id']
  const broker = values['broker.id']
  if (node >= 0 && broker >= 0 && node !== broker)
    throw new SettingsError([`node.id=${node} and broker.id=${broker} name two ids for one node; keep node.id`])
  return node >= 0 ? node : broker >= 0 ? broker : 1
}

/** Reads settings by Kafka's names. Throws a SettingsError that lists all problems. */
export function readBrokerSettings(given: Readonly<Record<string, string>>): BrokerSettings {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(brokerSettings as SettingMap)) {
    try {
      values[name] = parseSetting(name, setting, given[name] ?? setting.fallback)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      problems.push(error.message)
    }
  }
  for (const [name, value] of Object.entries(given)) {
    const why = refusal(name, value)
    if (why) problems.push(why)
  }
  if (problems.length > 0) throw new SettingsError(problems)
  const all = values as BrokerValues
  if (!all['process.roles'].includes('broker'))
    throw new SettingsError([
      'process.roles: a node that is only a controller has nothing to do here; it must have `broker` among its roles',
    ])
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(brokerSettings, name) && !isAccepted(name) && !isJudged(name))
  const remarks: string[] = []
  const dataDirs = splitList(all['log.dirs'] ?? all['log.dir'])
  if (dataDirs.length === 0) throw new SettingsError(['log.dirs: there is no folder to keep data in; name one'])
  if (given['offsets.topic.replication.factor'] !== undefined && all['offsets.topic.replication.factor'] > 1)
    remarks.push(`offsets.topic.replication.factor=${all['offsets.topic.replication.factor']}: one node keeps one replica`)
  return { nodeId: nodeIdOf(all), listeners: listenersOf(all), dataDirs, values: all, given, unknown, remarks }
}
