/**
 * `tributary demo`: two regions, a central cluster, a real data set, a kill -9, a failover, and a table of what arrived. It needs nothing
 * outside of the package, listens on 127.0.0.1 only, and leaves nothing behind except with --keep.
 */
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../core/system/logger.ts'
import { readArguments } from '../arguments.ts'
import { defineCommand } from '../command.ts'
import { DemoEnvironment, DemoStopped } from '../demo/environment.ts'
import { Progress } from '../demo/progress.ts'
import { reportTable } from '../demo/report.ts'
import { runScenario } from '../demo/scenario.ts'
import { UserError } from '../user-error.ts'

const INTERRUPTED = 130
/** Progress bars are shown only on terminals at least this wide: wrapped lines cannot be rewritten. */
const LIVE_COLUMNS = 60

export default defineCommand({
  summary: 'Show everything on a real data set: collect, mirror, deliver, kill -9, fail over, compare',
  help: `Usage: tributary demo [--json] [--keep]

Starts the clusters us, eu and central, a worker on each, and mirrors from us and eu to central, all on free ports of
127.0.0.1 and with their data in a temporary folder. File source connectors read a real data set into us and eu; sink
connectors write the mirrored records from central into Postgres and a file. Meanwhile the broker of us is killed with
-9, its consumer group is failed over to central and continues there, and us is started again. At the end the records of
every stage are compared with the data set, one by one. Exit code 0 means that all agree.

  --json   print the report as JSON on standard output, and the progress on standard error
  --keep   keep the folder, with the logs of all processes

Environment:
  TRIBUTARY_POSTGRES_URL   a Postgres server to write to, in a schema that the demo creates and drops; without it the demo starts
                           its own server
  TMPDIR                   the folder in which the temporary folder is created`,
  endsByItself: true,
  async run({ args, system, print, stopping }) {
    const { flags } = readArguments('demo', args, { flags: ['json', 'keep'], files: 0 })
    const out = flags.has('json') ? process.stderr : process.stdout
    const folder = await temporaryFolder()
    // For a second Ctrl-C, which ends the process at once.
    if (!flags.has('keep')) process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))
    const progress = new Progress(out, out.isTTY && out.columns >= LIVE_COLUMNS && process.env.TERM !== 'dumb')
    const quiet = process.env.TRIBUTARY_DEBUG ? system : { ...system, logger: createLogger('silent') }
    const begin = performance.now()
    const log = (text: string) => progress.log(`${((performance.now() - begin) / 1000).toFixed(1).padStart(5)} s  ${text}`)
    let environment: DemoEnvironment | null = null
    let failed = true
    try {
      environment = await DemoEnvironment.create({
        folder,
        postgresUrl: process.env.TRIBUTARY_POSTGRES_URL || undefined,
        system: quiet,
        signal: stopping,
        log,
      })
      const report = await Promise.race([runScenario(environment, progress, log, stopping), stopped(stopping)])
      failed = !report.ok
      progress.end()
      if (flags.has('json')) print(JSON.stringify({ ...report, folder: flags.has('keep') ? folder : null }, null, 2))
      else print(`\n${reportTable(report)}`)
    } catch (error) {
      progress.end()
      if (!stopping.aborted) throw error
    } finally {
      await (stopping.aborted ? environment?.abort() : environment?.close())
      if (flags.has('keep')) out.write(`The folder is kept: ${folder}\n`)
      else await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    }
    return stopping.aborted ? INTERRUPTED : failed ? 1 : 0
  },
})

async function temporaryFolder(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), 'tributary-demo-'))
  } catch (cause) {
    throw new UserError(
      `The demo needs a temporary folder for its data, and cannot create one in ${tmpdir()}. Set TMPDIR to another folder.`,
      {
        cause,
      },
    )
  }
}

/** Rejects when the user stops the demo. */
const stopped = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new DemoStopped()), { once: true }))
