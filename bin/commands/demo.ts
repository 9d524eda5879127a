/**
 * `tributary demo`: two regions, a central cluster, a real data set, a kill -9, a failover, and a table of what arrived. It needs nothing that is
 * not in the package, listens on 127.0.0.1 only, and leaves nothing behind unless it is asked to.
 */
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../core/system/logger.ts'
import { readArguments } from '../arguments.ts'
import { defineCommand } from '../command.ts'
import { DemoEnvironment, Stopped } from '../demo/environment.ts'
import { Progress } from '../demo/progress.ts'
import { reportTable } from '../demo/report.ts'
import { runScenario } from '../demo/scenario.ts'
import { UserError } from '../user-error.ts'

const INTERRUPTED = 130
/** Lines that wrap cannot be taken back. */
const LIVE_COLUMNS = 60

export default defineCommand({
  summary: 'shows it all on a real data set: collect, mirror, deliver, kill -9, fail over, compare',
  help: `Usage: tributary demo [--json] [--keep]

Starts the clusters us, eu and central, a worker on each and the mirrors between them, all on free ports of 127.0.0.1 with their data in a
temporary folder. File sources read a real data set into the regions; central aggregates it and delivers it into Postgres and a file. In the
middle of it us is killed with -9, its consumer group is failed over to central and goes on there, and us comes back. At the end every station
is compared with the data set, record by record. Exit code 0 says that all of them agree.

  --json   the report as JSON on standard output; progress goes to standard error
  --keep   keeps the folder, with the logs of all processes

Environment:
  TRIBUTARY_POSTGRES_URL   a Postgres server to write to, in a schema that is made for the run and dropped after it; without it the demo starts
                           one of its own
  TMPDIR                   where the temporary folder is made`,
  endsByItself: true,
  async run({ args, system, print, stopping }) {
    const { flags } = readArguments('demo', args, { flags: ['json', 'keep'], files: 0 })
    const out = flags.has('json') ? process.stderr : process.stdout
    const folder = await temporaryFolder()
    // where a second Ctrl-C ends the process as it stands
    if (!flags.has('keep')) process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))
    const progress = new Progress(out, out.isTTY && out.columns >= LIVE_COLUMNS && process.env.TERM !== 'dumb')
    const quiet = process.env.TRIBUTARY_DEBUG ? system : { ...system, logger: createLogger('silent') }
    const begin = performance.now()
    const tell = (text: string) => progress.log(`${((performance.now() - begin) / 1000).toFixed(1).padStart(5)} s  ${text}`)
    let scene: DemoEnvironment | null = null
    let failed = true
    try {
      scene = await DemoEnvironment.create({
        folder,
        postgresUrl: process.env.TRIBUTARY_POSTGRES_URL || undefined,
        system: quiet,
        signal: stopping,
        log: tell,
      })
      const report = await Promise.race([runScenario(scene, progress, tell, stopping), stopped(stopping)])
      failed = !report.ok
      progress.end()
      if (flags.has('json')) print(JSON.stringify({ ...report, folder: flags.has('keep') ? folder : null }, null, 2))
      else print(`\n${reportTable(report)}`)
    } catch (error) {
      progress.end()
      if (!stopping.aborted) throw error
    } finally {
      await (stopping.aborted ? scene?.abort() : scene?.close())
      if (flags.has('keep')) out.write(`Its folder is kept: ${folder}\n`)
      else await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    }
    return stopping.aborted ? INTERRUPTED : failed ? 1 : 0
  },
})

async function temporaryFolder(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), 'tributary-demo-'))
  } catch (cause) {
    throw new UserError(`The demo keeps its data in a temporary folder, and cannot make one in ${tmpdir()}. Set TMPDIR to another place.`, {
      cause,
    })
  }
}

/** Whatever is being waited for when the user ends it. */
const stopped = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Stopped()), { once: true }))
