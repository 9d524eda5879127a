/**
 * A .properties file of a test, as users write it: one setting on each line. Values are written as they are, without escapes.
 */
import { writeFileSync } from 'node:fs'

/** Gives the path, which commands take. */
export function writeProperties(path: string, lines: Readonly<Record<string, string | number | boolean>>): string {
  writeFileSync(
    path,
    Object.entries(lines)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  return path
}
