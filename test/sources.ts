/**
 * The sources of the house as text, for the tests that check rules of docs/ARCHITECTURE.md and docs/STYLE.md: paths from the root,
 * contents, and who imports whom.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '..')
const rooms = ['core', 'connect', 'connectors', 'mirror', 'registry', 'api', 'bin', 'bench']

export interface Import {
  target: string
  /** Nothing is loaded at run time. */
  typeOnly: boolean
}

export const read = (file: string): string => readFileSync(join(root, file), 'utf8')
export const exists = (path: string): boolean => existsSync(join(root, path))

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
    .sort()
}

/** Imports and re-exports of the project's own files. */
export function importsOf(file: string, text: string): Import[] {
  const found: Import[] = []
  const statement = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?from\s+)?'(\.[^']+)'/gm
  for (const match of text.matchAll(statement)) {
    const names = match[0].match(/\{([^}]*)\}/)?.[1]
    const allTypes =
      names !== undefined && names.trim() !== '' && names.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type '))
    found.push({ target: relative(root, resolve(root, dirname(file), match[2]!)), typeOnly: Boolean(match[1]) || allTypes })
  }
  for (const match of text.matchAll(/\bimport\(\s*'(\.[^']+)'\s*\)/g))
    found.push({ target: relative(root, resolve(root, dirname(file), match[1]!)), typeOnly: false })
  return found
}

export const sourceFiles: readonly string[] = rooms.flatMap(filesIn)
export const testFiles: readonly string[] = filesIn('test')

/** Contents of the source files by path. */
export const sourceTexts: ReadonlyMap<string, string> = new Map(sourceFiles.map((file) => [file, read(file)]))
