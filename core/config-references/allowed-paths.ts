/**
 * `allowed.paths` of Kafka's providers of files: what is not below one of them is not read, after `.` and `..` are resolved. Links are
 * followed, as in Kafka: secrets that an orchestrator mounts are links. Without the setting every path is allowed.
 */
import { isAbsolute, normalize, sep } from 'node:path'
import type { Disk } from '../system/disk.ts'
import { ConfigProviderError } from './config-provider.ts'

export const ALLOWED_PATHS = 'allowed.paths'

const withoutSlash = (path: string): string => (path.length > 1 && path.endsWith(sep) ? path.slice(0, -1) : path)

/** Java's split: empty items at the end do not count. */
const itemsOf = (list: string): string[] => list.replace(/,+$/, '').split(',')

export class AllowedPaths {
  readonly #allowed: readonly string[] | null

  private constructor(allowed: readonly string[] | null) {
    this.#allowed = allowed
  }

  /** @throws ConfigProviderError for a path that is not absolute or does not exist. */
  static async parse(setting: string | undefined, disk: Disk): Promise<AllowedPaths> {
    if (setting === undefined || setting === '') return new AllowedPaths(null)
    const allowed = /^,+$/.test(setting) ? [] : itemsOf(setting).map((item) => withoutSlash(item === '' ? '' : normalize(item)))
    for (const path of allowed) {
      if (!isAbsolute(path)) throw new ConfigProviderError(`Path ${path} is not absolute`)
      if ((await disk.kindOf(path)) === null) throw new ConfigProviderError(`Path ${path} does not exist`)
    }
    return new AllowedPaths(allowed)
  }

  /** The path to read, or null where it is not allowed. */
  parseUntrustedPath(path: string): string | null {
    if (this.#allowed === null) return path
    const normal = withoutSlash(normalize(path))
    const isBelow = (allowed: string) => normal === allowed || normal.startsWith(allowed === sep ? sep : allowed + sep)
    return this.#allowed.some(isBelow) ? normal : null
  }
}
