/**
 * What `bin/tributary` starts: says what is missing where Node is too old to read the rest, turns the compile cache on, and goes on with the
 * command line. Plain JavaScript of an old kind, so that every Node can read it.
 */
const { existsSync } = require('node:fs')
const { join, sep } = require('node:path')
const { pathToFileURL } = require('node:url')

const root = join(__dirname, '..')
const needed = 24

if (Number(process.versions.node.split('.')[0]) < needed) {
  console.error(
    `tributary: Node.js ${needed} or newer is needed, and this is ${process.version} (${process.execPath}).\n` +
      `Run "npm ci" in ${root}, which brings one, or install Node.js ${needed}.`,
  )
  process.exit(1)
}

// a cache of our own: whoever can write into a shared one decides what runs here
require('node:module').enableCompileCache(join(root, 'node_modules', '.cache', 'tributary'))
const source = join(root, 'bin', 'tributary.ts')
const built = join(root, 'dist', 'bin', 'tributary.js')
// Node takes no types out of what lies under node_modules; elsewhere the source is what counts, however old a build lies beside it
const isInstalled = root.split(sep).includes('node_modules') || !existsSync(source)
import(pathToFileURL(isInstalled && existsSync(built) ? built : source).href)
