/**
 * Errors for people: what is wrong, where, and what to do next. Stacks are for those who ask for them (TRIBUTARY_DEBUG). Nothing here guesses:
 * an error that is not known is told as it is.
 */

/** Something that the person who started the process can mend. */
export class UserError extends Error {
  override name = 'Complaint'
  readonly exitCode: number

  constructor(message: string, options: ErrorOptions & { exitCode?: number } = {}) {
    super(message, options)
    this.exitCode = options.exitCode ?? 1
  }
}

/** The command line itself is wrong. */
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

const mends: Readonly<Record<string, (error: SystemFailure) => string>> = {
  EADDRINUSE: (error) =>
    `${endpoint(error)} is taken: another process listens there. Stop it, or give another port in "listeners" (port 0 takes a free one).`,
  EADDRNOTAVAIL: (error) => `${endpoint(error)} is not an address of this machine. Give one of its own in "listeners", or 0.0.0.0 for all.`,
  EACCES: (error) =>
    error.syscall === 'listen'
      ? `${endpoint(error)} may not be listened on by this user: ports below 1024 are the system's. Give another port in "listeners".`
      : `${error.path ?? 'A file'} may not be read or written by this user. Change its owner or its mode, or name another place.`,
  EPERM: (error) => `${error.path ?? 'A file'} may not be changed by this user. Change its owner or its mode, or name another place.`,
  ENOENT: (error) => `${error.path ?? 'A file'} does not exist. Check the name.`,
  EEXIST: (error) => `${error.path ?? 'A path'} is a file, and a folder is wanted. Check the name.`,
  EISDIR: (error) => `${error.path ?? 'A path'} is a folder, and a file is wanted. Check the name.`,
  ENOTDIR: (error) => `${error.path ?? 'A path'} goes through something that is no folder. Check the name.`,
  ENOSPC: (error) => `The disk is full${error.path ? ` at ${error.path}` : ''}. Make room, or keep the data elsewhere.`,
  EROFS: (error) => `${error.path ?? 'A path'} is on a disk that cannot be written. Name another place.`,
  EMFILE: () => 'Too many files are open. Raise the limit ("ulimit -n").',
  ECONNREFUSED: (error) => `${endpoint(error)} refused the connection: nothing listens there. Start it, or check the address.`,
  ENOTFOUND: (error) => `The name ${(error as { hostname?: string }).hostname ?? ''} is not known. Check the address.`,
}

/** What to say, in one or a few lines, without "Error:" and without a stack. */
export function explain(error: unknown): string {
  if (isSystemFailure(error)) return mends[error.code]?.(error) ?? error.message
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError && error.errors.length > 0) return [...new Set(error.errors.map(explain))].join('\n')
  const why = error.cause === undefined ? '' : explain(error.cause)
  return why === '' || error.message.includes(why) ? error.message : `${error.message}\n${why}`
}

export const exitCodeOf = (error: unknown): number => (error instanceof UserError ? error.exitCode : 1)
