/**
 * What kind of plugin a declaration is: `define…` says it, so that a module may export declarations of all kinds. It is kept in the
 * declaration under a symbol that every copy of the SDK shares.
 */
export type PluginKind = 'connector' | 'source' | 'sink' | 'flow' | 'converter' | 'transformation' | 'predicate'

const KIND = Symbol.for('tributary.plugin.kind')

/** Returns the declaration itself. */
export function declared<T extends object>(kind: PluginKind, declaration: T): T {
  Object.defineProperty(declaration, KIND, { value: kind, configurable: true })
  return declaration
}

/** Undefined for what no `define…` has made. */
export const kindOf = (declaration: unknown): PluginKind | undefined =>
  typeof declaration === 'object' && declaration !== null ? (Reflect.get(declaration, KIND) as PluginKind | undefined) : undefined
