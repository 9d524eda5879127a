/**
 * The plugins that a connector's config can name: connectors, converters, transforms and predicates. Those that come with the worker are
 * found by scanning their folders; those of `plugin.path` are set by its scan and may change while the worker runs. A class may have
 * several versions.
 */
import { fileURLToPath } from 'node:url'
import { type Found, scanFolderModules, scanModules } from '../core/system/scan.ts'
import { originOf, type PluginOrigin, setOrigin } from './plugins/origins.ts'
import { descriptionsOf, type PluginDescription } from './plugins/plugin-description.ts'
import { PluginIndex, type PluginNames } from './plugins/plugin-index.ts'
import { joined, type PluginSet } from './plugins/plugin-module.ts'
import type { VersionRange } from './plugins/version-range.ts'
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
export type ConnectorPlugin = PluginNames & { version: string; settings: Settings; origin: PluginOrigin } & (
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

/** A plugin of any kind. */
export type InstalledPlugin =
  | { kind: 'connector'; class: string; version: string; settings: Settings; plugin: ConnectorPlugin }
  | { kind: 'other'; class: string; version: string; settings: Settings }

const none: PluginSet = { connectors: [], converters: [], transforms: [], predicates: [] }

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const ownFolders: PluginFolders = {
  connectors: folder('../connectors'),
  converters: folder('./converters'),
  transforms: folder('./transforms'),
  predicates: folder('./predicates'),
}

/** A folder that does not exist has no plugins. */
async function orNone<T extends object>(plugins: Promise<Found<T | readonly T[]>[]>): Promise<T[]> {
  try {
    return (await plugins).flatMap(({ declaration, module }) => {
      const declarations = [declaration].flat() as T[]
      for (const one of declarations) setOrigin(one, { ...originOf(one), module })
      return declarations
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && (error as NodeJS.ErrnoException).syscall === 'scandir') return []
    throw error
  }
}

export async function findPlugins(extra: readonly Connector[] = [], folders: PluginFolders = ownFolders): Promise<Plugins> {
  const [connectors, converters, transforms, predicates] = await Promise.all([
    orNone(scanFolderModules<Connector>(folders.connectors, 'connector')),
    orNone(scanModules<ConverterDeclaration<Any>>(folders.converters, /./)),
    orNone(scanModules<TransformDeclaration<Any> | readonly TransformDeclaration<Any>[]>(folders.transforms, /./)),
    orNone(scanModules<PredicateDeclaration<Any>>(folders.predicates, /./)),
  ])
  return new Plugins([...connectors, ...extra], converters, transforms, predicates)
}

function sidesOf(connector: Connector): ConnectorPlugin[] {
  const sides: ConnectorPlugin[] = []
  const about = (side: PluginNames & { settings: Settings }) => ({
    class: side.class,
    aliases: side.aliases,
    version: connector.version ?? originOf(connector).version,
    settings: side.settings,
    origin: originOf(connector),
  })
  if (connector.source) sides.push({ ...about(connector.source), kind: 'source', type: 'source', side: connector.source })
  if (connector.sink) sides.push({ ...about(connector.sink), kind: 'sink', type: 'sink', side: connector.sink })
  if (connector.flow) sides.push({ ...about(connector.flow), kind: 'flow', type: connector.flow.type, side: connector.flow })
  return sides
}

const versionOf = (plugin: { version?: string | undefined }): string => plugin.version ?? originOf(plugin).version

interface Indexes {
  readonly connectors: PluginIndex<ConnectorPlugin>
  readonly converters: PluginIndex<ConverterDeclaration<Any>>
  readonly transforms: PluginIndex<TransformDeclaration<Any>>
  readonly predicates: PluginIndex<PredicateDeclaration<Any>>
}

/** What comes with the worker goes first: it is not replaced by the same version from elsewhere. */
function indexesOf(...sets: readonly PluginSet[]): Indexes {
  return {
    connectors: new PluginIndex(
      sets.flatMap(({ connectors }) => connectors.flatMap(sidesOf)),
      'Connector',
      versionOf,
    ),
    converters: new PluginIndex(
      sets.flatMap(({ converters }) => converters),
      'Converter',
      versionOf,
    ),
    transforms: new PluginIndex(
      sets.flatMap(({ transforms }) => transforms),
      'Transformation',
      versionOf,
    ),
    predicates: new PluginIndex(
      sets.flatMap(({ predicates }) => predicates),
      'Predicate',
      versionOf,
    ),
  }
}

export class Plugins {
  readonly #own: PluginSet
  #found: PluginSet = none
  #indexes: Indexes
  #descriptions: readonly PluginDescription[] | null = null

  constructor(
    connectors: readonly Connector[],
    converters: readonly ConverterDeclaration<Any>[],
    transforms: readonly TransformDeclaration<Any>[],
    predicates: readonly PredicateDeclaration<Any>[],
  ) {
    this.#own = { connectors, converters, transforms, predicates }
    this.#indexes = indexesOf(this.#own, none)
  }

  /** The plugins of `plugin.path` are these from now on. */
  setPathPlugins(found: PluginSet): void {
    this.#found = found
    this.#descriptions = null
    this.#indexes = indexesOf(this.#own, found)
  }

  /** Every version. */
  get connectors(): readonly ConnectorPlugin[] {
    return this.#indexes.connectors.all
  }
  /** The newest version of each class, as the two below. */
  get converters(): readonly ConverterDeclaration<Any>[] {
    return this.#indexes.converters.newest
  }
  get transforms(): readonly TransformDeclaration<Any>[] {
    return this.#indexes.transforms.newest
  }
  get predicates(): readonly PredicateDeclaration<Any>[] {
    return this.#indexes.predicates.newest
  }

  /** Throws 400 with the list of connectors where there is none of this name and in this range of versions. */
  connector(name: string, range: VersionRange | null = null): ConnectorPlugin {
    const plugin = this.findConnector(name, range)
    if (plugin) return plugin
    const available = this.connectors
      .map(({ class: name, type, version: installed }) => `${name} (${type}, version ${installed})`)
      .join(', ')
    throw new ConnectError(
      400,
      `Failed to find any class that implements Connector and which name matches ${name}, available connectors are: ${available}`,
    )
  }

  /** Those below find the newest version in `range`, or the newest of all. */
  findConnector = (name: string, range?: VersionRange | null): ConnectorPlugin | undefined => this.#indexes.connectors.find(name, range)
  converter = (name: string, range?: VersionRange | null): ConverterDeclaration<Any> | undefined => this.#kind(name, 'converter', range)
  headerConverter = (name: string, range?: VersionRange | null): ConverterDeclaration<Any> | undefined =>
    this.#kind(name, 'header_converter', range)
  transform = (name: string, range?: VersionRange | null): TransformDeclaration<Any> | undefined =>
    this.#indexes.transforms.find(name, range)
  predicate = (name: string, range?: VersionRange | null): PredicateDeclaration<Any> | undefined =>
    this.#indexes.predicates.find(name, range)

  #kind(name: string, kind: 'converter' | 'header_converter', range?: VersionRange | null) {
    const converter = this.#indexes.converters.find(name, range)
    return converter && serves(converter, kind) ? converter : undefined
  }

  /** A plugin of any kind, by any of its names. */
  plugin(name: string, range?: VersionRange | null): InstalledPlugin | undefined {
    const plugin = this.findConnector(name, range)
    if (plugin) return { kind: 'connector', class: plugin.class, version: plugin.version, settings: plugin.settings, plugin }
    const other = this.#indexes.converters.find(name, range) ?? this.transform(name, range) ?? this.predicate(name, range)
    return other && { kind: 'other', class: other.class, version: versionOf(other), settings: other.settings }
  }

  /** The installed versions of a plugin of any kind, the newest first; empty where there is none of this name. */
  versions(name: string): string[] {
    const { connectors, converters, transforms, predicates } = this.#indexes
    for (const index of [connectors, converters, transforms, predicates]) {
      const versions = index.versions(name).map(versionOf)
      if (versions.length > 0) return versions
    }
    return []
  }

  /** Where all versions of a plugin of any kind come from. */
  originsOf(name: string): PluginOrigin[] {
    const { connectors, converters, transforms, predicates } = this.#indexes
    const others = [converters, transforms, predicates].flatMap((index) => index.versions(name).map(originOf))
    return [...connectors.versions(name).map(({ origin }) => origin), ...others]
  }

  /** All plugins as plain data. */
  describe(): readonly PluginDescription[] {
    this.#descriptions ??= descriptionsOf(joined(this.#own, this.#found))
    return this.#descriptions
  }

  /** As `GET /connector-plugins` lists them: every version. */
  list(connectorsOnly: boolean): PluginInfo[] {
    const connectors = this.connectors.map((plugin) => ({ class: plugin.class, type: plugin.type, version: plugin.version }))
    if (connectorsOnly) return connectors
    const as = (type: PluginInfo['type']) => (plugin: PluginNames & { version?: string | undefined }) => ({
      class: plugin.class,
      type,
      version: versionOf(plugin),
    })
    const { converters, transforms, predicates } = this.#indexes
    return [
      ...connectors,
      ...transforms.all.map(as('transformation')),
      ...predicates.all.map(as('predicate')),
      ...converters.all.filter((converter) => serves(converter, 'converter')).map(as('converter')),
      ...converters.all.filter((converter) => serves(converter, 'header_converter')).map(as('header_converter')),
    ]
  }
}

function serves(converter: ConverterDeclaration<Any>, kind: 'converter' | 'header_converter'): boolean {
  return (converter.kinds ?? ['converter', 'header_converter']).includes(kind)
}
