/**
 * Error messages for people: what is wrong, where, and what to do next. Stacks are printed with TRIBUTARY_DEBUG only. Nothing here guesses:
 * an unknown error keeps its own message.
 */

/** An error that the person who started the process can fix. */
export class UserError extends Error {
  override name = 'UserError'
  readonly exitCode: number

  constructor(message: string, options: ErrorOptions & { exitCode?: number } = {}) {
    super(message, options)
    this.exitCode = options.exitCode ?? 1
  }
}

/** The command line is wrong. */
export const wrongUsage = (message: string, command?: string): UserError =>
  new UserError(`${message}\nSee: tributary ${command ? `${command} ` : ''}--help`, { exitCode: 2 })

interface SystemFailure extends Error {
  code: string
  path?: string
  address?: string
  port?: number
  syscall?: string
}

const isSystemFailure = (error: unknown): error is SystemFailure =>
  error instanceof Error && typeof (error as { code?: unknown }).code === 'string' && 'syscall' in error

const endpoint = ({ address, port }: SystemFailure) => [address, port].filter((part) => part !== undefined).join(':')

const sentences: Readonly<Record<string, (error: SystemFailure) => string>> = {
  EADDRINUSE: (error) =>
    `${endpoint(error)} is in use: another process listens there. Stop it, or set another port in "listeners" (port 0 means a free port).`,
  EADDRNOTAVAIL: (error) =>
    `${endpoint(error)} is not an address of this machine. Set one of its addresses in "listeners", or 0.0.0.0 for all.`,
  EACCES: (error) =>
    error.syscall === 'listen'
      ? `${endpoint(error)} cannot be opened by this user: ports below 1024 need privileges. Set another port in "listeners".`
      : `${error.path ?? 'A file'} cannot be read or written by this user. Change its owner or its mode, or use another path.`,
  EPERM: (error) => `${error.path ?? 'A file'} cannot be changed by this user. Change its owner or its mode, or use another path.`,
  ENOENT: (error) => `${error.path ?? 'A file'} does not exist. Check the path.`,
  EEXIST: (error) => `${error.path ?? 'A path'} is a file, but a folder is needed. Check the path.`,
  EISDIR: (error) => `${error.path ?? 'A path'} is a folder, but a file is needed. Check the path.`,
  ENOTDIR: (error) => `${error.path ?? 'A path'} has a part that is not a folder. Check the path.`,
  ENOSPC: (error) => `The disk is full${error.path ? ` at ${error.path}` : ''}. Free some space, or use another disk.`,
  EROFS: (error) => `${error.path ?? 'A path'} is on a read-only disk. Use another path.`,
  EMFILE: () => 'Too many files are open. Raise the limit ("ulimit -n").',
  ECONNREFUSED: (error) => `${endpoint(error)} refused the connection: nothing listens there. Start it, or check the address.`,
  ENOTFOUND: (error) => `The host name ${(error as { hostname?: string }).hostname ?? ''} cannot be resolved. Check the address.`,
}

/** The message of an error, in one or a few lines, without "Error:" and without a stack. */
export function explain(error: unknown): string {
  if (isSystemFailure(error)) return sentences[error.code]?.(error) ?? error.message
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError && error.errors.length > 0) return [...new Set(error.errors.map(explain))].join('\n')
  const { cause } = error
  // A message that names the address of a failed socket already says what its cause would say.
  if (isSystemFailure(cause) && cause.address !== undefined && error.message.includes(endpoint(cause))) return error.message
  const why = cause === undefined ? '' : explain(cause)
  return why === '' || error.message.includes(why) ? error.message : `${error.message}\n${why}`
}

export const exitCodeOf = (error: unknown): number => (error instanceof UserError ? error.exitCode : 1)
