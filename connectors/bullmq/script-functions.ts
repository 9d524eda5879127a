/**
 * BullMQ's own scripts as functions of a larger one: a command, its keys and its arguments cost Redis and the client more than the job of
 * it does, so one command has many jobs. No script may have so many that others wait for long: Redis does nothing else meanwhile.
 */
import type { RedisClient } from '../redis-driver/client.ts'

/** Of a command of BullMQ: its keys, then its arguments. */
export type Argument = string | number | boolean | Buffer | undefined
export type ScriptCommand = (...args: Argument[]) => Promise<unknown[]>

/** The text of a script that BullMQ has given to the client, as a function of KEYS and ARGV. Its name there ends with the version. */
export function functionOf(client: RedisClient, script: string): string {
  const scripts = Object.entries(client.scriptsSet as Readonly<Record<string, { readonly lua: string }>>)
  const [known] = scripts.filter(([name]) => name.startsWith(`${script}:`))
  if (!known) throw new Error(`BullMQ has no script ${script}: install the version of BullMQ that package-lock.json names`)
  return `local function ${script}(KEYS, ARGV)\n${known[1].lua}\nend\n`
}

/**
 * attempt(call, keys, values): whether the call has returned, and what; or the error that it has thrown, as Redis answers it. Before Redis
 * 7 errors are texts that begin with where they were thrown.
 */
export const ATTEMPT = `
local function attempt(call, keys, values)
  local isDone, outcome = pcall(call, keys, values)
  if isDone or type(outcome) == 'table' then return isDone, outcome end
  return false, {err = string.match(outcome, '%-(%u%u+ .*)$') or string.match(outcome, '(%u%u+ .*)$') or 'ERR ' .. outcome}
end
`

/** Defines a command of the client whose first argument is how many of the others are keys. */
export function defineScript(client: RedisClient, name: string, lua: string): ScriptCommand {
  client.defineCommand(name, { lua })
  const commands = client as unknown as Readonly<Record<string, ScriptCommand>>
  return (...args) => commands[name]!(...args)
}
