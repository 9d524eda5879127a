/**
 * What would change on a worker if a folder of connector files were applied to it. Pure.
 */
import { HIDDEN } from '../sdk/index.ts'
import type { ConnectorConfig } from '../types.ts'

export interface SettingChange {
  setting: string
  /** Null where the setting is added. */
  from: string | null
  /** Null where the setting is removed. */
  to: string | null
}

export interface ConnectorChange {
  name: string
  /** `delete`: the worker has it and the folder has not. */
  change: 'create' | 'update' | 'delete' | 'none'
  settings: SettingChange[]
}

export interface FolderDiffOptions {
  /** Whether connectors that the folder has not are to be deleted. */
  prune: boolean
  /** Whether the value of a setting must not be shown. */
  isSecret(config: ConnectorConfig, setting: string): boolean
}

/** Sorted by name. */
export function folderDiff(
  folder: ReadonlyMap<string, ConnectorConfig>,
  worker: ReadonlyMap<string, ConnectorConfig>,
  { prune, isSecret }: FolderDiffOptions,
): ConnectorChange[] {
  const names = [...new Set([...folder.keys(), ...(prune ? worker.keys() : [])])].sort()
  return names.map((name) => {
    const [from, to] = [worker.get(name), folder.get(name)]
    if (to === undefined) return { name, change: 'delete', settings: [] }
    const settings = settingChanges(from ?? {}, to, isSecret)
    return { name, change: from === undefined ? 'create' : settings.length > 0 ? 'update' : 'none', settings }
  })
}

function settingChanges(from: ConnectorConfig, to: ConnectorConfig, isSecret: FolderDiffOptions['isSecret']): SettingChange[] {
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort()
  return names.flatMap((setting) => {
    const [before, after] = [from[setting] ?? null, to[setting] ?? null]
    if (before === after) return []
    // Of each value by itself: a secret that a reference replaces is still a secret.
    const shown = (value: string | null) => (value === null || !isSecret({ ...to, [setting]: value }, setting) ? value : HIDDEN)
    return [{ setting, from: shown(before), to: shown(after) }]
  })
}
