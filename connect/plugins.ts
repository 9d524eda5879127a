/**
 * The plugins that a connector's config can name: connectors, converters, transforms and predicates, found by scanning their folders. A
 * plugin has the names of its class, of the class without its package, of that without its suffix (`FileStreamSource`), and its aliases.
 */
import { fileURLToPath } from 'node:url'
import { scan, scanFolders } from '../core/system/scan.ts'
import { version } from '../core/system/version.ts'
import type {
  Connector,
  ConverterDeclaration,
  FlowSide,
  PredicateDeclaration,
  Settings,
  SinkSide,
  SourceSide,
  TransformDeclaration,
} from './sdk/index.ts'
import { ConnectError, type PluginInfo } from './types.ts'

/** One side of a connector, as `connector.class` names it. */
export type ConnectorPlugin = { class: string; version: string; settings: Settings } & (
  | { kind: 'source'; type: 'source'; side: SourceSide<Settings> }
  | { kind: 'sink'; type: 'sink'; side: SinkSide<Settings> }
  | { kind: 'flow'; type: 'source' | 'sink'; side: FlowSide<Settings> }
)

// biome-ignore lint/suspicious/noExplicitAny: each declaration has its own config type, which its settings parse to
type Any = any

export interface PluginFolders {
  connectors: string
  converters: string
  transforms: string
  predicates: string
}

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const ownFolders: PluginFolders = {
  connectors: folder('../connectors'),
  converters: folder('./converters'),
  transforms: folder('./transforms'),
  predicates: folder('./predicates'),
}

/** A folder that does not exist has no plugins. */
async function orNone<T>(plugins: Promise<T[]>): Promise<T[]> {
  try {
    return await plugins
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && (error as NodeJS.ErrnoException).syscall === 'scandir') return []
    throw error
  }
}

export async function findPlugins(extra: readonly Connector[] = [], folders: PluginFolders = ownFolders): Promise<Plugins> {
  const [connectors, converters, transforms, predicates] = await Promise.all([
    orNone(scanFolders<Connector>(folders.connectors, 'connector')),
    orNone(scan<ConverterDeclaration<Any>>(folders.converters, /./)),
    orNone(scan<TransformDeclaration<Any>>(folders.transforms, /./)),
    orNone(scan<PredicateDeclaration<Any>>(folders.predicates, /./)),
  ])
  return new Plugins([...connectors, ...extra], converters, transforms, predicates)
}

interface PluginNames {
  class: string
  aliases?: readonly string[] | undefined
}

/** The names of a class: `a.b.FileStreamSourceConnector` is also `FileStreamSourceConnector` and `FileStreamSource`. */
function namesOf(plugin: PluginNames, suffix: string): string[] {
  const simple = plugin.class.slice(plugin.class.lastIndexOf('.') + 1)
  const short = simple.endsWith(suffix) && simple !== suffix ? simple.slice(0, -suffix.length) : simple
  return [plugin.class, simple, short, ...(plugin.aliases ?? [])]
}

/** By every name. A short name of two classes belongs to neither, as in Kafka Connect; a full name always finds its class. */
function index<T extends PluginNames>(plugins: readonly T[], suffix: string): ReadonlyMap<string, T> {
  const byName = new Map<string, T | null>()
  for (const plugin of plugins) {
    for (const name of new Set(namesOf(plugin, suffix).slice(1))) {
      const other = byName.get(name)
      byName.set(name, other === undefined || other === plugin ? plugin : null)
    }
  }
  for (const plugin of plugins) byName.set(plugin.class, plugin)
  return new Map([...byName].filter((entry): entry is [string, T] => entry[1] !== null))
}

function sidesOf(connector: Connector): ConnectorPlugin[] {
  const sides: ConnectorPlugin[] = []
  const about = (side: { class: string; settings: Settings }) => ({
    class: side.class,
    version: connector.version ?? version,
    settings: side.settings,
  })
  if (connector.source) sides.push({ ...about(connector.source), kind: 'source', type: 'source', side: connector.source })
  if (connector.sink) sides.push({ ...about(connector.sink), kind: 'sink', type: 'sink', side: connector.sink })
  if (connector.flow) sides.push({ ...about(connector.flow), kind: 'flow', type: connector.flow.type, side: connector.flow })
  return sides
}

