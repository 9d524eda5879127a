/**
 * The plugins of `plugin.path`: found when the worker starts and, without a restart, when something in its folders changes. What cannot be
 * loaded is left out and named once in the log, with the reason; it stops neither the worker nor the other plugins.
 */
import { resolve } from 'node:path'
import type { Timer } from '../../../core/system/clock.ts'
import type { System } from '../../../core/system/index.ts'
import type { PluginOrigin } from '../../plugins/origins.ts'
import { declarationsOf, type PluginDescription, type RemoteCall } from '../../plugins/plugin-description.ts'
import { type PluginLocation, type PluginPath, readPluginPath } from '../../plugins/plugin-path.ts'
import type { Plugins } from '../../plugins.ts'
import type { PluginInfo } from '../../types.ts'
import { defaultConverters, type WorkerConfig } from '../worker-settings.ts'
import { PluginIsolation, type PluginIsolationOptions } from './plugin-isolation.ts'
import type { PluginModule } from './thread-messages.ts'

/** How often the folders are looked at. */
const LOOK_MS = 2_000

export interface PathPluginsOptions {
  /** The folders of `plugin.path`. */
  readonly folders: readonly string[]
  readonly plugins: Plugins
  /** Runs the module where it can do no harm. */
  scan(module: PluginModule): Promise<readonly PluginDescription[]>
  call(call: RemoteCall, origin: PluginOrigin): Promise<unknown>
  readonly system: Pick<System, 'clock' | 'disk' | 'logger'>
}

interface Known {
  readonly signature: string
  readonly descriptions: readonly PluginDescription[]
}

export class PathPlugins {
  readonly #options: PathPluginsOptions
  readonly #known = new Map<string, Known>()
  /** The signatures of the last look: what changes between two looks is still being written. */
  #seen: ReadonlyMap<string, string> = new Map()
  #problems: ReadonlySet<string> = new Set()
  #timer: Timer | null = null
  #looking = false
  #closed = false
  /** Duplicates that were named. */
  #warned: ReadonlySet<string> = new Set()

  constructor(options: PathPluginsOptions) {
    this.#options = options
  }

