/**
 * Removes the `engines` of optional packages from package-lock.json: `node test/lock.ts` after `npm install`. npm leaves an optional
 * package out whose `engines` exclude the Node that runs npm; ours run on the Node that npm installs, so the binaries of kafka-crab-js must
 * be installed.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Lock {
  packages: Record<string, { optional?: boolean; devOptional?: boolean; engines?: unknown; resolved?: string }>
}

const path = join(import.meta.dirname, '../package-lock.json')
export const readLock = (): Lock => JSON.parse(readFileSync(path, 'utf8'))

/** Packages that npm may leave out though our Node can run them. */
export const leftOut = (lock: Lock): string[] =>
  Object.entries(lock.packages)
    .filter(([name, entry]) => name.includes('kafka-crab-js-') && entry.engines !== undefined)
    .map(([name]) => name)

if (import.meta.main) {
  const lock = readLock()
  for (const name of leftOut(lock)) delete lock.packages[name]!.engines
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
}
