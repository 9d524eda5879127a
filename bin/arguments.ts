/**
 * Parses the arguments of a subcommand: files, `--override name=value`, flags, and options with a value. Unknown options are an error, with
 * the exit code of wrong usage.
 */
import { readFile } from 'node:fs/promises'
import { parseProperties } from '../core/system/java-properties.ts'
import { UserError, wrongUsage } from './user-error.ts'

export interface Arguments {
  files: string[]
  overrides: Record<string, string>
  /** By name, without the dashes. */
  options: Record<string, string>
  /** All values of an option that may be repeated. */
  lists: Record<string, string[]>
  flags: Set<string>
}

export interface Known {
  options?: readonly string[]
  /** Options that may be repeated. */
  lists?: readonly string[]
  flags?: readonly string[]
  /** The names of options and flags by their letter. */
  short?: Readonly<Record<string, string>>
  files: number
}

export function readArguments(command: string, args: readonly string[], known: Known): Arguments {
  const parsed: Arguments = { files: [], overrides: {}, options: {}, lists: {}, flags: new Set() }
  for (let index = 0; index < args.length; index++) {
    const [arg, inline] = splitOption(args[index]!)
    const value = () => {
      const text = inline ?? args[++index]
      if (text === undefined) throw wrongUsage(`${arg} needs a value.`, command)
      return text
    }
    if (arg === '--') {
      parsed.files.push(...args.slice(index + 1))
      break
    }
    const name = arg.startsWith('--') ? arg.slice(2) : (known.short?.[arg.slice(1)] ?? '')
    if (arg === '--override') override(parsed.overrides, value(), command)
    else if (known.options?.includes(name)) parsed.options[name] = value()
    else if (known.lists?.includes(name)) (parsed.lists[name] ??= []).push(value())
    else if (known.flags?.includes(name)) {
      if (inline !== undefined) throw wrongUsage(`${arg} takes no value.`, command)
      parsed.flags.add(name)
    } else if (arg.startsWith('-')) throw wrongUsage(`${command} has no option ${arg}.`, command)
    else parsed.files.push(args[index]!)
  }
  if (parsed.files.length > known.files) {
    const allowed = known.files === 0 ? 'no files' : known.files === 1 ? 'one file' : `${known.files} files`
    throw wrongUsage(`${command} takes ${allowed}, not ${parsed.files.length}.`, command)
  }
  return parsed
}

/** `--name=value` as name and value; other arguments may contain an equals sign. */
function splitOption(arg: string): [string, string | undefined] {
  const equals = arg.indexOf('=')
  return arg.startsWith('--') && equals > 0 ? [arg.slice(0, equals), arg.slice(equals + 1)] : [arg, undefined]
}

function override(into: Record<string, string>, pair: string, command: string): void {
  const equals = pair.indexOf('=')
  if (equals < 1) throw wrongUsage(`--override needs name=value, not "${pair}".`, command)
  into[pair.slice(0, equals)] = pair.slice(equals + 1)
}

export async function readPropertiesFile(path: string): Promise<Record<string, string>> {
  const text = await readFile(path, 'utf8')
  try {
    return parseProperties(text)
  } catch (cause) {
    throw new UserError(`${path} is not a valid .properties file.`, { cause })
  }
}
