/**
 * Loads modules of plugins, with this worker's SDK. It runs their code: the worker calls it in threads only, a command that somebody tries
 * a plugin with may call it in its own process.
 */
import './plugin-imports.ts'
import { resolve } from 'node:path'
import type { System } from '../../core/system/index.ts'
import type { PluginOrigin } from './origins.ts'
import { joined, type PluginSet, pluginsIn } from './plugin-module.ts'
import { readPluginPath } from './plugin-path.ts'

/** A module to load, with the origin that its plugins get. */
export type ModuleOrigin = PluginOrigin & { readonly module: string }

/** @throws NotAPlugin, and whatever the module throws. */
export async function loadPlugins(origin: ModuleOrigin): Promise<PluginSet> {
  const { default: exported } = (await import(origin.module)) as { default?: unknown }
  return pluginsIn(exported, origin)
}

/** All plugins of a plugin.path. What cannot be loaded is left out, and the log says why. */
export async function loadPluginPath(folders: readonly string[], { disk, logger }: Pick<System, 'disk' | 'logger'>): Promise<PluginSet> {
  const { locations, problems } = await readPluginPath(
    disk,
    folders.map((folder) => resolve(folder)),
  )
  for (const problem of problems) logger.warn({}, problem)
  const sets: PluginSet[] = []
  for (const { path, module, version, problem } of locations) {
    try {
      if (module !== null) sets.push(await loadPlugins({ module, version, location: path }))
      else logger.warn({ plugin: path }, `the plugin ${path} is left out: ${problem}`)
    } catch (error) {
      logger.warn({ plugin: path, err: error }, `the plugin ${path} is left out: ${(error as Error).message}`)
    }
  }
  return joined(...sets)
}
