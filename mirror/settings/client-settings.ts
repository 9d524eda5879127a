/**
 * What each client of a flow connects with: brokers, client id, and security. The settings may hold passwords: they are returned by a
 * function alone, so that no log, status or response that shows a flow can show them (Invariant 12).
 */
import type { Setting } from '../../connect/sdk/index.ts'
import { settingsUnder } from '../../connect/sdk/prefixed-settings.ts'
import { clusterSettings } from './flow-settings.ts'
import { MirrorSettingsError } from './mirror-settings-error.ts'

export const clientKinds = ['consumer', 'producer', 'admin'] as const
export type ClientKind = (typeof clientKinds)[number]
export type Side = 'source' | 'target'

/** The settings that MirrorMaker 2 hands to all clients of a cluster (MirrorClientConfig.CLIENT_CONFIG_DEF). */
const sharedSettings: ReadonlySet<string> = new Set([
  'bootstrap.servers',
  'security.protocol',
  'ssl.protocol',
  'ssl.provider',
  'ssl.cipher.suites',
  'ssl.enabled.protocols',
  'ssl.keystore.type',
  'ssl.keystore.location',
  'ssl.keystore.password',
  'ssl.keystore.key',
  'ssl.keystore.certificate.chain',
  'ssl.key.password',
  'ssl.truststore.type',
  'ssl.truststore.location',
  'ssl.truststore.password',
  'ssl.truststore.certificates',
  'ssl.keymanager.algorithm',
  'ssl.trustmanager.algorithm',
  'ssl.endpoint.identification.algorithm',
  'ssl.secure.random.implementation',
  'ssl.engine.factory.class',
  'sasl.mechanism',
  'sasl.jaas.config',
  'sasl.client.callback.handler.class',
  'sasl.login.callback.handler.class',
  'sasl.login.class',
  'sasl.login.connect.timeout.ms',
  'sasl.login.read.timeout.ms',
  'sasl.login.refresh.window.factor',
  'sasl.login.refresh.window.jitter',
  'sasl.login.refresh.min.period.seconds',
  'sasl.login.refresh.buffer.seconds',
  'sasl.login.retry.backoff.max.ms',
  'sasl.login.retry.backoff.ms',
  'sasl.kerberos.service.name',
  'sasl.kerberos.kinit.cmd',
  'sasl.kerberos.ticket.renew.window.factor',
  'sasl.kerberos.ticket.renew.jitter',
  'sasl.kerberos.min.time.before.relogin',
  'sasl.oauthbearer.jwt.retriever.class',
  'sasl.oauthbearer.jwt.validator.class',
  'sasl.oauthbearer.scope',
  'sasl.oauthbearer.client.credentials.client.id',
  'sasl.oauthbearer.client.credentials.client.secret',
  'sasl.oauthbearer.assertion.algorithm',
  'sasl.oauthbearer.assertion.claim.aud',
  'sasl.oauthbearer.assertion.claim.exp.seconds',
  'sasl.oauthbearer.assertion.claim.iss',
  'sasl.oauthbearer.assertion.claim.jti.include',
  'sasl.oauthbearer.assertion.claim.nbf.seconds',
  'sasl.oauthbearer.assertion.claim.sub',
  'sasl.oauthbearer.assertion.file',
  'sasl.oauthbearer.assertion.private.key.file',
  'sasl.oauthbearer.assertion.private.key.passphrase',
  'sasl.oauthbearer.assertion.template.file',
  'sasl.oauthbearer.scope.claim.name',
  'sasl.oauthbearer.sub.claim.name',
  'sasl.oauthbearer.token.endpoint.url',
  'sasl.oauthbearer.jwks.endpoint.url',
  'sasl.oauthbearer.jwks.endpoint.refresh.ms',
  'sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms',
  'sasl.oauthbearer.jwks.endpoint.retry.backoff.ms',
  'sasl.oauthbearer.clock.skew.seconds',
  'sasl.oauthbearer.expected.audience',
  'sasl.oauthbearer.expected.issuer',
  'sasl.oauthbearer.header.urlencode',
])
export const isSecuritySetting = (name: string): boolean => sharedSettings.has(name) && name !== 'bootstrap.servers'
export const securitySettingNames: readonly string[] = [...sharedSettings].filter(isSecuritySetting)

