/**
 * The page docs/COMPATIBILITY.md, derived from the declarations of APIs, routes, plugins and settings. Each setting has a row of its own,
 * so that one search for its name says whether it has an effect.
 */
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { buildServer } from '../api/index.ts'
import { type RegistryServices, registryTags } from '../api/registry/registry-resource.ts'
import { extensionSettings, registryRestSettings } from '../api/registry/registry-rest-settings.ts'
import { buildRegistryServer } from '../api/registry/registry-server.ts'
import { findResources } from '../api/resource.ts'
import { ADMIN_LISTENERS_TLS, LISTENERS_TLS, restSettings } from '../api/settings.ts'
import { findPlugins } from '../connect/plugins.ts'
import { clientSettings } from '../connect/runtime/client-overrides.ts'
import { connectorSettings, deadLetterSettings, sinkSettings, sourceSettings } from '../connect/runtime/connector-settings.ts'
import { rateLimitSettings } from '../connect/runtime/rate-limit.ts'
import { recoverySettings } from '../connect/runtime/recovery-settings.ts'
import { ineffectiveSettings, providerSettings, securitySettings, workerSettings } from '../connect/runtime/worker-settings.ts'
import type { Settings } from '../connect/sdk/index.ts'
import type { Herder } from '../connect/types.ts'
import type { AnyServedApi } from '../core/apis/define-api.ts'
import {
  acceptedSettings,
  effectiveBrokerSettings,
  ineffectiveTopicSettings,
  LISTENER_PREFIX,
  refusedSettings,
} from '../core/settings/accepted-settings.ts'
import { brokerSettings } from '../core/settings/broker-settings.ts'
import type { SettingMap } from '../core/settings/setting.ts'
import { topicSettings } from '../core/settings/topic-settings.ts'
import { realSystem } from '../core/system/index.ts'
import { scan } from '../core/system/scan.ts'
import { mirrorConnectors } from '../mirror/connector.ts'
import { clusterSettings, flowSettings } from '../mirror/settings/flow-settings.ts'
import {
  acceptedPatterns as acceptedByMirror,
  clientPatterns,
  unsupportedSettings as unsupportedByMirror,
} from '../mirror/settings/mm2-properties.ts'
import type { MirrorAdmin } from '../mirror/types.ts'
import { registrySettings } from '../registry/index.ts'

const NO_EFFECT = 'No effect.'

interface Row {
  names: readonly string[]
  default: string
  effect: string
}

const code = (text: string) => `\`${text}\``
const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows.map((row) => row.map(cell))].map((row) => `| ${row.join(' | ')} |`).join('\n')

