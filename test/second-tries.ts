/**
 * With CI=true a test whose wait ran out of time is run once more: CI's machine may be busy. A wrong value is never tried again. This
 * reporter says in the last lines of a test run which tests needed it, so that a wait that runs out often is seen.
 */
import type { Reporter, TestModule } from 'vitest/node'

/** What `until` and Vitest say of a wait that ran out of time. */
export const RAN_OUT_OF_TIME = /not within \d+ ms|(?:Test|Hook) timed out in \d+ms/

export const secondTries = (ci = process.env.CI) => (ci && ci !== 'false' ? { count: 1, condition: RAN_OUT_OF_TIME } : 0)

export class SecondTries implements Reporter {
  readonly #print: (text: string) => void

  constructor(print: (text: string) => void = (text) => void process.stdout.write(text)) {
    this.#print = print
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      for (const test of module.children.allTests('passed')) {
        if (!test.diagnostic()?.flaky) continue
        const [error] = test.result().errors ?? []
        this.#print(`\nPASSED AT THE SECOND TRY: ${module.relativeModuleId}: ${test.fullName}\n  ${error?.message ?? ''}\n`)
      }
    }
  }
}
