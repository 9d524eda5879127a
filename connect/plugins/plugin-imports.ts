/**
 * The names by which plugins and their tests import this worker's SDK and contract, wherever they lie: loading this file makes Node find
 * them, also by `node --import`. There is one copy of the SDK in a process, so that its errors are known by their classes.
 */
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const indexOf = (folder: string): string => new URL(`../${folder}/index.${extension}`, import.meta.url).href
const sdk = indexOf('sdk')

const urls: ReadonlyMap<string, string> = new Map([
  ['tributary/connect/sdk', sdk],
  ['tributary/sdk', sdk],
  ['tributary/connect/contract', indexOf('contract')],
])

registerHooks({
  resolve: (specifier, context, next) => {
    const url = urls.get(specifier)
    return url === undefined ? next(specifier, context) : { url, shortCircuit: true }
  },
})

/** For `node --import`. */
export const PLUGIN_IMPORTS_FILE = fileURLToPath(import.meta.url)
