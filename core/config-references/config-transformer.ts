/**
 * Replaces the references in the values of a config with what its providers have, as Kafka's ConfigTransformer: a reference whose provider,
 * path or key is unknown stays as it is written, and values are not searched for further references. Each path is read once for a config,
 * and anew for the next.
 */
import type { Clock } from '../system/clock.ts'
import { within } from '../system/within.ts'
import { type ConfigProvider, ConfigProviderError } from './config-provider.ts'
import { type Redact, redaction } from './redaction.ts'
import { hasReference, referencesIn, replaceReferences } from './reference.ts'

type Config = Readonly<Record<string, string>>

export interface ResolvedConfig {
  /** It has secrets: it is handed to what it configures, and neither stored nor shown. */
  readonly config: Config
  /** Removes the secrets from a text. */
  readonly redact: Redact
  /** Whether a reference was replaced. */
  readonly hasSecrets: boolean
  /** By each secret, the reference that stands for it: what `redact` goes by, in another thread. */
  readonly secrets: ReadonlyMap<string, string>
}

/** The files and folders that one config refers to. */
const MAX_PATHS = 1_000
/** The characters that all references of one config stand for. */
const MAX_RESOLVED_CHARS = 4 * 1_048_576
/** Disks of a network may not answer. */
const TIMEOUT_MS = 10_000

const nothingReplaced = (config: Config): ResolvedConfig => ({ config, redact: (text) => text, hasSecrets: false, secrets: new Map() })

/** The names of the settings that have a reference, to any provider. */
export const referringNames = (config: Config): string[] =>
  Object.entries(config).flatMap(([name, value]) => (hasReference(value) ? [name] : []))

/**
 * `resolved` as it may be stored: settings that are written with a reference in `raw` are written so again, as Kafka Connect stores the
 * configs of tasks.
 */
export function withReferences(resolved: Config, raw: Config): Config {
  const referring = referringNames(raw).filter((name) => Object.hasOwn(resolved, name))
  return { ...resolved, ...Object.fromEntries(referring.map((name) => [name, raw[name]!])) }
}

export class ConfigTransformer {
  readonly #providers: ReadonlyMap<string, ConfigProvider>
  readonly #clock: Clock

  constructor(providers: ReadonlyMap<string, ConfigProvider>, clock: Clock) {
    this.#providers = providers
    this.#clock = clock
  }

  /** @throws ConfigProviderError where a path cannot be read; its message has no secret. */
  async transform(config: Config): Promise<ResolvedConfig> {
    if (this.#providers.size === 0) return nothingReplaced(config)
    const wanted = this.#wanted(config)
    if (wanted.size === 0) return nothingReplaced(config)
    const lookups = this.#look(wanted)
    if (!(await within(this.#clock, TIMEOUT_MS, lookups)))
      throw new ConfigProviderError(`The references of a config were not resolved within ${TIMEOUT_MS} ms: check that the disk responds`)
    return replaceAll(config, await lookups)
  }

  /** The keys by provider and path. */
  #wanted(config: Config): Lookups<Set<string>> {
    const wanted: Lookups<Set<string>> = new Map()
    let paths = 0
    for (const value of Object.values(config)) {
      for (const { provider, path, key } of referencesIn(value)) {
        if (!this.#providers.has(provider)) continue
        const byPath = wanted.get(provider) ?? new Map<string, Set<string>>()
        wanted.set(provider, byPath)
        const keys = byPath.get(path) ?? new Set<string>()
        if (!byPath.has(path) && ++paths > MAX_PATHS)
          throw new ConfigProviderError(`A config must not refer to more than ${MAX_PATHS} files and folders`)
        byPath.set(path, keys.add(key))
      }
    }
    return wanted
  }

  async #look(wanted: Lookups<Set<string>>): Promise<Lookups<ReadonlyMap<string, string>>> {
    const found: Lookups<ReadonlyMap<string, string>> = new Map()
    for (const [name, byPath] of wanted) {
      const values = new Map<string, ReadonlyMap<string, string>>()
      found.set(name, values)
      for (const [path, keys] of byPath) values.set(path, await this.#providers.get(name)!.get(path, keys))
    }
    return found
  }
}

/** By the name of the provider, then by the path. */
type Lookups<T> = Map<string, Map<string, T>>

function replaceAll(config: Config, found: Lookups<ReadonlyMap<string, string>>): ResolvedConfig {
  let chars = 0
  const shown = new Map<string, string>()
  const entries = Object.entries(config).map(([name, value]) => {
    const replaced = replaceReferences(value, ({ provider, path, key, start, end }) => {
      const secret = found.get(provider)?.get(path)?.get(key)
      if (secret === undefined) return undefined
      chars += secret.length
      if (chars > MAX_RESOLVED_CHARS)
        throw new ConfigProviderError(`The references of a config must not stand for more than ${MAX_RESOLVED_CHARS} characters`)
      shown.set(secret, value.slice(start, end))
      return secret
    })
    return [name, replaced] as const
  })
  return { config: Object.fromEntries(entries), redact: redaction(shown), hasSecrets: shown.size > 0, secrets: shown }
}
