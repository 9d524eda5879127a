/**
 * Kcat for tests: the one on the PATH, else the one that apt-get installs where the tests run as root. Without either the tests of kcat are
 * left out, and the last lines of the test run say so (test/not-run.ts); with CI=true they fail instead.
 */
import { aptInstall, type Machine, thisMachine } from './machine.ts'

export type { Machine } from './machine.ts'

/** Null where kcat can be run; else why not, and how to get it. Throws that sentence with CI=true. */
export async function kcatMissing(machine: Machine = thisMachine): Promise<string | null> {
  try {
    await machine.run('kcat', ['-V'], 10_000)
    return null
  } catch (error) {
    const why = await aptInstall(machine, 'kcat', ['kcat', '-V'])
    if (why === null) return null
    const sentence = `kcat is not installed: ${why}. Install it with "apt-get install kcat" or "brew install kcat", and run the tests again.`
    if (machine.isCI) throw new Error(sentence, { cause: error })
    return sentence
  }
}
