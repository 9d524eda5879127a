/**
 * Finds declarations: the default exports of the modules in a folder. Declarations that are found this way are never listed by hand.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The default exports of `folder`'s modules whose file name matches `pattern`, in the order of their names. */
export async function scan<T>(folder: string, pattern: RegExp): Promise<T[]> {
  const names = (await readdir(folder)).filter((name) => pattern.test(name) && /\.(ts|js)$/.test(name) && !name.endsWith('.d.ts')).sort()
  const modules = await Promise.all(names.map((name) => import(pathToFileURL(join(folder, name)).href) as Promise<{ default?: T }>))
  return modules.map((module, index) => {
    if (module.default === undefined) throw new Error(`${join(folder, names[index]!)} has no default export`)
    return module.default
  })
}

/** The default exports of `<folder>/<any subfolder>/<file>`, in the order of the subfolders' names. */
export async function scanFolders<T>(folder: string, file: string): Promise<T[]> {
  const entries = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const declarations: T[] = []
  for (const entry of entries) declarations.push(...(await scan<T>(join(folder, entry.name), new RegExp(`^${file}\\.(ts|js)$`))))
  return declarations
}
