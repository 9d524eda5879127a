/**
 * Finds declarations: the default exports of the modules in a folder. Declarations that are found this way are never listed by hand.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A declaration, and the URL of the module that has it. */
export interface Found<T> {
  declaration: T
  module: string
}

/** The default exports of `folder`'s modules whose file name matches `pattern`, in the order of their names. */
export async function scanModules<T>(folder: string, pattern: RegExp): Promise<Found<T>[]> {
  const names = (await readdir(folder)).filter((name) => pattern.test(name) && /\.(ts|js)$/.test(name) && !name.endsWith('.d.ts')).sort()
  return await Promise.all(
    names.map(async (name) => {
      const module = pathToFileURL(join(folder, name)).href
      const { default: declaration } = (await import(module)) as { default?: T }
      if (declaration === undefined) throw new Error(`${join(folder, name)} has no default export`)
      return { declaration, module }
    }),
  )
}

/** As `scanModules`, of the files `<folder>/<any subfolder>/<file>`, in the order of the subfolders' names. */
export async function scanFolderModules<T>(folder: string, file: string): Promise<Found<T>[]> {
  const entries = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const found: Found<T>[] = []
  for (const entry of entries) found.push(...(await scanModules<T>(join(folder, entry.name), new RegExp(`^${file}\\.(ts|js)$`))))
  return found
}

const declarationOf = <T>({ declaration }: Found<T>): T => declaration

export const scan = async <T>(folder: string, pattern: RegExp): Promise<T[]> => (await scanModules<T>(folder, pattern)).map(declarationOf)

export const scanFolders = async <T>(folder: string, file: string): Promise<T[]> =>
  (await scanFolderModules<T>(folder, file)).map(declarationOf)
