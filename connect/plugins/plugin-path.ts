/**
 * What lies in the folders of `plugin.path`: packages (folders with a package.json) and single modules. It reads names and package.json
 * files and runs nothing. A folder of the path may be a package itself, or a node_modules folder with scopes.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Disk } from '../../core/system/disk.ts'
import { UNDEFINED_VERSION } from './version-range.ts'

/** A plugin path has at most so many plugins, and a package at most so many files that are looked at (Invariant 13). */
const MAX_LOCATIONS = 500
const MAX_FILES = 200
const MAX_DEPTH = 6
const MAX_MANIFEST_BYTES = 1024 * 1024

export interface PluginLocation {
  /** The folder or file. */
  readonly path: string
  /** The URL of its module; null where there is none. */
  readonly module: string | null
  /** That of its package.json. */
  readonly version: string
  /** Changes when its files change. */
  readonly signature: string
  /** Why it has no module, and what to do. */
  readonly problem: string | null
}

const isModule = (name: string) => /\.(js|mjs|cjs|ts|mts|cts)$/.test(name) && !/\.(d|test|spec)\.[cm]?[jt]s$/.test(name)
const isHidden = (name: string) => name.startsWith('.')

export interface PluginPath {
  readonly locations: readonly PluginLocation[]
  /** What of the path itself is wrong. */
  readonly problems: readonly string[]
  /** What could not be read this time: what it had may still be there. */
  readonly unread: readonly string[]
}

/** `folders` are those of the setting. */
export async function readPluginPath(disk: Disk, folders: readonly string[]): Promise<PluginPath> {
  const locations: PluginLocation[] = []
  const problems: string[] = []
  const unread: string[] = []
  for (const folder of folders) {
    try {
      const kind = await disk.kindOf(folder)
      if (kind === 'folder') locations.push(...(await locationsIn(disk, folder, unread)))
      else
        problems.push(
          `${folder} of plugin.path ${kind === null ? 'does not exist: create it' : 'is no folder: name the one that it is in'}`,
        )
    } catch (error) {
      unread.push(folder)
      problems.push(`the folder ${folder} of plugin.path cannot be read: ${(error as Error).message}`)
    }
  }
  const distinct = [...new Map(locations.map((location) => [location.path, location])).values()]
  if (distinct.length > MAX_LOCATIONS)
    problems.push(`plugin.path has ${distinct.length} plugins: the first ${MAX_LOCATIONS} are used; remove some`)
  return { locations: distinct.slice(0, MAX_LOCATIONS), problems, unread }
}

/** What lies at one path: a module, a package, or a folder of either. */
export async function pluginLocations(disk: Disk, path: string): Promise<readonly PluginLocation[]> {
  return (await disk.kindOf(path)) === 'file' ? [moduleAt(disk, path)] : await locationsIn(disk, path, [])
}

async function locationsIn(disk: Disk, folder: string, unread: string[]): Promise<PluginLocation[]> {
  if (disk.exists(join(folder, 'package.json'))) return [await packageIn(disk, folder)]
  const locations: PluginLocation[] = []
  for (const name of disk
    .list(folder)
    .map((entry) => entry.name)
    .sort()) {
    const path = join(folder, name)
    if (isHidden(name) || name === 'node_modules') continue
    try {
      const kind = await disk.kindOf(path)
      // A pipe or a device would keep its reader waiting, and a dangling link has nothing.
      if (kind === 'file' && isModule(name)) locations.push(moduleAt(disk, path))
      else if (kind === 'folder' && name.startsWith('@')) locations.push(...(await locationsIn(disk, path, unread)))
      else if (kind === 'folder') locations.push(await packageIn(disk, path))
      else if (kind === null && isModule(name) && disk.names(folder)?.includes(name))
        locations.push(without(path, 'it is a link to a file that does not exist: correct or remove it'))
    } catch (error) {
      // The other entries are there all the same.
      unread.push(path)
      locations.push(without(path, `it cannot be read: ${(error as Error).message}`))
    }
  }
  return locations
}

/** It has no module, for this reason. */
const without = (path: string, problem: string, signature = problem): PluginLocation => ({
  path,
  module: null,
  version: UNDEFINED_VERSION,
  signature,
  problem,
})

function moduleAt(disk: Disk, path: string): PluginLocation {
  const stat = disk.stat(path)
  return {
    path,
    module: pathToFileURL(path).href,
    version: UNDEFINED_VERSION,
    signature: `${stat?.bytes} ${stat?.modifiedMs}`,
    problem: null,
  }
}

async function packageIn(disk: Disk, path: string): Promise<PluginLocation> {
  const signature = signatureOf(disk, path)
  const none = (problem: string) => without(path, problem, signature)
  const bytes = disk.stat(join(path, 'package.json'))?.bytes ?? null
  if (bytes === null) return none('it has no package.json: add one with name, version and exports')
  if (bytes > MAX_MANIFEST_BYTES) return none(`its package.json is larger than ${MAX_MANIFEST_BYTES} bytes`)
  let manifest: { version?: unknown; main?: unknown; exports?: unknown }
  try {
    manifest = JSON.parse(disk.readFile(join(path, 'package.json'))?.toString('utf8') ?? '')
  } catch (error) {
    return none(`its package.json is not JSON: ${(error as Error).message}`)
  }
  if (typeof manifest !== 'object' || manifest === null) return none('its package.json is no object')
  const named = exportedBy(manifest.exports) ?? (typeof manifest.main === 'string' ? manifest.main : 'index.js')
  const candidates = [
    named,
    `${named}.js`,
    join(named, 'index.js'),
    ...(manifest.main || manifest.exports ? [] : ['index.mjs', 'index.ts']),
  ]
  let file: string | undefined
  for (const name of candidates) if (file === undefined && (await disk.kindOf(join(path, name))) === 'file') file = join(path, name)
  if (file === undefined)
    return none(`its package.json leads to ${named}, which does not exist: build the package, or correct exports or main`)
  const version = typeof manifest.version === 'string' && manifest.version.trim() !== '' ? manifest.version.trim() : UNDEFINED_VERSION
  return { path, module: pathToFileURL(file).href, version, signature, problem: null }
}

const conditions = ['tributary', 'node', 'import', 'module-sync', 'default', 'require']

/** The main entry of `exports`, by the conditions of Node in their order. */
function exportedBy(exports: unknown): string | null {
  if (typeof exports === 'string') return exports
  if (Array.isArray(exports)) return exports.map(exportedBy).find((found) => found !== null) ?? null
  if (typeof exports !== 'object' || exports === null) return null
  if (Object.hasOwn(exports, '.')) return exportedBy((exports as Record<string, unknown>)['.'])
  for (const [condition, target] of Object.entries(exports)) {
    if (!conditions.includes(condition)) continue
    const found = exportedBy(target)
    if (found !== null) return found
  }
  return null
}

/** Of its own files, without those of its dependencies. */
function signatureOf(disk: Disk, folder: string): string {
  const parts: string[] = []
  const walk = (path: string, depth: number) => {
    if (depth > MAX_DEPTH) return
    for (const { name, folder: isFolder } of disk.list(path)) {
      if (isHidden(name) || name === 'node_modules') continue
      if (parts.length >= MAX_FILES) return
      if (isFolder) walk(join(path, name), depth + 1)
      else {
        const stat = disk.stat(join(path, name))
        parts.push(`${join(path, name)} ${stat?.bytes} ${stat?.modifiedMs}`)
      }
    }
  }
  walk(folder, 0)
  return parts.sort().join('\n')
}