/** A value, and the name under which the user has set it. */
interface Given {
  value: string
  name: string
}

/** The settings of MirrorMaker 2's connectors: `source.cluster.*`, `source.consumer.*`, `producer.*` and so on. */
export type ConnectorProperties = ReadonlyMap<string, Given>

export interface ClientConfig {
  readonly bootstrapServers: readonly string[]
  /** Prefix of the client id in requests. */
  readonly clientId: string | null
  /** security.protocol, ssl.* and sasl.*, as `clientSecurity` takes them. */
  security(): Readonly<Record<string, string>>
  /** The error of `clientSecurity` with the names that the user has given to the settings. */
  refused(error: Error): MirrorSettingsError
  /** Settings of this client alone that its security.protocol does not use, for a warning. */
  readonly unused: readonly { name: string; why: string }[]
}

/** Of one side of a flow. */
export type SideClients = Readonly<Record<ClientKind, ClientConfig>>

/** Whether one client serves for both. */
export function isSameClient(a: ClientConfig, b: ClientConfig): boolean {
  const described = (client: ClientConfig) =>
    JSON.stringify([client.bootstrapServers, client.clientId, Object.entries(client.security()).sort(([x], [y]) => (x < y ? -1 : 1))])
  return described(a) === described(b)
}

export const isSameSide = (a: SideClients, b: SideClients): boolean => clientKinds.every((kind) => isSameClient(a[kind], b[kind]))

/** What `A->B` in an mm2.properties gives to MirrorMaker 2's connectors. */
export function connectorProperties(raw: Readonly<Record<string, string>>, source: string, target: string): ConnectorProperties {
  const properties = new Map<string, Given>()
  for (const [side, alias] of [
    ['source', source],
    ['target', target],
  ] as const)
    for (const [name, given] of clusterProperties(raw, alias))
      properties.set(isOfOneClient(name) ? `${side}.${name}` : `${side}.cluster.${name}`, given)
  const prefix = `${source}->${target}.`
  for (const [name, value] of Object.entries(settingsUnder(prefix, raw))) properties.set(name, { value, name: prefix + name })
  return properties
}

const isOfOneClient = (name: string): boolean => clientKinds.some((kind) => name.startsWith(`${kind}.`))

function clusterProperties(raw: Readonly<Record<string, string>>, alias: string): Map<string, Given> {
  const own = `${alias}.`
  const properties = new Map<string, Given>()
  const setIfAbsent = (name: string, given: Given) => {
    if (!properties.has(name)) properties.set(name, given)
  }
  for (const [name, value] of Object.entries(settingsUnder(own, raw))) properties.set(name, { value, name: own + name })
  for (const prefix of [own, '']) {
    for (const name of sharedSettings) {
      const value = raw[prefix + name]
      if (value === undefined) continue
      const given = { value, name: prefix + name }
      for (const kind of clientKinds) setIfAbsent(`${kind}.${name}`, given)
      setIfAbsent(name, given)
    }
    const clientId = raw[`${prefix}client.id`]
    if (clientId !== undefined) setIfAbsent('client.id', { value: clientId, name: `${prefix}client.id` })
  }
  return properties
}

/** The properties of a connector in a worker. `fallback` are those of the worker, for a target that the connector does not name. */
export function propertiesOfConnector(
  config: Readonly<Record<string, string>>,
  fallback: Readonly<Record<string, string>> | null,
): ConnectorProperties {
  const properties = new Map<string, Given>()
  if (fallback) {
    const servers = fallback['bootstrap.servers']
    if (servers !== undefined) properties.set('target.cluster.bootstrap.servers', { value: servers, name: 'bootstrap.servers' })
    // As Kafka Connect: its own security is not that of connectors, which have the settings of their clients.
    for (const [name, value] of Object.entries(fallback)) if (isOfOneClient(name)) properties.set(`target.${name}`, { value, name })
  }
  for (const [name, value] of Object.entries(config)) properties.set(name, { value, name })
  return properties
}

