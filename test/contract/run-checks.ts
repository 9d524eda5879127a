/** A contract as tests of vitest. */
import { test } from 'vitest'
import { type Checks, runCheck } from '../../connect/contract/index.ts'

/** One test for each check. */
export function runChecks<Subject>(checks: Checks<Subject>, subject: () => Subject | Promise<Subject>): void {
  for (const [title, check] of Object.entries(checks)) test(title, () => runCheck(check, subject))
}
