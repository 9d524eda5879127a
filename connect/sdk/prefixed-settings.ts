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
