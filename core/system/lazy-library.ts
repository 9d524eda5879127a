/**
 * A library that is loaded at its first use: most processes never need it, and loading takes time and memory.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** `T` is the type of the module: `lazyLibrary<typeof import('x')>('x')`. */
export function lazyLibrary<T>(name: string): () => T {
  let loaded: T | undefined
  return () => {
    loaded ??= require(name) as T
    return loaded
  }
}
