/**
 * Adds and removes jobs of one queue, and stores how far their partitions are written, in one script: a crash at any point, of this process
 * or of Redis, leaves all of it or nothing. It does nothing where another task has written meanwhile.
 */
import type { IRedisTransaction, JobJson, RedisQueueBackend } from 'bullmq'
import type { RedisClient } from '../redis-driver/client.ts'
import type { NewJob } from './jobs.ts'
import { type Argument, ATTEMPT, defineScript, functionOf, type ScriptCommand } from './script-functions.ts'

/** The scripts of BullMQ that add a job, with the number of their keys, which are the same for all jobs of a queue. */
const ADDING = { addStandardJob: 9, addDelayedJob: 6, addPrioritizedJob: 9 } as const
const ADDING_NAMES = Object.keys(ADDING) as (keyof typeof ADDING)[]

/** How far a partition is written, as the hash has it. */
export interface PartitionChange {
  readonly field: string
  /** What the hash has for the field; empty where it has nothing. */
  readonly before: string
  /** What it has then, before the offsets of jobs that are missing. */
  readonly after: string
  readonly missing: string
}

export interface JobChange {
  readonly job: NewJob
  /** The place of its partition among the changes; -1 for a dead letter that is replayed. */
  readonly partition: number
  readonly offset: number
}

export type WriteAnswer =
  /** Another task has written: what the hash has for each partition. Nothing was changed. */
  | { readonly isConflict: true; readonly texts: readonly string[] }
  /**
   * What BullMQ answers, or an error, by the place of the job; those that are not here were added. A job that could not be is missing in
   * the hash.
   */
  | { readonly isConflict: false; readonly outcomes: ReadonlyMap<number, unknown> }

/** Where the keys of each script begin. */
const firstKeys = ADDING_NAMES.map((_name, index) => 2 + ADDING_NAMES.slice(0, index).reduce((sum, name) => sum + ADDING[name], 0))
const KEYS = 1 + Object.values(ADDING).reduce((sum, count) => sum + count, 0)

/**
 * KEYS: the hash, those of the scripts that add jobs, the key of the schedules, the keys of the jobs to remove. ARGV: how many partitions;
 * for each its field, before, after and missing; the prefix of the queue's keys; for each job the script (0: it is removed), its three
 * arguments (its id where it is removed), the number of its partition, its offset.
 */
const writeScript = (client: RedisClient): string => `
${[...ADDING_NAMES, 'removeJob'].map((name) => functionOf(client, name)).join('')}${ATTEMPT}
local function keysFrom(first, count)
  local keys = {}
  for i = 1, count do keys[i] = KEYS[first + i - 1] end
  return keys
end
local partitions = tonumber(ARGV[1])
local fields, missing = {}, {}
for p = 1, partitions do
  fields[p] = ARGV[p * 4 - 2]
  missing[p] = ARGV[p * 4 + 1]
end
if partitions > 0 then
  local texts = redis.call('HMGET', KEYS[1], unpack(fields))
  local isOther = false
  for p = 1, partitions do
    texts[p] = texts[p] or ''
    if texts[p] ~= ARGV[p * 4 - 1] then isOther = true end
  end
  if isOther then return {1, texts} end
end
local adding = {${ADDING_NAMES.map((name, index) => `{${name}, keysFrom(${firstKeys[index]}, ${ADDING[name]})}`).join(', ')}}
local removed, outcomes, job = 0, {}, 0
local prefix = ARGV[partitions * 4 + 2]
for at = partitions * 4 + 3, #ARGV, 6 do
  job = job + 1
  local add = adding[tonumber(ARGV[at])]
  local isDone, outcome
  if add then
    isDone, outcome = attempt(add[1], add[2], {ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]})
    isDone = isDone and type(outcome) ~= 'number'
  else
    removed = removed + 1
    isDone, outcome = attempt(removeJob, {KEYS[${KEYS + 1} + removed], KEYS[${KEYS + 1}]}, {ARGV[at + 1], 1, prefix})
  end
  if not isDone then
    local p, offset = tonumber(ARGV[at + 4]), ARGV[at + 5]
    if p > 0 then missing[p] = missing[p] == '' and offset or missing[p] .. ',' .. offset end
  end
  if not isDone or not add then
    outcomes[#outcomes + 1] = job
    outcomes[#outcomes + 1] = outcome
  end
end
for p = 1, partitions do redis.call('HSET', KEYS[1], fields[p], ARGV[p * 4] .. missing[p]) end
return {0, outcomes}
`

/** What a script is given of a job, after its keys. */
const VALUES = 3

export class WriteScript {
  readonly #run: ScriptCommand

  /** `client` has the scripts of BullMQ. */
  constructor(client: RedisClient) {
    this.#run = defineScript(client, 'tributaryWriteJobs', writeScript(client))
  }

  /** Sends it before it returns. */
  async write(
    hash: string,
    queue: RedisQueueBackend,
    partitions: readonly PartitionChange[],
    jobs: readonly JobChange[],
  ): Promise<WriteAnswer> {
    const { keys, removed, args } = new JobArguments(hash, queue, jobs)
    const [isConflict, answer] = (await this.#run(
      KEYS + 1 + removed.length,
      hash,
      ...keys.flat(),
      queue.toKey('repeat'),
      ...removed,
      partitions.length,
      ...partitions.flatMap(({ field, before, after, missing }) => [field, before, after, missing]),
      queue.toKey(''),
      ...args,
    )) as [number, unknown[]]
    if (isConflict === 1) return { isConflict: true, texts: answer as string[] }
    const outcomes = new Map<number, unknown>()
    for (let at = 0; at < answer.length; at += 2) outcomes.set((answer[at] as number) - 1, answer[at + 1])
    return { isConflict: false, outcomes }
  }
}

/** Takes the place of a transaction of BullMQ: what it would send for a job becomes arguments of the script. */
class JobArguments {
  /** Of each script that adds jobs; those of a script that no job needs are the key of the hash. */
  readonly keys: (readonly Argument[])[]
  readonly removed: readonly string[]
  readonly args: Argument[] = []

  constructor(hash: string, queue: RedisQueueBackend, jobs: readonly JobChange[]) {
    this.keys = Object.values(ADDING).map((count) => Array.from({ length: count }, () => hash))
    this.removed = jobs.filter(({ job }) => job.json === null).map(({ job }) => queue.toKey(job.id))
    const transaction = { runCommand: (name: string, given: readonly Argument[]) => this.#record(name, given) }
    for (const { job, partition, offset } of jobs) {
      if (job.json === null) this.args.push(0, job.id, '', '')
      // It calls the transaction before it first waits.
      else void queue.addJobToTransaction(transaction as unknown as IRedisTransaction, job.json, job.id, parentOf(job.json))
      this.args.push(partition + 1, offset)
    }
  }

  #record(name: string, given: readonly Argument[]): void {
    const script = ADDING_NAMES.findIndex((known) => name.startsWith(known))
    const from = given.length - VALUES
    this.keys[script] = given.slice(0, from)
    this.args.push(script + 1, given[from], given[from + 1], given[from + 2])
  }
}

const parentOf = ({ parentKey }: JobJson) =>
  parentKey === undefined ? {} : { parentKey, parentDependenciesKey: `${parentKey}:dependencies` }