/**
 * The clients of one side. `cluster` names the side where a setting that is missing has to be added: `us.`, `source.cluster.`.
 *
 * A consumer of `us`, in the flow us->central, has each setting from the first of these names that is set:
 *
 *     us->central.source.consumer.name, us.consumer.name, us.name, name, us->central.consumer.name, us->central.source.cluster.name
 *
 * Producers and admin clients likewise, and those of the target with `central` and `target`. This is MirrorMaker 2's order, with what is
 * surprising in it: clusterProps() and connectorBaseConfig() of MirrorMakerConfig give us.name and name to consumer, producer and admin
 * client under `source.consumer.` and so on, which sourceConsumerConfig() and its siblings in MirrorConnectorConfig read last. Before them
 * all, a producer of the target has us->central.producer.override.name: Kafka Connect's, whose producer writes MirrorMaker 2's records.
 */
export function sideClients(properties: ConnectorProperties, side: Side, cluster: string): SideClients {
  return {
    consumer: clientConfig(properties, side, 'consumer', cluster),
    producer: clientConfig(properties, side, 'producer', cluster),
    admin: clientConfig(properties, side, 'admin', cluster),
  }
}

function clientConfig(properties: ConnectorProperties, side: Side, kind: ClientKind, cluster: string): ClientConfig {
  const layers = [`${side}.cluster.`, `${kind}.`, `${side}.${kind}.`]
  if (side === 'target' && kind === 'producer') layers.push('producer.override.')
  const found = new Map<string, Given>()
  for (const layer of layers)
    for (const [fullName, given] of properties) {
      if (!fullName.startsWith(layer)) continue
      const name = fullName.slice(layer.length)
      if (sharedSettings.has(name) || name === 'client.id') found.set(name, given)
    }
  const nameOf = (setting: string) => found.get(setting)?.name ?? cluster + setting
  const read = <T>(setting: string, declared: Setting<T>): T => {
    const name = nameOf(setting)
    try {
      return declared.parse(name, found.get(setting)?.value ?? null)
    } catch (error) {
      throw new MirrorSettingsError(name, `${name}: ${(error as Error).message}`, { cause: error })
    }
  }
  const protocol = read('security.protocol', clusterSettings['security.protocol'])
  const isUsed = (setting: string) =>
    setting.startsWith('sasl.') ? protocol.startsWith('SASL_') : !setting.startsWith('ssl.') || protocol.endsWith('SSL')
  return {
    bootstrapServers: read('bootstrap.servers', clusterSettings['bootstrap.servers']),
    clientId: read('client.id', clusterSettings['client.id']),
    security: () => Object.fromEntries([...found].flatMap(([name, { value }]) => (isSecuritySetting(name) ? [[name, value]] : []))),
    refused: (error) => refusedSetting(error, nameOf),
    // What all clusters share may be for others.
    unused: [...found].flatMap(([setting, { name }]) =>
      name === setting || isUsed(setting) ? [] : [{ name, why: `${nameOf('security.protocol')} is ${protocol}` }],
    ),
  }
}

/** A setting of security in a message, by the name that Kafka gives it. */
const SETTING = /(?<![\w.>/\\-])(?:security\.protocol|(?:ssl|sasl)(?:\.[a-z]+)+)/g

/** The message names settings as Kafka does, or none where it is about the login module. */
function refusedSetting(error: Error, nameOf: (setting: string) => string): MirrorSettingsError {
  const named = error.message.match(SETTING)?.filter((name) => sharedSettings.has(name)) ?? []
  const setting = nameOf(named[0] ?? 'sasl.jaas.config')
  const message = error.message.replaceAll(SETTING, (name) => (sharedSettings.has(name) ? nameOf(name) : name))
  return new MirrorSettingsError(setting, named.length > 0 ? message : `${setting}: ${message}`, { cause: error })
}
