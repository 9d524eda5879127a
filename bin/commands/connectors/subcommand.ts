/**
 * How a command under `tributary connectors` is declared, and what several of them share: connector files, a worker that is not started,
 * and output for scripts.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type OfflineWorker, openOfflineWorker, stringify } from '../../../connect/offline/index.ts'
import { javaSystemProperties } from '../../../core/security/sasl/java-system-properties.ts'
import type { System } from '../../../core/system/index.ts'
import { mirrorConnectors } from '../../../mirror/index.ts'
import { type Arguments, readPropertiesFile } from '../../arguments.ts'
import type { CommandContext } from '../../command.ts'
import { type ConnectorFile, readConnectorFile } from '../../connector-file.ts'
import { resolveReferences } from '../../references.ts'
import { UserError, wrongUsage } from '../../user-error.ts'
import { connectDefaults } from '../connect.ts'

export interface Subcommand {
  /** Resolves with the exit code: 0 done, 1 something is wrong or differs. */
  run(context: CommandContext): Promise<number>
}

export const defineSubcommand = (subcommand: Subcommand): Subcommand => subcommand

/** More files than a person writes by hand. */
export const MAX_FILES = 10_000

export interface NamedFile extends ConnectorFile {
  path: string
}

/** Hidden files are those of editors and of file systems. */
const isConnectorFile = (name: string): boolean => !name.startsWith('.') && /\.(json|properties)$/.test(name) && !/\.test\.json$/.test(name)

/** A file that cannot be used, and why. */
export interface UnusableFile {
  path: string
  reason: Error
}

/** The connectors of the files, and of the files in the folders. Throws where one cannot be read, or two of them have one name. */
export async function readConnectorFiles(paths: readonly string[], command: string): Promise<NamedFile[]> {
  const { files, unusable } = await readUsableFiles(paths, command)
  if (unusable.length > 0) throw unusable[0]!.reason
  return files
}

/** As readConnectorFiles, but what cannot be read, and the second of two with one name, keeps nothing from the others. */
export async function readUsableFiles(
  paths: readonly string[],
  command: string,
): Promise<{ files: NamedFile[]; unusable: UnusableFile[] }> {
  if (paths.length === 0) throw wrongUsage(`connectors ${command} needs a connector file.`, 'connectors')
  const files: NamedFile[] = []
  const unusable: UnusableFile[] = []
  const byName = new Map<string, string>()
  const found = await Promise.all(paths.map(async (path) => await filesIn(path).catch((reason: Error) => [{ path, reason }])))
  for (const path of found.flat()) {
    if (typeof path !== 'string') {
      unusable.push(path)
      continue
    }
    try {
      const connector = await readConnectorFile(path)
      const other = byName.get(connector.name)
      if (other !== undefined) throw new UserError(`${other} and ${path} both have the connector ${connector.name}. Rename one of them.`)
      byName.set(connector.name, path)
      files.push({ ...connector, path })
    } catch (reason) {
      unusable.push({ path, reason: reason as Error })
    }
  }
  if (files.length + unusable.length === 0) throw new UserError(`There are no connector files (.json, .properties) in ${paths.join(', ')}.`)
  return { files, unusable }
}

async function filesIn(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path]
  const entries = (await readdir(path, { withFileTypes: true })).filter((entry) => !entry.isDirectory() && isConnectorFile(entry.name))
  return entries.map(({ name }) => join(path, name)).sort()
}

/** The options that `offlineWorker` reads. */
export const workerOptions = ['worker', 'plugin-path'] as const

/** With the plugins and defaults of the worker's file of --worker, else of a worker without a file, and the plugins of --plugin-path. */
export async function offlineWorker({ options }: Arguments, system: System): Promise<OfflineWorker> {
  const ofWorker = options.worker === undefined ? connectDefaults : await readPropertiesFile(options.worker)
  const pluginPath = [ofWorker['plugin.path'], options['plugin-path']].filter((folders) => folders !== undefined).join(',')
  const file = pluginPath === '' ? ofWorker : { ...ofWorker, 'plugin.path': pluginPath }
  const systemProperties = javaSystemProperties(process.env.KAFKA_OPTS)
  return await openOfflineWorker(await resolveReferences(file, system), system, {
    connectors: mirrorConnectors(system, systemProperties),
    systemProperties,
    environment: process.env,
  })
}

/** The only argument of a command for one connector. */
export function connectorName([name]: readonly string[], command: string): string {
  if (name === undefined) throw wrongUsage(`connectors ${command} needs the name of a connector.`, 'connectors')
  return name
}

/** The whole number of an option, from 1 to `most`. */
export function numberOption({ options }: Arguments, name: string, fallback: number, most: number): number {
  const text = options[name]
  if (text === undefined) return fallback
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > most)
    throw wrongUsage(`--${name} needs a whole number, 1 to ${most}, not "${text}".`, 'connectors')
  return value
}

/** A command takes no longer than a day. */
export const MAX_TIMEOUT_S = 24 * 3600

export const printJson = (print: (line: string) => void, value: unknown): void => print(stringify(value, 2))
