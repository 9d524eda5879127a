/**
 * Parses the arguments of a subcommand: files, `--override name=value`, flags, and options with a value. Unknown options are an error, with
 * the exit code of wrong usage.
 */
import { readFile } from 'node:fs/promises'
import { parseProperties } from './properties.ts'
import { UserError, wrongUsage } from './user-error.ts'

export interface Arguments {
  files: string[]
  overrides: Record<string, string>
  /** By name, without the dashes. */
  options: Record<string, string>
  flags: Set<string>
}

export function readArguments(
  command: string,
  args: readonly string[],
  known: { options?: readonly string[]; flags?: readonly string[]; files: number },
): Arguments {
  const found: Arguments = { files: [], overrides: {}, options: {}, flags: new Set() }
  for (let index = 0; index < args.length; index++) {
    const [arg, inline] = splitOption(args[index]!)
    const value = () => {
      const given = inline ?? args[++index]
      if (given === undefined) throw wrongUsage(`${arg} needs a value.`, command)
      return given
    }
    if (arg === '--') {
      found.files.push(...args.slice(index + 1))
      break
    }
    const name = arg.replace(/^--/, '')
    if (arg === '--override') override(found.overrides, value(), command)
    else if (known.options?.includes(name) && arg.startsWith('--')) found.options[name] = value()
    else if (known.flags?.includes(name) && arg.startsWith('--')) {
      if (inline !== undefined) throw wrongUsage(`${arg} takes no value.`, command)
      found.flags.add(name)
    } else if (arg.startsWith('-')) throw wrongUsage(`${command} has no option ${arg}.`, command)
    else found.files.push(args[index]!)
  }
  if (found.files.length > known.files) {
    const allowed = known.files === 0 ? 'no files' : known.files === 1 ? 'one file' : `${known.files} files`
    throw wrongUsage(`${command} takes ${allowed}, not ${found.files.length}.`, command)
  }
  return found
}

/** `--name=value` as name and value; other arguments may contain an equals sign. */
function splitOption(arg: string): [string, string | undefined] {
  const at = arg.indexOf('=')
  return arg.startsWith('--') && at > 0 ? [arg.slice(0, at), arg.slice(at + 1)] : [arg, undefined]
}

function override(into: Record<string, string>, pair: string, command: string): void {
  const at = pair.indexOf('=')
  if (at < 1) throw wrongUsage(`--override needs name=value, not "${pair}".`, command)
  into[pair.slice(0, at)] = pair.slice(at + 1)
}

export async function readPropertiesFile(path: string): Promise<Record<string, string>> {
  const text = await readFile(path, 'utf8')
  try {
    return parseProperties(text)
  } catch (cause) {
    throw new UserError(`${path} is not a valid .properties file.`, { cause })
  }
}
