/**
 * The log directories of a node as `kafka-storage` looks at them, before a broker has them open: which are formatted, and for which node of
 * which cluster.
 */
import { join, resolve } from 'node:path'
import { parseProperties } from '../log/checkpoint.ts'
import type { BrokerSettings } from '../settings.ts'
import type { Disk } from '../system/disk.ts'

export const META_FILE = 'meta.properties'

/** All directories of `settings`, sorted. */
export function logDirectories(settings: BrokerSettings): string[] {
  const metadataDir = settings.values['metadata.log.dir']
  return [...new Set([...settings.dataDirs, ...(metadataDir === null ? [] : [metadataDir])].map((path) => resolve(path)))].sort()
}

export const metadataDirectory = (settings: BrokerSettings): string => resolve(settings.values['metadata.log.dir'] ?? settings.dataDirs[0]!)

/** Null where the directory is not formatted. */
export function metaProperties(disk: Disk, directory: string): ReadonlyMap<string, string> | null {
  const text = disk.readFile(join(directory, META_FILE))?.toString('utf8')
  return text === undefined ? null : parseProperties(text)
}

export interface StorageInfo {
  readonly lines: readonly string[]
  readonly hasProblems: boolean
}

/** What `kafka-storage info` prints. */
export function storageInfo(settings: BrokerSettings, disk: Disk): StorageInfo {
  const found: string[] = []
  const problems: string[] = []
  let first: ReadonlyMap<string, string> | null = null
  for (const directory of logDirectories(settings)) {
    if (!disk.exists(directory)) {
      problems.push(`${directory} does not exist`)
      continue
    }
    found.push(directory)
    const properties = metaProperties(disk, directory)
    if (properties === null) problems.push(`${directory} is not formatted.`)
    else if (first === null) first = properties
    else if (first.get('cluster.id') !== properties.get('cluster.id')) problems.push('Mismatched cluster IDs between storage directories.')
    else if (first.get('node.id') !== properties.get('node.id')) problems.push('Mismatched node IDs between storage directories.')
  }
  const lines: string[] = []
  const section = (title: string, items: readonly string[]) =>
    items.length > 0 &&
    lines.push(
      items.length === 1
        ? `${title}:`
        : title
            .replace(/y$/, 'ies')
            .replace(/problem$/, 'problems')
            .concat(':'),
      ...items.map((item) => `  ${item}`),
      '',
    )
  section('Found log directory', found)
  if (first !== null) {
    const sorted = [...first].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${value}`)
    lines.push(`Found metadata: {${sorted.join(', ')}}`, '')
  }
  section('Found problem', problems)
  return { lines, hasProblems: problems.length > 0 }
}
