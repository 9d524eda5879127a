/**
 * Executes the commands of a batch in pipelines, those of a key in order. A command that Redis refuses for its key or value is one record's
 * failure; where the server refuses all or is lost, the batch is written again, without what is known to be written.
 */
import type { Cluster, Redis } from 'ioredis'
import { Retriable } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import type { RedisConnection } from '../redis-driver/connection.ts'
import { RedisRejected, transactionError } from '../redis-driver/errors.ts'
import { slotOf } from '../redis-driver/slot.ts'
import type { RecordCommands, RedisCommand } from './commands.ts'

export interface Entry extends RecordCommands {
  /** The place of its record in the batch that was delivered. */
  readonly index: number
}

export interface Outcome {
  written(entry: Entry): void
  rejected(entry: Entry, error: Error): void
}

interface WriteOptions {
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
    this.#tell(client, entries, failures, outcome)
    if (this.#options.waitReplicas > 0) await this.#awaitReplicas(client)
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
    const bySlot = new Map<number, { entries: Entry[]; places: number[] }>()
    entries.forEach((entry, place) => {
      const slot = slotOf(entry.key)
      const found = bySlot.get(slot)
      if (found) {
        found.entries.push(entry)
        found.places.push(place)
      } else bySlot.set(slot, { entries: [entry], places: [place] })
    })
    const failures: Failures[] = new Array(entries.length)
    await Promise.all(
      [...bySlot.values()].map(async ({ entries: ofSlot, places }) => {
        const found = await this.#pipeline(client, ofSlot)
        places.forEach((place, index) => {
          failures[place] = found[index]!
        })
      }),
    )
    return failures
  }

  async #pipeline(client: RedisClient, entries: readonly Entry[]): Promise<Failures[]> {
    const commands: RedisCommand[] = entries.flatMap(({ commands: own }) => own)
    const pipeline = this.#options.isTransaction ? client.multi() : client.pipeline()
    for (const [name, ...args] of commands) pipeline.call(name, ...args)
    let results: Result[]
    try {
      results = ((await pipeline.exec()) ?? []) as Result[]
    } catch (error) {
      // A transaction that was not executed, or a connection that was lost before: nothing is known of any command.
      const why = transactionError(error) as Error
      return entries.map(() => [why])
    }
    let at = 0
    return entries.map(({ commands: own }) => own.map(() => results[at++]?.[0] ?? null))
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

/** The key as a text that tells keys apart. */
export const textOf = (key: string | Buffer): string => (typeof key === 'string' ? key : key.toString('latin1'))
