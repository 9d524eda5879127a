/** The version of this package, from its package.json: one folder up from here, or two where this runs compiled. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from './user-error.ts'

export async function packageVersion(): Promise<string> {
  for (const up of ['..', '../..']) {
    const text = await readFile(join(import.meta.dirname, up, 'package.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (text !== undefined) return (JSON.parse(text) as { version: string }).version
  }
  throw new UserError('package.json is missing beside the program: install Tributary anew.')
}