const ended = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`)
const sentence = (text: string) => ended(`${text[0]!.toUpperCase()}${text.slice(1)}`)
/** How the documentation of a declared setting without effect begins. */
const WITHOUT_EFFECT = /^(?:Accepted; |Without effect: )/
const noEffect = (why: string) => (why === '' ? NO_EFFECT : `${NO_EFFECT} ${sentence(why.replace(WITHOUT_EFFECT, ''))}`)
const shown = (value: string | null) => (value === null ? '' : value === '' ? 'empty' : code(value))

function settingsTable(rows: readonly Row[]): string {
  const sorted = rows.toSorted((a, b) => (a.names[0]! < b.names[0]! ? -1 : 1))
  return table(
    ['setting', 'default', 'effect'],
    sorted.map(({ names, default: value, effect }) => [names.map(code).join(', also '), value, effect]),
  )
}

const declaredRows = (settings: Settings): Row[] =>
  Object.entries(settings).map(([name, { required, default: value, doc, aliases }]) => ({
    names: [name, ...aliases],
    default: required ? 'required' : shown(value),
    effect: WITHOUT_EFFECT.test(doc) ? noEffect(doc) : sentence(doc),
  }))

/** Settings that only one side has. */
const only = (side: string, rows: readonly Row[]): Row[] => rows.map((row) => ({ ...row, effect: `${side}: ${row.effect}` }))

const sinkOnlySettings = Object.fromEntries(Object.entries(sinkSettings).filter(([name]) => !(name in deadLetterSettings)))

const ineffectiveRows = (names: Iterable<string>, why = ''): Row[] =>
  [...new Set(names)].map((name) => ({ names: [name], default: '', effect: noEffect(why) }))

/** The same in each file. */
const PROVIDER_PARAMETERS =
  "`config.providers.NAME.class` is Kafka's class; `config.providers.NAME.param.allowed.paths` (files, folders) and `.allowlist.pattern` (environment) limit what it reads."
const providerRows = (names: readonly string[]): Row[] =>
  names.map((name) => ({
    names: [name],
    default: name.endsWith('*') ? '' : 'empty',
    effect: name.endsWith('*') ? PROVIDER_PARAMETERS : 'The names of the configuration providers, for references in this file.',
  }))

function brokerRows(): Row[] {
  const declared: SettingMap = brokerSettings
  const effective = new Set(effectiveBrokerSettings)
  return [
    ...Object.entries(declared).map(([name, { fallback, doc }]) => ({
      names: [name],
      default: shown(fallback),
      effect: effective.has(name) ? sentence(doc) : noEffect(doc),
    })),
    {
      names: [`${LISTENER_PREFIX}*`],
      default: '',
      effect:
        'Those of `sasl.*` and `ssl.*` that have an effect, `connection.failed.authentication.delay.ms` and `connections.max.reauth.ms`, for one listener or for one SASL mechanism of it; `max.connections` and `max.connection.creation.rate`, for one listener. Others have no effect.',
    },
    ...providerRows(providerSettings),
    ...ineffectiveRows(acceptedSettings.filter((name) => !Object.hasOwn(declared, name))),
    ...refusedSettings.map(({ name, harmless, why }) => ({
      names: [name],
      default: shown(harmless[0] ?? null),
      effect: `The broker does not start unless it is ${harmless.map(shown).join(' or ')}: ${ended(why)}`,
    })),
  ]
}

function topicRows(): Row[] {
  const declared: SettingMap = topicSettings
  const ineffective = new Set(ineffectiveTopicSettings)
  return Object.entries(declared).map(([name, { fallback, doc, synonyms }]) => {
    const broker = synonyms.length === 0 ? '' : ` Default from ${synonyms.map((synonym) => code(synonym.name)).join(', ')}.`
    const effect = ineffective.has(name) ? noEffect(doc) : sentence(doc)
    return { names: [name], default: shown(fallback), effect: `${effect}${broker}` }
  })
}

/** Kafka's client settings, under the prefixes of a worker's file and of a connector's config. */
const clientRows = (): Row[] =>
  Object.entries(clientSettings).flatMap(([client, settings]) =>
    [...Object.keys(settings), 'security.protocol', ...securitySettings].map((name) => ({
      names: [`${client}.${name}`, `${client}.override.${name}`],
      default: '',
      effect: `As in Kafka's ${client}.${name.endsWith('*') ? ' What is not supported is refused.' : ''}`,
    })),
  )

/** What a pattern of a worker's settings stands for. */
const securityRows = (): Row[] =>
  securitySettings.map((name) => ({
    names: [name],
    default: '',
    effect: "For the worker's own clients and the admin clients of connectors, as in Kafka's. What is not supported is refused.",
  }))

/** What the prefixes of the REST API's stores stand for. */
const restTlsRows = (): Row[] =>
  [
    { prefix: LISTENERS_TLS, whose: '`listeners`, and of requests to other workers' },
    { prefix: ADMIN_LISTENERS_TLS, whose: '`admin.listeners`' },
  ].map(({ prefix, whose }) => ({
    names: [`${prefix}ssl.*`],
    default: '',
    effect: `TLS of ${whose}. Where one of them is set, \`ssl.*\` without the prefix has no effect there, as in Kafka Connect.`,
  }))

