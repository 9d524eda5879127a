/**
 * What the source asks of Redis for many jobs of a queue at once: to be given them, and to complete them. Both are BullMQ's own scripts, in
 * a loop.
 */
import type { RedisClient } from '../redis-driver/client.ts'
import { type Argument, ATTEMPT, defineScript, functionOf, type ScriptCommand } from './script-functions.ts'

/** Jobs of one command, which takes Redis a few milliseconds. */
export const MAX_SCRIPT_JOBS = 128

/** Of moveToActive. */
const FETCH_KEYS = 11
/** Of moveToFinished: the keys of the queue, of which one is that of the job, and what BullMQ says of the job. */
const FINISH_KEYS = 14
const FINISH_JOB_KEY = 12
const FINISH_VALUES = 9

/** KEYS and ARGV of moveToActive, then how many jobs at most, and how many bytes of data end the command. */
const fetchScript = (client: RedisClient): string => `
${functionOf(client, 'moveToActive')}${ATTEMPT}
local found, most, room = {}, tonumber(ARGV[4]), tonumber(ARGV[5])
for at = 1, most do
  local isDone, job = attempt(moveToActive, KEYS, ARGV)
  found[at] = job
  local fields = isDone and job[1]
  if type(fields) ~= 'table' then break end
  for i = 1, #fields, 2 do
    if fields[i] == 'data' then room = room - #fields[i + 1] end
  end
  if room <= 0 then break end
end
return found
`

/**
 * BullMQ's worker asks for its next job with the command that ends one. Here nobody would look at a queue whose limit of active jobs was
 * reached: who waits for its marker is woken.
 */
const WAKE = `
local function wake(metaKey, markerKey)
  if redis.call('HEXISTS', metaKey, 'concurrency') == 1 then redis.call('ZADD', markerKey, 0, '0') end
end
`

/** KEYS of the first job, then the keys of the other jobs; ARGV of each job. Returns the outcome of each. */
const finishScript = (client: RedisClient): string => `
${functionOf(client, 'moveToFinished')}${ATTEMPT}${WAKE}
local keys, values, outcomes = {}, {}, {}
for i = 1, ${FINISH_KEYS} do keys[i] = KEYS[i] end
for job = 1, #KEYS - ${FINISH_KEYS - 1} do
  if job > 1 then keys[${FINISH_JOB_KEY}] = KEYS[${FINISH_KEYS - 1} + job] end
  for i = 1, ${FINISH_VALUES} do values[i] = ARGV[(job - 1) * ${FINISH_VALUES} + i] end
  local _, outcome = attempt(moveToFinished, keys, values)
  outcomes[job] = outcome
end
wake(KEYS[9], KEYS[14])
return outcomes
`

export class QueueScripts {
  readonly #fetch: ScriptCommand
  readonly #finish: ScriptCommand
  readonly #wake: ScriptCommand

  /** `client` has the scripts of BullMQ. */
  constructor(client: RedisClient) {
    this.#fetch = defineScript(client, 'tributaryFetchJobs', fetchScript(client))
    this.#finish = defineScript(client, 'tributaryFinishJobs', finishScript(client))
    this.#wake = defineScript(client, 'tributaryWakeWorkers', `${WAKE}wake(KEYS[1], KEYS[2])`)
  }

  /**
   * `one` are the keys and arguments of moveToActive, `most` at most MAX_SCRIPT_JOBS; the job whose data goes past `room`, in bytes, is
   * the last. Each element of the answer is as moveToActive answers, or an error; only the last can be an error or no job.
   */
  fetch(one: readonly Argument[], most: number, room: number): Promise<unknown[]> {
    return this.#fetch(FETCH_KEYS, ...one, most, room)
  }

  /** Keys and arguments of moveToFinished, of MAX_SCRIPT_JOBS jobs at most. Answers a code of BullMQ, or an error, for each. */
  finish(jobs: readonly (readonly Argument[])[]): Promise<unknown[]> {
    const [first] = jobs
    const args: Argument[] = [FINISH_KEYS + jobs.length - 1, ...first!.slice(0, FINISH_KEYS)]
    for (let job = 1; job < jobs.length; job++) args.push(jobs[job]![FINISH_JOB_KEY - 1])
    for (const job of jobs) for (let value = 0; value < FINISH_VALUES; value++) args.push(job[FINISH_KEYS + value] ?? '')
    return this.#finish(...args)
  }

  /** After a job has failed. */
  async wake(metaKey: string, markerKey: string): Promise<void> {
    await this.#wake(2, metaKey, markerKey)
  }
}
