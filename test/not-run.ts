/**
 * A reporter: says in the last lines of a test run which tests did not run, and what they need. A test says so itself by `skip(sentence)`.
 * With CI=true such a run fails.
 */
import type { Reporter, TestModule } from 'vitest/node'

export class NotRun implements Reporter {
  readonly #print: (text: string) => void

  constructor(print: (text: string) => void = (text) => void process.stdout.write(text)) {
    this.#print = print
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const byReason = new Map<string, string[]>()
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const result = test.result()
        if (result.state !== 'skipped' || !result.note) continue
        byReason.set(result.note, [...(byReason.get(result.note) ?? []), `${module.relativeModuleId}: ${test.fullName}`])
      }
    }
    for (const [reason, tests] of byReason) {
      this.#print(`\nNOT RUN: ${tests.length} ${tests.length === 1 ? 'test' : 'tests'}\n`)
      for (const test of tests) this.#print(`  ${test}\n`)
      this.#print(`  ${reason}\n`)
    }
    if (byReason.size > 0 && process.env.CI && process.env.CI !== 'false') process.exitCode = 1
  }
}
