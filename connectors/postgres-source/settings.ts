/**
 * The settings of the Postgres source, by Debezium's names: those of the connection, the slot and the stream, of the mapping, of snapshots
 * and of signals. Combinations that cannot work are problems before a task starts.
 */
import type { ConfigOf, SettingProblem } from '../../connect/sdk/index.ts'
import { connectionSettings } from './connection-settings.ts'
import { checkMapping, mappingSettings } from './mapping-settings.ts'
import { signalProblems, signalSettings } from './signal-settings.ts'
import { snapshotSettings } from './snapshot-settings.ts'
import { streamProblems, streamSettings } from './stream-settings.ts'

export const settings = {
  ...connectionSettings,
  ...mappingSettings,
  ...streamSettings,
  ...snapshotSettings,
  ...signalSettings,
}

export type PostgresSourceConfig = ConfigOf<typeof settings>

/** Checks that concern several settings. */
export function check(config: PostgresSourceConfig): SettingProblem[] {
  return [...checkMapping(config), ...streamProblems(config), ...signalProblems(config)]
}
