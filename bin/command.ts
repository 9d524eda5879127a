/**
 * How a subcommand is declared: the default export of `bin/commands/<name>.ts`, loaded only when it is called. It starts its services and
 * returns how to stop them; bin/tributary.ts handles signals, exit codes and error messages.
 */
import type { System } from '../core/system/index.ts'

export interface CommandContext {
  /** The arguments after the name of the subcommand. */
  args: string[]
  system: System
  /** Prints a line for people on standard output. */
  print(line: string): void
  /** Aborts when the process must stop, also while it is still starting. */
  stopping: AbortSignal
}

export interface Running {
  /** Stops everything within 5 s. */
  stop(): Promise<void>
  /** Rejects when a service has failed for good; the process prints the error and ends. */
  failed?: Promise<never>
}

export interface Command {
  /** The line in the list of commands. */
  summary: string
  /** The text of `tributary <name> --help` after the summary. */
  help: string
  /** True for a command that is not a service: it ends by itself, and cleans up even if it is stopped while it starts. */
  endsByItself?: boolean
  /** Resolves with a service that runs until it is stopped, or with the exit code of a command that has ended. */
  run(context: CommandContext): Promise<Running | number>
}

export const defineCommand = (command: Command): Command => command
