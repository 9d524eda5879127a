/**
 * Executes the commands of a batch in pipelines, those of a key in order. A command that Redis refuses for its key or value is one record's
 * failure; where the server refuses all or is lost, the batch is written again, without what is known to be written.
 */
import type { Cluster, Redis } from 'ioredis'
import { Retriable } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import type { RedisConnection } from '../redis-driver/connection.ts'
import { RedisRejected, redisErrorKind } from '../redis-driver/errors.ts'
import { slotOf } from '../redis-driver/slot.ts'
import type { RecordCommands } from './commands.ts'

export interface Entry extends RecordCommands {
  /** The place of its record in the batch that was delivered. */
  readonly index: number
}

export interface Outcome {
  written(entry: Entry): void
  rejected(entry: Entry, error: Error): void
}

interface WriteOptions {
  /** Of what is written together, all is executed or nothing; in a cluster, of what has one key. */
  readonly isTransaction: boolean
  readonly waitReplicas: number
  readonly waitTimeoutMs: number
}

type Result = [error: Error | null, value?: unknown]
/** Of a command: an error, or null. */
type Failures = (Error | null)[]

export class PipelineWriter {
  readonly #connection: RedisConnection
  readonly #options: WriteOptions

  constructor(connection: RedisConnection, options: WriteOptions) {
    this.#connection = connection
    this.#options = options
  }

  /** Resolves when each entry is written or rejected. Throws the error that concerns them all, after what was written was told. */
  async write(entries: readonly Entry[], outcome: Outcome): Promise<void> {
    const client = await this.#connection.client()
    const failures = await this.#execute(client, entries)
    // What too few replicas have does not count as written.
    if (this.#options.waitReplicas > 0) await this.#awaitReplicas(client)
    this.#tell(client, entries, failures, outcome)
  }

  #tell(client: RedisClient, entries: readonly Entry[], failures: readonly Failures[], outcome: Outcome): void {
    let failure: Error | null = null
    // What follows a failed command on the same key is written again after it, so that their order stays.
    const failedKeys = new Set<string>()
    entries.forEach((entry, place) => {
      const error = failures[place]!.find((found) => found !== null)
      const key = textOf(entry.key)
      if (!error) {
        if (!failedKeys.has(key)) outcome.written(entry)
        return
      }
      const explained = this.#connection.explained(error, client)
      if (explained instanceof RedisRejected) {
        outcome.rejected(entry, explained)
        return
      }
      failedKeys.add(key)
      failure ??= explained
    })
    if (failure) throw failure
  }

  async #execute(client: RedisClient, entries: readonly Entry[]): Promise<Failures[]> {
    if (!client.isCluster) return this.#pipeline(client, entries)
    const together = new Map<number | string, { entries: Entry[]; places: number[] }>()
    entries.forEach((entry, place) => {
      // While a slot moves, its keys are on two nodes.
      const group = this.#options.isTransaction ? textOf(entry.key) : slotOf(entry.key)
      const found = together.get(group)
      if (found) {
        found.entries.push(entry)
        found.places.push(place)
      } else together.set(group, { entries: [entry], places: [place] })
    })
    const failures: Failures[] = new Array(entries.length)
    await Promise.all(
      [...together.values()].map(async ({ entries: ofGroup, places }) => {
        const found = await this.#pipeline(client, ofGroup)
        places.forEach((place, index) => {
          failures[place] = found[index]!
        })
      }),
    )
    return failures
  }

  async #pipeline(client: RedisClient, entries: readonly Entry[]): Promise<Failures[]> {
    const { isTransaction } = this.#options
    const pipeline = client.pipeline(isTransaction ? [['multi']] : [])
    for (const { commands } of entries) for (const [name, ...args] of commands) pipeline.call(name, ...args)
    let results: Result[]
    try {
      // The first one adds EXEC to the commands.
      if (isTransaction) void pipeline.exec()
      results = ((await pipeline.exec()) ?? []) as Result[]
    } catch (error) {
      // A connection that was lost before: nothing is known of any command.
      return entries.map(() => [error as Error])
    }
    const failures = isTransaction ? transactionFailures(results) : results.map(failureOf)
    let at = 0
    return entries.map(({ commands }) => commands.map(() => failures[at++] ?? null))
  }

  async #awaitReplicas(client: RedisClient): Promise<void> {
    const { waitReplicas, waitTimeoutMs } = this.#options
    const nodes = client.isCluster ? (client as Cluster).nodes('master') : [client as Redis]
    for (const node of nodes) {
      let confirmed: number
      try {
        confirmed = await node.wait(waitReplicas, waitTimeoutMs)
      } catch (error) {
        throw this.#connection.explained(error, client)
      }
      if (confirmed < waitReplicas)
        throw new Retriable(
          `${confirmed} of ${waitReplicas} replicas have the records within ${waitTimeoutMs} ms: they are written again. Check the replicas, or lower redis.wait.replicas.`,
        )
    }
  }
}

/** Of a command. */
function failureOf([error, value]: Result): Error | null {
  if (error) return error
  return value instanceof Error ? value : null
}

/** Of each command between MULTI and EXEC. */
function transactionFailures(results: readonly Result[]): Failures {
  const queued = results.slice(1, -1).map(failureOf)
  const [error, replies] = results.at(-1)!
  if (!error) return (replies as unknown[]).map((reply) => failureOf([null, reply]))
  const refused = queued.find((failure) => failure !== null)
  // EXECABORT says only that a command was refused before. The others can be executed without it.
  const why =
    refused && redisErrorKind(refused) === 'record'
      ? new Retriable(`a transaction is discarded, and executed again: ${refused.message}`)
      : (refused ?? error)
  return queued.map((failure) => failure ?? why)
}

/** The key as a text that tells keys apart. */
export const textOf = (key: string | Buffer): string => (typeof key === 'string' ? key : key.toString('latin1'))
