/**
 * Where a declaration comes from: its version, the module that has it, and the folder or file in `plugin.path`. Nothing of it is in the
 * declaration itself, which is the author's.
 */
import { version as ownVersion } from '../../core/system/version.ts'

export interface PluginOrigin {
  readonly version: string
  /** The URL of the module; null where it is in the program that started the worker. */
  readonly module: string | null
  /** The folder or file in plugin.path; null for what comes with the worker. */
  readonly location: string | null
}

const ours: PluginOrigin = { version: ownVersion, module: null, location: null }
const origins = new WeakMap<object, PluginOrigin>()

export function setOrigin(declaration: object, origin: PluginOrigin): void {
  origins.set(declaration, origin)
}

export const originOf = (declaration: object): PluginOrigin => origins.get(declaration) ?? ours
