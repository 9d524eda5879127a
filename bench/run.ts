/**
 * Asks the questions named on the command line, or all of them, one after another: `npm run bench -- produce consume`.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file that runs by itself is a question; the others are what questions are made of. */
const asks = (name: string) => /^(if \(import\.meta\.main\) )?await main\(\)$/m.test(readFileSync(join(import.meta.dirname, name), 'utf8'))
const questions = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.ts') && asks(name))
  .map((name) => name.slice(0, -3))
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const unknown = named.filter((name) => !questions.includes(name))
if (unknown.length > 0) {
  console.error(`no question named ${unknown.join(', ')}; there are ${questions.join(', ')}`)
  process.exit(2)
}
for (const name of named.length > 0 ? named : questions) {
  const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...flags], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
