/** A .properties file of a test, as users write it: a line a setting. */
import { writeFileSync } from 'node:fs'

/** The path, for whoever starts with it. */
export function writeProperties(path: string, lines: Readonly<Record<string, string | number | boolean>>): string {
  writeFileSync(
    path,
    Object.entries(lines)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  return path
}
