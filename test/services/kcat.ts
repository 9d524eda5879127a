/**
 * Kcat for tests: the one on the PATH, else the one that apt-get installs where the tests run as root. Without either the tests of kcat are
 * left out, and the last lines of the test run say so (test/not-run.ts); with CI=true they fail instead.
 */
import { execFile } from 'node:child_process'

const UPDATE_MS = 60_000
const DOWNLOAD_MS = 120_000
const INSTALL_MS = 120_000

export interface Machine {
  isRoot: boolean
  isCI: boolean
  /** Runs a command to its end; rejects where it does not exist, fails or takes too long. */
  run(command: string, args: readonly string[], timeoutMs: number): Promise<void>
}

const thisMachine: Machine = {
  isRoot: process.getuid?.() === 0,
  isCI: Boolean(process.env.CI) && process.env.CI !== 'false',
  run: (command, args, timeoutMs) =>
    new Promise((resolve, reject) => {
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
      const child = execFile(command, args, { timeout: timeoutMs, env }, (error, _out, err) => {
        if (!error) resolve()
        else if (error.killed) reject(new Error(`${command} ${args[0]} did not end within ${timeoutMs / 1000} s`))
        else if (error.code === 'ENOENT') reject(new Error(`${command} is not on the PATH`))
        else reject(new Error(err.trim().split('\n').at(-1) || error.message, { cause: error }))
      })
      child.stdin?.end()
    }),
}

/** Null where kcat can be run; else why not, and how to get it. Throws that sentence with CI=true. */
export async function kcatMissing(machine = thisMachine): Promise<string | null> {
  try {
    await machine.run('kcat', ['-V'], 10_000)
    return null
  } catch (error) {
    const why = machine.isRoot ? await install(machine) : 'only root can install it with apt-get'
    if (why === null) return null
    const sentence = `kcat is not installed: ${why}. Install it with "apt-get install kcat" or "brew install kcat", and run the tests again.`
    if (machine.isCI) throw new Error(sentence, { cause: error })
    return sentence
  }
}

/** Null where it is installed, else why not. */
async function install({ run }: Machine): Promise<string | null> {
  const options = ['-qq', '-o', 'Acquire::Retries=0', '-o', 'Acquire::http::Timeout=10', '-o', 'DPkg::Lock::Timeout=30']
  const packages = [...options, '-y', '--no-install-recommends', 'kcat']
  console.info(`Installing kcat with apt-get, within ${(UPDATE_MS + DOWNLOAD_MS + INSTALL_MS) / 60_000} minutes at most.`)
  try {
    await run('apt-get', ['update', ...options], UPDATE_MS)
    // Apart from the installation, which must not be cut off in the middle.
    await run('apt-get', ['install', '--download-only', ...packages], DOWNLOAD_MS)
    await run('apt-get', ['install', ...packages], INSTALL_MS)
    await run('kcat', ['-V'], 10_000)
    return null
  } catch (error) {
    return `apt-get could not install it (${(error as Error).message})`
  }
}
