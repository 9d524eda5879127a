/**
 * Runs the benchmarks that are named on the command line, or all, one after another: `npm run bench -- produce consume`.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A benchmark is a file that can be run by itself; the others are its parts. */
const isBenchmark = (name: string) =>
  /^(if \(import\.meta\.main\) )?await main\(\)$/m.test(readFileSync(join(import.meta.dirname, name), 'utf8'))
const benchmarks = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.ts') && isBenchmark(name))
  .map((name) => name.slice(0, -3))
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const unknown = named.filter((name) => !benchmarks.includes(name))
if (unknown.length > 0) {
  console.error(`no benchmark named ${unknown.join(', ')}; there are ${benchmarks.join(', ')}`)
  process.exit(2)
}
for (const name of named.length > 0 ? named : benchmarks) {
  const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...flags], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
