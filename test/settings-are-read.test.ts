/**
 * Goal: no setting lies: each declared setting is read by code, allows one value only, or is declared to be without effect. Method: the
 * declarations as values, the sources as text without comments. A read is a member access, an argument, a variable or a destructured
 * property of the setting's name; a key of a declaration, a list of names, an error and a comment are none.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { registryRestSettings } from '../api/registry/registry-rest-settings.ts'
import { restSettings } from '../api/settings.ts'
import { findPlugins } from '../connect/plugins.ts'
import { clientSettings } from '../connect/runtime/client-overrides.ts'
import { connectorSettings, sinkSettings, sourceSettings } from '../connect/runtime/connector-settings.ts'
import { rateLimitSettings } from '../connect/runtime/rate-limit.ts'
import { workerSettings } from '../connect/runtime/worker-settings.ts'
import type { Settings } from '../connect/sdk/index.ts'
import { tlsSettingNames } from '../core/security/tls/tls-settings.ts'
import { effectiveBrokerSettings, effectiveTopicSettings } from '../core/settings/accepted-settings.ts'
import { topicSettings } from '../core/settings/topic-settings.ts'
import { scanFolders } from '../core/system/scan.ts'
import { clusterSettings, flowSettings } from '../mirror/settings/flow-settings.ts'
import { registrySettings } from '../registry/index.ts'
import { exists, importsOf, sourceTexts } from './sources.ts'

const root = resolve(import.meta.dirname, '..')

/** Settings that nothing reads yet. To be shortened, never to be added to. */
const unread: Readonly<Record<string, readonly string[]>> = {
  worker: ['worker.unsync.backoff.ms'],
  connector: ['config.action.reload'],
}

/** Settings that allow one value: their declaration is their effect. Each with a value that it refuses. */
const refused: Readonly<Record<string, string>> = {
  'config.property.filter.class': 'com.example.Filter',
  'context.name.strategy': 'com.example.Strategy',
  'connector.plugin.version': '0.0.1-none',
  'dialect.name': 'MySqlDatabaseDialect',
  'group.filter.class': 'com.example.Filter',
  'header.converter.plugin.version': '0.0.1-none',
  'key.converter.plugin.version': '0.0.1-none',
  'rest.extension.classes': 'com.example.Extension',
  'plugin.name': 'decoderbufs',
  'security.protocol': 'SSL',
  'snapshot.query.mode': 'custom',
  'topic.filter.class': 'com.example.Filter',
  'value.converter.plugin.version': '0.0.1-none',
}

function withoutComments(text: string): string {
  const token = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g
  return text.replace(token, (found) => (found.startsWith('/') ? ' ' : found))
}

function sources(path: string): string[] {
  if (statSync(join(root, path)).isFile()) return [path]
  const names = readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.ts')).map((name) => join(path, name))
}

const codeOf = (...paths: string[]): string =>
  paths
    .flatMap(sources)
    .map((path) => withoutComments(readFileSync(join(root, path), 'utf8')))
    .join('\n')

/** The rooms that a connector loads and that are no connectors themselves: those of its system, or of its files. */
function sharedRoomsOf(connector: string): string[] {
  const loaded = [...sourceTexts].flatMap(([file, text]) =>
    file.startsWith(`connectors/${connector}/`) ? importsOf(file, text).map(({ target }) => target) : [],
  )
  const rooms = new Set(loaded.filter((file) => file.startsWith('connectors/')).map((file) => file.split('/').slice(0, 2).join('/')))
  return [...rooms].filter((room) => !exists(`${room}/connector.ts`))
}

const escaped = (text: string): string => text.replace(/[.\-[\]()|*+?^$\\]/g, '\\$&')

/** True where `code` reads the setting `name`. */
function isRead(name: string, code: string): boolean {
  const quoted = `['"]${escaped(name)}['"]`
  const forms = [
    // As values['num.partitions'].
    `[\\w)\\]!?.]\\s*\\[${quoted}\\]`,
    // As brokerValue('max.connections') and internalTopic(topic, 'offset.storage.partitions').
    `(?<!\\bnew \\w+)\\((?:[\\w.\\s,]*,)?\\s*${quoted}\\s*[,)]`,
    // As const factor = 'replication.factor', for a setting that is read and reported by its name.
    `const \\w+ = ${quoted}`,
    // As { name: topic, replicationSetting: 'replication.factor' }, for a function that reads the named setting.
    `\\w+Setting: ${quoted}`,
    // As for (const [kind, …] of [['transforms', …], …]).
    `for \\(const \\[[^\\]]*\\] of \\[(?:\\s*\\[[^[\\]]*\\],)*\\s*\\[${quoted}`,
    // As const { 'batch.size': size } = config.
    `(?:const|let)\\s*\\{[^{}]*${quoted}:[^{}]*\\}\\s*=`,
  ]
  if (/^\w+$/.test(name))
    forms.push(
      `\\b\\w*(?:config|settings|values|given|raw|properties|options)\\w*[!?]?\\.${name}\\b`,
      `(?:const|let)\\s*\\{[^{}]*\\b${name}\\b[^{}]*\\}\\s*=\\s*\\w*(?:config|settings|values)`,
    )
  if (forms.some((form) => new RegExp(form, 'i').test(code))) return true
  // As values[`${kind}.converter`].
  for (const [, template] of code.matchAll(/[\w)\]!?.]\s*\[`([^`]*\$\{[^`]*)`\]/g)) {
    const parts = template!.split(/\$\{[^}]*\}/)
    if (parts.some((part) => /\w/.test(part)) && new RegExp(`^${parts.map(escaped).join('[\\w-]+')}$`).test(name)) return true
  }
  return false
}