/** The names that a pattern of plain alternatives stands for: all that begin so, unless the pattern ends. */
export function namesOfPattern({ source }: RegExp): string[] {
  const body = source.replace(/^\^/, '').replace(/\$$|\\b$/, '')
  let at = 0
  function alternatives(): string[] {
    const complete: string[] = []
    let names = ['']
    for (; at < body.length && body[at] !== ')'; ) {
      if (body[at] === '|') {
        complete.push(...names)
        names = ['']
        at++
        continue
      }
      const parts = atom()
      const optional = body[at] === '?'
      if (optional) at++
      names = names.flatMap((name) => [...(optional ? [name] : []), ...parts.map((part) => name + part)])
    }
    return [...complete, ...names]
  }
  function atom(): string[] {
    const [text] = body.slice(at).match(/^(?:\(|\\\.|\.\*|[a-z0-9_-])/) ?? []
    if (text === undefined) throw new Error(`the pattern ${source} cannot be written as names: ${body.slice(at)}`)
    at += text.length
    if (text !== '(') return [text === '\\.' ? '.' : text === '.*' ? '*' : text]
    const inner = alternatives()
    at++
    return inner
  }
  const names = alternatives()
  if (source.endsWith('$')) return names
  return names.map((name) => (name.endsWith('*') ? name : name.endsWith('.') ? `${name}*` : `${name}.*`))
}

/** `a.*` leaves nothing to say about `a.b.*`. */
const covered = (name: string, names: readonly string[]) =>
  names.some((other) => other !== name && other.endsWith('.*') && name.startsWith(other.slice(0, -1)))

function mirrorRows(): Row[] {
  const declared = { ...flowSettings, ...restSettings }
  const explained = Object.entries(unsupportedByMirror).filter(([name]) => !Object.hasOwn(declared, name))
  const known = new Set([
    ...Object.entries(declared).flatMap(([name, { aliases }]) => [name, ...aliases]),
    ...explained.map(([name]) => name),
  ])
  const providers = ['config.providers', ...providerSettings]
  const accepted = acceptedByMirror.flatMap(namesOfPattern).filter((name) => !providers.includes(name))
  const ofClients = clientPatterns.flatMap(namesOfPattern)
  return [
    ...declaredRows(declared),
    ...restTlsRows(),
    ...providerRows(providers),
    ...explained.flatMap(([name, { why }]) => ineffectiveRows([name], why)),
    ...ofClients.map((name) => ({
      names: [name],
      default: '',
      effect: 'Those of security, `bootstrap.servers` and `client.id`; others have no effect.',
    })),
    ...ineffectiveRows(accepted.filter((name) => !known.has(name) && !ofClients.includes(name) && !covered(name, accepted))),
  ]
}

async function apis(): Promise<string> {
  const found = (await scan<AnyServedApi>(join(import.meta.dirname, '../core/apis'), /^\d/)).sort((a, b) => a.key - b.key)
  const range = ([from, to]: readonly [number, number]) => (from === to ? `${from}` : `${from}–${to}`)
  const rows = found.map((api) => {
    const advertised = api.advertised ? `${range(api.versions)} (advertised: ${range(api.advertised)})` : range(api.versions)
    return [`${api.key}`, api.name, advertised, (api.missing ?? []).map(sentence).join(' ')]
  })
  return table(['key', 'API', 'versions', 'not implemented'], rows)
}

type BeforeRoutes = (app: FastifyInstance) => Promise<void>

/** The routes as a server registers them, in the order of the reference page. */
async function routesOf(build: (beforeRoutes: BeforeRoutes) => FastifyInstance, places: ReadonlyMap<string, number>): Promise<string> {
  const found: { place: number; row: string[] }[] = []
  const app = build(async (inner) => {
    inner.addHook('onRoute', ({ method, url, schema }) => {
      const { hide, summary, tags } = (schema ?? {}) as { hide?: boolean; summary?: string; tags?: string[] }
      const methods = [method].flat().filter((one) => one !== 'HEAD')
      if (hide || methods.length === 0) return
      const path = url.replaceAll(/:([a-z]+)/g, '{$1}')
      found.push({ place: places.get(tags?.[0] ?? '') ?? 0, row: [code(`${methods} ${path}`), summary ?? ''] })
    })
  })
  await app.ready()
  await app.close()
  return table(
    ['request', 'effect'],
    found.sort((a, b) => a.place - b.place).map(({ row }) => row),
  )
}

async function routes(): Promise<string> {
  // No route is called.
  const services = { worker: {} as Herder, mirrors: {} as MirrorAdmin, system: realSystem('silent'), version: '' }
  const places = new Map((await findResources(services)).map(({ tag, order }) => [tag, order]))
  return routesOf((beforeRoutes) => buildServer({ ...services, beforeRoutes }), places)
}

function registryRoutes(): Promise<string> {
  // No route is called.
  const registry = { config: {}, context: { image: {} } } as RegistryServices['registry']
  const services = { registry, system: realSystem('silent'), version: '' }
  const places = new Map(registryTags.map(({ tag, order }) => [tag, order]))
  return routesOf((beforeRoutes) => buildRegistryServer({ ...services, beforeRoutes }), places)
}

/** What the patterns of a registry's file stand for. */
const registryPatternRows = (): Row[] => [
  {
    names: ['kafkastore.security.protocol', 'kafkastore.ssl.*', 'kafkastore.sasl.*'],
    default: '',
    effect: "For the registry's Kafka clients, as in Kafka's. What is not supported is refused.",
  },
  {
    names: ['kafkastore.topic.config.*'],
    default: '',
    effect: 'Configs of the topic where it is created; `cleanup.policy` is always `compact`.',
  },
  { names: ['ssl.*'], default: '', effect: 'TLS of `listeners` with https, and of requests to the leader.' },
  {
    names: extensionSettings,
    default: 'empty',
    effect: 'The registry does not start unless they are empty: there are no extensions.',
  },
]

async function plugins(): Promise<string> {
  const found = (await findPlugins(mirrorConnectors(realSystem('silent')))).list(false)
  const rows = new Map<string, Set<string>>()
  for (const { class: name, type } of found) rows.set(name, (rows.get(name) ?? new Set()).add(type.replace('_', ' ')))
  return table(
    ['class', 'kind'],
    [...rows].map(([name, kinds]) => [code(name), [...kinds].join(', ')]),
  )
}

/** The settings of each class, where it has any that a user may set. */
const pluginTables = (found: readonly { class: string; settings: Settings }[]): string =>
  found
    .map(({ class: name, settings: { 'converter.type': _, ...settings } }) => ({ name, rows: declaredRows(settings) }))
    .filter(({ rows }) => rows.length > 0)
    .map(({ name, rows }) => `${code(name)}:\n\n${settingsTable(rows)}`)
    .join('\n\n')

export async function compatibility(): Promise<string> {
  const own = await findPlugins()
  const converters = ['key.converter', 'value.converter', 'header.converter'].map((name) => ({
    names: [`${name}.*`],
    default: '',
    effect: `Settings of the converter: ${code(`${name}.schemas.enable`)} is ${code('schemas.enable')} of \`JsonConverter\`.`,
  }))
  return `# Compatibility

What Tributary implements of Apache Kafka 4.3, Kafka Connect, MirrorMaker 2 and Confluent's Schema Registry. \`node docs/generate.ts\` derives this page from the
declarations in the code; do not edit it.

**Does a setting have an effect?** Search this page for its name. Its row says what it does, or \`${NO_EFFECT}\` where a file may contain it
and nothing depends on it, or that the process does not start. \`prefix.*\` stands for the prefix and all names under it that have no row of
their own. A setting without a row is unknown: it has no effect, and the log names it once.

- Broker: [APIs](#apis), [settings of a broker](#settings-of-a-broker), [settings of a topic](#settings-of-a-topic)
- Worker: [REST API](#rest-api), [plugins](#plugins), [settings of a worker](#settings-of-a-worker), [client settings](#client-settings),
  [settings of a connector](#settings-of-a-connector), [settings of plugins](#settings-of-plugins)
- Mirror: [settings of a flow](#settings-of-a-flow), [settings of a cluster](#settings-of-a-cluster)
- Schema registry: [registry API](#registry-api), [settings of a registry](#settings-of-a-registry)

## APIs

The versions are those that Apache Kafka advertises.

${await apis()}

## Settings of a broker

In \`server.properties\`.

${settingsTable(brokerRows())}

## Settings of a topic

In CreateTopics and IncrementalAlterConfigs. All are stored and described; there is no throttling and no tiered storage.

${settingsTable(topicRows())}

## REST API

All but \`/mirrors\`, \`/metrics\` and \`/docs\` are Kafka Connect's. What differs: [0001](decisions/0001-bodies-that-cannot-be-used-are-400.md)
(bodies that cannot be used), [0005](decisions/0005-requests-of-browsers.md) (requests of browsers),
[0009](decisions/0009-the-login-comes-first.md) (the login).

${await routes()}

## Plugins

Without a schema, a floating-point number without a fraction is a whole number to transforms: see
[0011](decisions/0011-numbers-without-a-schema.md).

${await plugins()}

## Settings of a worker

In the \`.properties\` file of \`connect-distributed\` or \`connect-standalone\`. What differs: [0003](decisions/0003-connect-worker.md).

${settingsTable([...declaredRows({ ...workerSettings, ...restSettings }), ...providerRows(providerSettings), ...securityRows(), ...restTlsRows(), ...converters, ...ineffectiveRows(ineffectiveSettings)])}

## Client settings

With \`producer.\`, \`consumer.\` or \`admin.\` in front in a worker's file; with \`producer.override.\`, \`consumer.override.\` or \`admin.override.\` in a
connector's config, where they are stronger. Only admin clients get the worker's own \`security.protocol\`, \`sasl.*\` and \`ssl.*\`, as in Kafka
Connect. Values that are not supported, such as \`GSSAPI\`, fail the task. Other settings of Kafka's clients have no effect.

${settingsTable(clientRows())}

## Settings of a connector

In the config of every connector. With \`topic.creation.groups\`, a source also takes \`topic.creation.<group>.include\`, \`exclude\`,
\`replication.factor\`, \`partitions\` and the settings of a topic.

${settingsTable([
  ...declaredRows(connectorSettings(own, null)),
  ...only('Sources', declaredRows(sourceSettings)),
  ...only('Sinks', declaredRows(sinkOnlySettings)),
  ...declaredRows(deadLetterSettings),
  ...declaredRows(recoverySettings),
  ...declaredRows(rateLimitSettings),
])}

## Settings of plugins

${pluginTables([...own.connectors, ...own.converters])}

## Settings of a flow

In \`mm2.properties\`: \`us->central.name\` before \`central.name\` before \`name\`. What differs: [0002](decisions/0002-exact-offset-map.md).

${settingsTable(mirrorRows())}

## Settings of a cluster

In \`mm2.properties\`, as \`us.name\`.

${settingsTable(declaredRows(clusterSettings))}

## Registry API

Confluent's, but for \`/metrics\` and \`/docs\`. Each path may have \`/contexts/{context}\` in front. There are no exporters, and
no requests about associations in batches.

${await registryRoutes()}

## Settings of a registry

In \`schema-registry.properties\`; see [REGISTRY.md](REGISTRY.md). References to \`config.providers\` are replaced as in the other files.

${settingsTable([...declaredRows({ ...registrySettings, ...registryRestSettings }), ...registryPatternRows()])}
`
}
