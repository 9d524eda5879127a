/**
 * The settings in a connector's config that nothing reads, each with the known name that it is probably meant to be. Pure.
 */
import { distance } from 'fastest-levenshtein'

export interface UnknownSetting {
  setting: string
  /** The known setting that it resembles; null where there is none. */
  meant: string | null
}

/** Names that differ in more than this share of their letters do not resemble each other. */
const MAX_DIFFERENCE = 0.34

/** Under these prefixes a worker passes settings on, to a client, a group of topics or a schema registry, with names of their own. */
const OPEN_PREFIXES = [
  ...['producer.override.', 'consumer.override.', 'admin.override.', 'topic.creation.'],
  ...['key.converter.request.header.', 'value.converter.request.header.'],
]

/** Settings that a user sets and a worker reads before any plugin: they are in no list of settings. */
const ALWAYS_KNOWN = ['name', 'connector.class']

export function unknownSettings(config: Readonly<Record<string, string>>, known: readonly string[]): UnknownSetting[] {
  const names = new Set([...known, ...ALWAYS_KNOWN])
  return Object.keys(config)
    .filter((setting) => !names.has(setting) && !OPEN_PREFIXES.some((prefix) => setting.startsWith(prefix)))
    .map((setting) => ({ setting, meant: nearest(setting, names) }))
}

/** The known name that resembles `name` most; null where none does. */
export function nearest(name: string, known: Iterable<string>): string | null {
  let best: string | null = null
  let least = Math.max(1, Math.floor(name.length * MAX_DIFFERENCE)) + 1
  for (const candidate of known) {
    const difference = distance(name.toLowerCase(), candidate.toLowerCase())
    if (difference < least) {
      least = difference
      best = candidate
    }
  }
  return best
}