const byClass = (a: PluginNames, b: PluginNames) => (a.class < b.class ? -1 : a.class > b.class ? 1 : 0)

export class Plugins {
  readonly connectors: readonly ConnectorPlugin[]
  readonly converters: readonly ConverterDeclaration<Any>[]
  readonly transforms: readonly TransformDeclaration<Any>[]
  readonly predicates: readonly PredicateDeclaration<Any>[]
  readonly #connectorNames: ReadonlyMap<string, ConnectorPlugin & PluginNames>
  readonly #converterNames: ReadonlyMap<string, ConverterDeclaration<Any>>
  readonly #transformNames: ReadonlyMap<string, TransformDeclaration<Any>>
  readonly #predicateNames: ReadonlyMap<string, PredicateDeclaration<Any>>

  constructor(
    connectors: readonly Connector[],
    converters: readonly ConverterDeclaration<Any>[],
    transforms: readonly TransformDeclaration<Any>[],
    predicates: readonly PredicateDeclaration<Any>[],
  ) {
    this.connectors = connectors.flatMap(sidesOf).sort(byClass)
    this.converters = [...converters].sort(byClass)
    this.transforms = [...transforms].sort(byClass)
    this.predicates = [...predicates].sort(byClass)
    this.#connectorNames = index(
      this.connectors.map((plugin) => Object.assign(plugin, { aliases: plugin.side.aliases })),
      'Connector',
    )
    this.#converterNames = index(this.converters, 'Converter')
    this.#transformNames = index(this.transforms, 'Transformation')
    this.#predicateNames = index(this.predicates, 'Predicate')
  }

  /** Throws 400 with the list of connectors where there is none of this name. */
  connector(name: string): ConnectorPlugin {
    const plugin = this.findConnector(name)
    if (plugin) return plugin
    const available = this.connectors
      .map(({ class: name, type, version: installed }) => `${name} (${type}, version ${installed})`)
      .join(', ')
    throw new ConnectError(
      400,
      `Failed to find any class that implements Connector and which name matches ${name}, available connectors are: ${available}`,
    )
  }

  findConnector = (name: string): ConnectorPlugin | undefined => this.#connectorNames.get(name.trim())
  converter = (name: string): ConverterDeclaration<Any> | undefined => this.#kind(name, 'converter')
  headerConverter = (name: string): ConverterDeclaration<Any> | undefined => this.#kind(name, 'header_converter')
  transform = (name: string): TransformDeclaration<Any> | undefined => this.#transformNames.get(name.trim())
  predicate = (name: string): PredicateDeclaration<Any> | undefined => this.#predicateNames.get(name.trim())

  #kind(name: string, kind: 'converter' | 'header_converter') {
    const converter = this.#converterNames.get(name.trim())
    return converter && serves(converter, kind) ? converter : undefined
  }

  /** The settings of a plugin of any kind, by any of its names. */
  settingsOf(name: string): { kind: 'connector'; plugin: ConnectorPlugin } | { kind: 'other'; settings: Settings } | undefined {
    const connector = this.findConnector(name)
    if (connector) return { kind: 'connector', plugin: connector }
    const other = this.#converterNames.get(name) ?? this.transform(name) ?? this.predicate(name)
    return other && { kind: 'other', settings: other.settings }
  }

  /** As `GET /connector-plugins` lists them. */
  list(connectorsOnly: boolean): PluginInfo[] {
    const connectors = this.connectors.map((plugin) => ({ class: plugin.class, type: plugin.type, version: plugin.version }))
    if (connectorsOnly) return connectors
    const as = (type: PluginInfo['type']) => (plugin: PluginNames) => ({ class: plugin.class, type, version })
    return [
      ...connectors,
      ...this.transforms.map(as('transformation')),
      ...this.predicates.map(as('predicate')),
      ...this.converters.filter((converter) => serves(converter, 'converter')).map(as('converter')),
      ...this.converters.filter((converter) => serves(converter, 'header_converter')).map(as('header_converter')),
    ]
  }
}

function serves(converter: ConverterDeclaration<Any>, kind: 'converter' | 'header_converter'): boolean {
  return (converter.kinds ?? ['converter', 'header_converter']).includes(kind)
}
