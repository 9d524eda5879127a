/**
 * Settings under a prefix (`key.converter.`, `transforms.<name>.`), named without it.
 */
export function settingsUnder(prefix: string, settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  )
}

/** The settings under a prefix where it has at least one, else those without it: as Kafka Connect takes `listeners.https.`. */
export function settingsUnderOrAll(prefix: string, settings: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const own = settingsUnder(prefix, settings)
  return Object.keys(own).length > 0 ? own : settings
}
