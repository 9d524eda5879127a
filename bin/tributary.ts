/**
 * The command line: finds the subcommand, runs it, and turns errors into a message and an exit code (0 done or stopped, 1 failed, 2 wrong
 * usage). Loads nothing that the subcommand does not need.
 */
import type { LogLevel } from '../core/system/logger.ts'
import { exitProcess } from '../core/system/process-exit.ts'
import { version } from '../core/system/version.ts'
import type { Command } from './command.ts'
import { withoutSecrets } from './secrets.ts'
import { exitCodeOf, explain, UserError, wrongUsage } from './user-error.ts'

const commands: Readonly<Record<string, () => Promise<{ default: Command }>>> = {
  up: () => import('./commands/up.ts'),
  broker: () => import('./commands/broker.ts'),
  connect: () => import('./commands/connect.ts'),
  connectors: () => import('./commands/connectors.ts'),
  mirror: () => import('./commands/mirror.ts'),
  registry: () => import('./commands/registry.ts'),
  storage: () => import('./commands/storage.ts'),
  demo: () => import('./commands/demo.ts'),
}

const logLevels = ['error', 'warn', 'info', 'debug', 'silent'] as const satisfies readonly LogLevel[]

async function help(): Promise<string> {
  const lines = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => `  ${name.padEnd(12)}${(await load()).default.summary}`),
  )
  return `tributary moves records between systems and between clusters.

Usage: tributary <command> [options] [file]

Commands:
${lines.join('\n')}

See also: tributary <command> --help, tributary --version.

Environment:
  TRIBUTARY_LOG_LEVEL   ${logLevels.join(', ')} (default info); logs go to standard error, as JSON lines
                        unless that is a terminal
  TRIBUTARY_DEBUG       if set to 1, errors are printed with their stack, and the log level is debug`
}

function logLevel(): LogLevel {
  const { TRIBUTARY_LOG_LEVEL: text, TRIBUTARY_DEBUG: debug } = process.env
  if (!text) return debug ? 'debug' : 'info'
  const level = logLevels.find((name) => name === text.toLowerCase())
  if (level === undefined) throw new UserError(`TRIBUTARY_LOG_LEVEL is ${text}, but must be one of ${logLevels.join(', ')}.`)
  return level
}

/** A closed standard output, as after `head`, is not an error: the command is stopped. */
let onOutputClosed = (): void => process.exit(0)
process.stdout.on('error', () => onOutputClosed())

async function run([name, ...args]: string[]): Promise<number> {
  const print = (line: string) => void process.stdout.write(`${line}\n`)
  if (name === undefined || name === '--help' || name === '-h' || (name === 'help' && args[0] === undefined)) {
    print(await help())
    return name === undefined ? 2 : 0
  }
  if (name === '--version' || name === '-v') {
    print(version)
    return 0
  }
  const commandName = name === 'help' ? args[0]! : name
  const load = Object.hasOwn(commands, commandName) ? commands[commandName] : undefined
  if (load === undefined) {
    throw wrongUsage(`There is no command "${commandName}". The commands are: ${Object.keys(commands).join(', ')}.`)
  }
  const command = (await load()).default
  const end = args.indexOf('--')
  const options = end === -1 ? args : args.slice(0, end)
  if (name === 'help' || options.includes('--help') || options.includes('-h')) {
    print(`${command.summary}\n\n${command.help}`)
    return 0
  }
  const [{ realSystem }, { lifecycle }] = await Promise.all([import('../core/system/index.ts'), import('./lifecycle.ts')])
  const system = realSystem(logLevel())
  const { stopping, stop, runs } = lifecycle(system, { endsByItself: command.endsByItself })
  onOutputClosed = stop
  const outcome = await command.run({ args, system, print, stopping }).catch((error: unknown) => {
    // The command was stopped while it was starting: it has cleaned up, and nothing has failed.
    if (stopping.aborted && error === stopping.reason) return 0
    throw error
  })
  return typeof outcome === 'number' ? outcome : runs(outcome)
}

run(process.argv.slice(2)).then(exitProcess, (error: unknown) => {
  const message = process.env.TRIBUTARY_DEBUG && error instanceof Error ? (error.stack ?? error.message) : explain(error)
  process.stderr.write(`tributary: ${withoutSecrets(message)}\n`)
  exitProcess(exitCodeOf(error))
})