/** The settings whose documentation does not say that they are accepted only. */
const promised = (settings: Settings): string[] =>
  Object.entries(settings)
    .filter(([, { doc }]) => !doc.startsWith('Accepted'))
    .map(([name]) => name)

/** The names that `code` does not read. `declared` may refuse all values but one. */
const unreadOf = (names: readonly string[], code: string, declared: Settings = {}): string[] =>
  names.filter((name) => {
    if (isRead(name, code)) return false
    if (!Object.hasOwn(refused, name) || !declared[name]) return true
    expect(() => declared[name]!.parse(name, refused[name]!), `${name}=${refused[name]} is refused`).toThrow()
    return false
  })

const checkAll = (room: string, settings: Settings, code: string) =>
  expect(unreadOf(promised(settings), code, settings), `settings of ${room} that nothing reads`).toEqual(unread[room] ?? [])

describe('what counts as a read', () => {
  test.each([
    ["const size = config['batch.size']", true],
    ["const size = brokerValue('batch.size')", true],
    ["create(topic, 'batch.size')", true],
    ["const { 'batch.size': size } = config", true],
    [`const size = config[\`\${what}.size\`]`, true],
    ["for (const [kind, label] of [\n['linger', 'L'],\n['batch.size', 'B'],\n]) read(config[kind])", true],
    ["create({ name: topic, sizeSetting: 'batch.size' })", true],
    ["// config['batch.size']", false],
    ["/** config['batch.size'] */", false],
    ["'batch.size': int(1, 'The size.'),", false],
    ["const known = ['linger.ms', 'batch.size']", false],
    ["throw new InvalidSetting('batch.size', raw)", false],
    ["'http://host' // config['batch.size']", false],
    [`const size = config[\`\${prefix}\${name}\`]`, false],
  ])('%s: %s', (code, expected) => {
    expect(isRead('batch.size', withoutComments(code))).toBe(expected)
  })
})

describe('every declared setting is read, or declared without effect', () => {
  const broker = codeOf(
    'core/cluster',
    'core/network',
    'core/apis',
    'core/security',
    'core/settings.ts',
    'core/broker.ts',
    'core/config-references',
    'core/connection-limits.ts',
    'core/offsets-topic.ts',
    'core/transaction-state-topic.ts',
  )

  test('of a topic', () => {
    expect(unreadOf(effectiveTopicSettings, codeOf('core/cluster'))).toEqual([])
  })

  test('of a broker: read, or the default of a setting of topics', () => {
    const defaults = new Set(Object.values(topicSettings).flatMap(({ synonyms }) => synonyms.map(({ name }) => name)))
    const own = effectiveBrokerSettings.filter((name) => !defaults.has(name))
    expect(unreadOf(own, broker)).toEqual([])
  })

  test('of a worker', () => {
    checkAll('worker', workerSettings, codeOf('connect', 'bin', 'core/config-references'))
  })

  test('of every connector', async () => {
    const settings = { ...connectorSettings(await findPlugins(), null), ...sourceSettings, ...sinkSettings, ...rateLimitSettings }
    checkAll('connector', settings, codeOf('connect'))
  })

  test('of the clients of a connector', () => {
    const code = codeOf('connect/runtime/client-overrides.ts')
    for (const [room, settings] of Object.entries(clientSettings)) checkAll(room, settings, code)
  })

  test('of the REST API', () => {
    checkAll('rest', restSettings, codeOf('api', 'bin'))
  })

  test('of a schema registry', () => {
    checkAll('registry', registrySettings, codeOf('registry', 'api/registry'))
    checkAll('registry', registryRestSettings, codeOf('api/registry'))
  })

  test('of a mirror', () => {
    const code = codeOf('mirror')
    checkAll('flow', flowSettings, code)
    checkAll('cluster', clusterSettings, code)
  })

  test('of each connector', async () => {
    type Declared = { name: string; source?: { settings: Settings }; sink?: { settings: Settings } }
    const connectors = (await scanFolders<Declared | Declared[]>(join(root, 'connectors'), 'connector')).flat()
    expect(connectors.length).toBeGreaterThan(0)
    for (const { name, source, sink } of connectors)
      for (const side of [source, sink]) if (side) checkAll(name, side.settings, codeOf(`connectors/${name}`, ...sharedRoomsOf(name)))
  })

  test('of each converter', async () => {
    const code = codeOf('connect/converters', 'connect/schema-registry')
    const { converters } = await findPlugins()
    for (const { class: name, settings } of converters) {
      const { 'converter.type': _setByTheWorker, ...own } = settings as Settings
      const prefix = 'schema.registry.'
      const stores = promised(own).filter((setting) => setting.startsWith(`${prefix}ssl.`))
      const others = Object.fromEntries(Object.entries(own).filter(([setting]) => !stores.includes(setting)))
      checkAll(name, others, code)
      // The stores read them all, or refuse those of the JVM.
      for (const setting of stores) expect(tlsSettingNames).toContain(setting.slice(prefix.length))
    }
  })
})
