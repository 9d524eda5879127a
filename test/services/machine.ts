/**
 * The machine that tests run on: its commands, and packages of Debian for what a test needs and the machine does not have.
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

export const thisMachine: Machine = {
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

/** Installs a package with apt-get, and runs the command that shows that it is there. Null where it is installed, else why not. */
export async function aptInstall({ isRoot, run }: Machine, name: string, shows: readonly string[]): Promise<string | null> {
  if (!isRoot) return 'only root can install it with apt-get'
  const options = ['-qq', '-o', 'Acquire::Retries=0', '-o', 'Acquire::http::Timeout=10', '-o', 'DPkg::Lock::Timeout=30']
  const packages = [...options, '-y', '--no-install-recommends', name]
  console.info(`Installing ${name} with apt-get, within ${(UPDATE_MS + DOWNLOAD_MS + INSTALL_MS) / 60_000} minutes at most.`)
  try {
    await run('apt-get', ['update', ...options], UPDATE_MS)
    // Apart from the installation, which must not be cut off in the middle.
    await run('apt-get', ['install', '--download-only', ...packages], DOWNLOAD_MS)
    await run('apt-get', ['install', ...packages], INSTALL_MS)
    await run(shows[0]!, shows.slice(1), 10_000)
    return null
  } catch (error) {
    return `apt-get could not install it (${(error as Error).message})`
  }
}