  /** Resolves when all that is there is loaded or left out. Returns what was left out. */
  async start(): Promise<readonly string[]> {
    const { folders, system } = this.#options
    if (folders.length === 0) return []
    const path = await this.#read()
    const leftOut = [...path.problems, ...(await this.#load(path.locations))]
    this.#timer = system.clock.every(LOOK_MS, () => void this.#look())
    return leftOut
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  async #read(): Promise<PluginPath> {
    const { folders, system } = this.#options
    const path = await readPluginPath(system.disk, folders)
    for (const problem of path.problems) if (!this.#problems.has(problem)) system.logger.warn({}, problem)
    this.#problems = new Set(path.problems)
    return path
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    if (this.#looking || this.#closed) return
    this.#looking = true
    try {
      const { locations, unread } = await this.#read()
      const changed = locations.filter(({ path, signature }) => this.#known.get(path)?.signature !== signature)
      const settled = changed.filter(({ path, signature }) => this.#seen.get(path) === signature)
      this.#seen = new Map(changed.map(({ path, signature }) => [path, signature]))
      const there = new Set(locations.map(({ path }) => path))
      const isUnread = (path: string) => unread.some((folder) => path === folder || path.startsWith(`${folder}/`))
      const gone = [...this.#known.keys()].filter((path) => !there.has(path) && !isUnread(path))
      for (const path of gone) {
        if (this.#known.get(path)!.descriptions.length > 0)
          this.#options.system.logger.info({ plugin: path }, 'a plugin was removed: tasks that run with it go on until they are restarted')
        this.#known.delete(path)
      }
      if (settled.length > 0 || gone.length > 0) await this.#load(settled)
    } catch (error) {
      this.#options.system.logger.warn({ err: error }, 'plugin.path could not be read; it is read again')
    } finally {
      this.#looking = false
    }
  }

  /** Loads these, and makes all that are known the plugins of the worker. Returns why some were left out. */
  async #load(locations: readonly PluginLocation[]): Promise<string[]> {
    const leftOut = (await Promise.all(locations.map((location) => this.#loadOne(location)))).filter((reason) => reason !== null)
    if (this.#closed) return leftOut
    const { plugins, call } = this.#options
    const before = new Set(plugins.list(false).map(idOf))
    // By the paths, so that the same one counts after every start.
    const known = [...this.#known].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, { descriptions }]) => descriptions)
    plugins.setPathPlugins(declarationsOf(known, call))
    this.#warnOfDuplicates(known)
    const added = plugins.list(false).filter((plugin) => !before.has(idOf(plugin)))
    if (added.length > 0) this.#options.system.logger.info({ plugins: [...new Set(added.map(idOf))] }, 'plugins of plugin.path were added')
    return leftOut
  }

  async #loadOne({ path, module, version, signature, problem }: PluginLocation): Promise<string | null> {
    const { scan, system } = this.#options
    let descriptions: readonly PluginDescription[] = []
    let reason = problem
    if (module !== null) {
      try {
        descriptions = await scan({ module, version, location: path })
      } catch (error) {
        reason = (error as Error).message
        system.logger.debug({ err: error, plugin: path }, 'a plugin could not be loaded')
      }
    }
    this.#known.set(path, { signature, descriptions })
    if (reason === null) return null
    const sentence = `the plugin ${path} is left out: ${reason}`
    system.logger.warn({ plugin: path }, sentence)
    return sentence
  }

  #warnOfDuplicates(known: readonly PluginDescription[]): void {
    const places = new Map<string, string[]>()
    for (const description of known) {
      for (const id of idsOf(description)) places.set(id, [...(places.get(id) ?? []), description.origin.location ?? ''])
    }
    const duplicates = [...places].filter(([, where]) => new Set(where).size > 1)
    for (const [id, where] of duplicates)
      if (!this.#warned.has(id))
        this.#options.system.logger.warn(
          { plugin: id, where },
          `${id} is in plugin.path more than once: the first is used; remove the others`,
        )
    this.#warned = new Set(duplicates.map(([id]) => id))
  }
}

const idOf = ({ class: name, version }: Pick<PluginInfo, 'class' | 'version'>): string => `${name} ${version}`

function idsOf(description: PluginDescription): string[] {
  const version = (description.plain.version as string | undefined) ?? description.origin.version
  const classes =
    description.kind === 'connector'
      ? Object.values(description.sides).map((side) => side.plain.class as string)
      : [description.plain.class as string]
  return classes.map((name) => idOf({ class: name, version }))
}

/** Loads the plugins of the worker's plugin.path. Throws where `plugin.discovery` is hybrid_fail and something was left out. */
export async function openPathPlugins(
  plugins: Plugins,
  config: WorkerConfig,
  options: Pick<PluginIsolationOptions, 'properties' | 'systemProperties' | 'workerId' | 'system'>,
): Promise<{ isolation: PluginIsolation; pathPlugins: PathPlugins }> {
  const isolation = new PluginIsolation({ ...options, plugins, defaults: defaultConverters(config) })
  const { call } = isolation
  const folders = config['plugin.path'].filter((folder) => folder !== '').map((folder) => resolve(folder))
  const pathPlugins = new PathPlugins({ folders, plugins, scan: (module) => isolation.scan(module), call, system: options.system })
  const leftOut = await pathPlugins.start()
  if (leftOut.length > 0 && config['plugin.discovery'] === 'hybrid_fail') {
    pathPlugins.close()
    throw new Error(`plugin.discovery is hybrid_fail, and not everything in plugin.path can be loaded:\n${leftOut.join('\n')}`)
  }
  return { isolation, pathPlugins }
}
