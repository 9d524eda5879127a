/**
 * A contract is a list of checks by name: each throws where a plugin does not keep it. They run under any test runner, or without one. A
 * check that does not end within its limit has failed: a plugin that waits for ever must not stop the tests of its author.
 */
import { realClock } from '../../core/system/clock.ts'
import { within } from '../../core/system/within.ts'

export type Checks<Subject> = Readonly<Record<string, (subject: Subject) => void | Promise<void>>>

/** How long one check may take. */
const CHECK_MS = 30_000

/** What of a contract a plugin does not keep. */
export class ContractBroken extends Error {
  override name = 'ContractBroken'
}

/** @throws ContractBroken where the condition does not hold. */
export function holds(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ContractBroken(message)
}

export interface FailedCheck {
  readonly check: string
  readonly error: Error
}

/**
 * Runs one check on a subject that is made for it. Throws what the check throws, or that it does not end.
 */
export async function runCheck<Subject>(
  check: Checks<Subject>[string],
  subject: () => Subject | Promise<Subject>,
  timeoutMs = CHECK_MS,
): Promise<void> {
  const running = (async () => await check(await subject()))()
  if (!(await within(realClock, timeoutMs, running)))
    throw new ContractBroken(
      `it has not ended within ${timeoutMs / 1000} s: the plugin, or its fixture, waits for something that never comes`,
    )
  await running
}

/** The checks that a subject fails, which is a new one for each. `before` is called before each check, with its name. */
export async function failuresOf<Subject>(
  checks: Checks<Subject>,
  subject: () => Subject | Promise<Subject>,
  before: (check: string) => void = () => {},
): Promise<FailedCheck[]> {
  const failed: FailedCheck[] = []
  for (const [title, check] of Object.entries(checks)) {
    before(title)
    try {
      await runCheck(check, subject)
    } catch (thrown) {
      failed.push({ check: title, error: thrown instanceof Error ? thrown : new Error(`${thrown} was thrown, which is no Error`) })
    }
  }
  return failed
}
