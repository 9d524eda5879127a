/**
 * Plugins of one kind by every name: the class, the class without its package, that without its suffix, and aliases. A class may have
 * several versions; without a range it is the newest, as in Kafka Connect.
 */
import { originOf } from './origins.ts'
import { compareVersions, type VersionRange } from './version-range.ts'

export interface PluginNames {
  class: string
  aliases?: readonly string[] | undefined
}

const byClass = (a: PluginNames, b: PluginNames) => (a.class < b.class ? -1 : a.class > b.class ? 1 : 0)

/** The names of a class: `a.b.FileStreamSourceConnector` is also `FileStreamSourceConnector` and `FileStreamSource`. */
function namesOf(plugin: PluginNames, suffix: string): string[] {
  const simple = plugin.class.slice(plugin.class.lastIndexOf('.') + 1)
  const short = simple.endsWith(suffix) && simple !== suffix ? simple.slice(0, -suffix.length) : simple
  return [plugin.class, simple, short, ...(plugin.aliases ?? [])]
}

/** Those of Kafka keep their short names: the worker brings classes of Debezium with the same names, which Kafka's own does not. */
const isOfKafka = (name: string | null): boolean => name?.startsWith('org.apache.kafka.') === true

export class PluginIndex<T extends PluginNames> {
  /** Every version: by class, the newest first. */
  readonly all: readonly T[]
  /** The newest version of each class. */
  readonly newest: readonly T[]
  /**
   * The class that a name stands for. A short name of two classes belongs to neither, unless one declares it or is Kafka's; a full
   * name always finds its class.
   */
  readonly #classes = new Map<string, string | null>()
  readonly #versions: ReadonlyMap<string, readonly T[]>
  readonly #versionOf: (plugin: T) => string

  /** Of two plugins with the same class and version the first counts. */
  constructor(plugins: readonly T[], suffix: string, versionOf: (plugin: T) => string = (plugin) => originOf(plugin).version) {
    this.#versionOf = versionOf
    const distinct = new Map<string, T>()
    for (const plugin of plugins) {
      const id = JSON.stringify([plugin.class, versionOf(plugin)])
      if (!distinct.has(id)) distinct.set(id, plugin)
    }
    this.all = [...distinct.values()].sort((a, b) => byClass(a, b) || compareVersions(versionOf(b), versionOf(a)))
    this.#versions = Map.groupBy(this.all, (plugin) => plugin.class)
    this.newest = [...this.#versions.values()].map((versions) => versions[0]!)
    for (const plugin of this.all) {
      for (const name of new Set(namesOf(plugin, suffix).slice(1))) {
        const other = this.#classes.get(name)
        if (other === undefined || other === plugin.class) this.#classes.set(name, plugin.class)
        else if (!isOfKafka(other)) this.#classes.set(name, isOfKafka(plugin.class) ? plugin.class : null)
        else if (isOfKafka(plugin.class)) this.#classes.set(name, null)
      }
    }
    // What a plugin declares goes before what follows from the name of a class: two connectors may both end as a third is called.
    for (const plugin of this.all) for (const alias of plugin.aliases ?? []) this.#classes.set(alias, plugin.class)
    for (const plugin of this.all) this.#classes.set(plugin.class, plugin.class)
  }

  /** The newest version in `range`. */
  find(name: string, range: VersionRange | null = null): T | undefined {
    return this.versions(name).find((plugin) => range === null || range.contains(this.#versionOf(plugin)))
  }

  /** The newest first. */
  versions(name: string): readonly T[] {
    const known = this.#classes.get(name.trim())
    return (known && this.#versions.get(known)) || []
  }
}
