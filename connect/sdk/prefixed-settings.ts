/** Settings that stand under a prefix (`key.converter.`, `transforms.<name>.`), without it. */
import type { ConnectorConfig } from '../types.ts'

export function settingsUnder(prefix: string, config: ConnectorConfig): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  )
}
