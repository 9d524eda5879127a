/**
 * BullMQ's own scripts, for many jobs in one command: a command, its keys and its arguments cost Redis and the client more than the job
 * does. The text of BullMQ's script becomes a function that a loop calls, with the keys and arguments of each job.
 */
import type { RedisClient } from '../redis-driver/client.ts'

/** Jobs of one command: Redis does nothing else while a script runs, which is a few milliseconds for so many. */
export const MAX_SCRIPT_JOBS = 128

/** An error that a function of the script throws, as a reply; before Redis 7 it is a text that begins with where it was thrown. */
const ERROR_OF = `
local function errorOf(thrown)
  if type(thrown) == 'table' then return thrown end
  return {err = string.match(thrown, '%-(%u%u+ .*)$') or string.match(thrown, '(%u%u+ .*)$') or 'ERR ' .. thrown}
end
`

/** The text of a script that BullMQ has given to the client, as a function of KEYS and ARGV. Its name there ends with the version. */
export function functionOf(client: RedisClient, script: string): string {
  const scripts = Object.entries(client.scriptsSet as Readonly<Record<string, { readonly lua: string }>>)
  const [known] = scripts.filter(([name]) => name.startsWith(`${script}:`))
  if (!known) throw new Error(`BullMQ has no script ${script}: install the version of BullMQ that package-lock.json names`)
  return `local function ${script}(KEYS, ARGV)\n${known[1].lua}\nend\n`
}

/** Of moveToActive. */
const FETCH_KEYS = 11
/** Of moveToFinished: the keys of the queue, of which one is that of the job, and what BullMQ gives it of the job. */
const FINISH_KEYS = 14
const FINISH_JOB_KEY = 12
const FINISH_VALUES = 9

/** KEYS and ARGV of BullMQ's moveToActive, then how many jobs at most, and how many bytes of data end the command. */
const fetchScript = (client: RedisClient): string => `
${functionOf(client, 'moveToActive')}${ERROR_OF}
local found, most, room = {}, tonumber(ARGV[4]), tonumber(ARGV[5])
for at = 1, most do
  local isDone, job = pcall(moveToActive, KEYS, ARGV)
  if not isDone then
    found[at] = errorOf(job)
    break
  end
  found[at] = job
  local fields = job[1]
  if type(fields) ~= 'table' then break end
  for i = 1, #fields, 2 do
    if fields[i] == 'data' then room = room - #fields[i + 1] end
  end
  if room <= 0 then break end
end
return found
`

/** KEYS of the first job, then the keys of the other jobs; ARGV of each job. Returns the outcome of each. */
const finishScript = (client: RedisClient): string => `
${functionOf(client, 'moveToFinished')}${ERROR_OF}
local keys, values, outcomes = {}, {}, {}
for i = 1, ${FINISH_KEYS} do keys[i] = KEYS[i] end
for job = 1, #KEYS - ${FINISH_KEYS - 1} do
  if job > 1 then keys[${FINISH_JOB_KEY}] = KEYS[${FINISH_KEYS - 1} + job] end
  for i = 1, ${FINISH_VALUES} do values[i] = ARGV[(job - 1) * ${FINISH_VALUES} + i] end
  local isDone, outcome = pcall(moveToFinished, keys, values)
  outcomes[job] = isDone and outcome or errorOf(outcome)
end
return outcomes
`

export type Argument = string | number | boolean | Buffer | undefined
type Command = (...args: Argument[]) => Promise<unknown[]>

const FETCH = 'tributaryFetchJobs'
const FINISH = 'tributaryFinishJobs'

export class QueueScripts {
  readonly #client: Record<typeof FETCH | typeof FINISH, Command>

  /** `client` has the scripts of BullMQ. */
  constructor(client: RedisClient) {
    client.defineCommand(FETCH, { lua: fetchScript(client) })
    client.defineCommand(FINISH, { lua: finishScript(client) })
    this.#client = client as unknown as Record<typeof FETCH | typeof FINISH, Command>
  }

  /**
   * `one` are the keys and arguments of moveToActive, `most` at most MAX_SCRIPT_JOBS; the job whose data goes past `room`, in bytes, is
   * the last. Each element of the answer is as moveToActive answers, or an error; only the last can be an error or no job.
   */
  fetch(one: readonly Argument[], most: number, room: number): Promise<unknown[]> {
    return this.#client[FETCH](FETCH_KEYS, ...one, most, room)
  }

  /** `jobs` are the keys and arguments of moveToFinished, of MAX_SCRIPT_JOBS jobs at most. Answers a code of BullMQ, or an error, for each. */
  finish(jobs: readonly (readonly Argument[])[]): Promise<unknown[]> {
    const [first] = jobs
    const args: Argument[] = [FINISH_KEYS + jobs.length - 1, ...first!.slice(0, FINISH_KEYS)]
    for (let job = 1; job < jobs.length; job++) args.push(jobs[job]![FINISH_JOB_KEY - 1])
    for (const job of jobs) for (let value = 0; value < FINISH_VALUES; value++) args.push(job[FINISH_KEYS + value] ?? '')
    return this.#client[FINISH](...args)
  }
}
