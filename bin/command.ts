/**
 * How a subcommand is declared: the default export of `bin/commands/<name>.ts`, loaded when it is asked for and not before. It starts what it
 * is for and says how to stop it; signals, exit codes and the wording of errors are the dispatcher's.
 */
import type { System } from '../core/system/index.ts'

export interface CommandContext {
  /** What followed the subcommand's name. */
  args: string[]
  system: System
  /** A line for people, on standard output. */
  print(line: string): void
  /** Aborts when the process is asked to stop, also while it is still starting. */
  stopping: AbortSignal
}

export interface Running {
  /** Lets go of everything within 5 s. */
  stop(): Promise<void>
  /** Rejects where it cannot go on; the process says why and ends. */
  failed?: Promise<never>
}

export interface Command {
  /** One line in the list of commands. */
  summary: string
  /** The whole of `tributary <name> --help`, less the summary. */
  help: string
  /** It is no service: it ends by itself, and clears up after itself however early it is stopped. */
  endsByItself?: boolean
  /** Something that runs until it is stopped, or the exit code of something that has ended. */
  run(context: CommandContext): Promise<Running | number>
}

export const defineCommand = (command: Command): Command => command
