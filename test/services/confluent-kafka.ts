/**
 * Librdkafka with its transactions for tests, through confluent-kafka for Python: kafka-crab-js, the package of the other tests, has none.
 * It is installed with pip once, beside the packages of npm. Without Python or pip its tests are left out, and the last lines of the test
 * run say so (test/not-run.ts); with CI=true they fail instead.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const VERSION = '2.16.1'
const INSTALL_MS = 180_000

const cache = join(import.meta.dirname, '../../node_modules/.cache')
const folder = join(cache, `confluent-kafka-${VERSION}`)

/** Python, with the package on its path. */
export const pythonWithKafka = { command: 'python3', env: { PYTHONPATH: folder } } as const

const python = (args: readonly string[], timeoutMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, ...pythonWithKafka.env }
    execFile(pythonWithKafka.command, args, { timeout: timeoutMs, env }, (error, _out, err) => {
      if (error) reject(new Error(err.trim().split('\n').at(-1) || error.message, { cause: error }))
      else resolve()
    }).stdin?.end()
  })

/** Null where it can be used; else why not, and how to get it. Throws that sentence with CI=true. */
export async function confluentKafkaMissing(): Promise<string | null> {
  try {
    if (!existsSync(folder)) await install()
    await python(['-c', 'import confluent_kafka'], 30_000)
    return null
  } catch (error) {
    const sentence =
      `confluent-kafka ${VERSION} for Python is not installed: ${(error as Error).message}. ` +
      'Install Python 3 with pip (apt-get install python3-pip), and run the tests again.'
    if (process.env.CI && process.env.CI !== 'false') throw new Error(sentence, { cause: error })
    return sentence
  }
}

/** Into a folder of its own first: another run may install at the same time, and what is half installed is never used. */
async function install(): Promise<void> {
  mkdirSync(cache, { recursive: true })
  const fresh = mkdtempSync(join(cache, 'confluent-kafka-'))
  try {
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:']
    await python([...pip, '--target', fresh, `confluent-kafka==${VERSION}`], INSTALL_MS)
    renameSync(fresh, folder)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
}
