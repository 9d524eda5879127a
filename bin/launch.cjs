/**
 * Started by `bin/tributary`: refuses a Node that is too old for the rest, turns the compile cache on, and loads the command line. Plain
 * old JavaScript, so that every Node can run it.
 */
const { existsSync } = require('node:fs')
const { join, sep } = require('node:path')
const { enableCompileCache, registerHooks } = require('node:module')
const { pathToFileURL } = require('node:url')

const root = join(__dirname, '..')
const needed = 24

if (Number(process.versions.node.split('.')[0]) < needed) {
  console.error(
    `tributary: Node.js ${needed} or newer is needed; this is ${process.version} (${process.execPath}).\n` +
      `Run "npm ci" in ${root}, which brings one, or install Node.js ${needed}.`,
  )
  process.exit(1)
}

// Not the shared cache folder: who can write into that one could run code here.
enableCompileCache(join(root, 'node_modules', '.cache', 'tributary'))
const source = join(root, 'bin', 'tributary.ts')
const built = join(root, 'dist', 'bin', 'tributary.js')
// Node does not strip types under node_modules, so an installed package runs its build; elsewhere the source runs, even if there is a build.
const isInstalled = root.split(sep).includes('node_modules') || !existsSync(source)
const entry = isInstalled && existsSync(built) ? built : source

// Each command loads hundreds of our own modules. They name each other by whole relative paths, so that the searches of Node's resolution,
// which take a fifth of the start, find nothing more.
const ownFolder = pathToFileURL(join(entry, '..', '..')).href
const formats = { '.ts': 'module-typescript', '.js': 'module' }
registerHooks({
  resolve(specifier, context, next) {
    const { parentURL } = context
    const format = specifier.startsWith('.') ? formats[specifier.slice(-3)] : undefined
    if (format === undefined || !parentURL?.startsWith(ownFolder) || parentURL.includes('/node_modules/', ownFolder.length))
      return next(specifier, context)
    return { url: new URL(specifier, parentURL).href, format, shortCircuit: true }
  },
})
import(pathToFileURL(entry).href)
