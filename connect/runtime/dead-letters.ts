/**
 * The dead letters of connectors, as users list and replay them over REST: grouped by their reason, and given to the running task again,
 * each once. Reads are bounded and go on from a cursor. What was replayed is stored after the task has flushed it.
 */
import type { Client } from '../../core/client/types.ts'
import type { System } from '../../core/system/index.ts'
import { SerialQueue } from '../../core/system/serial-queue.ts'
import type { LetterId, LetterTopic, ReplayedLetters } from '../storage/replayed-letters.ts'
import {
  ConnectError,
  type ConnectorConfig,
  type DeadLetterList,
  type DeadLetterScan,
  type ReplayReport,
  type ReplayRequest,
} from '../types.ts'
import type { ConnectorClients } from './connector-clients.ts'
import { type DeadLetter, ERROR_HEADER, headerText } from './dead-letter.ts'
import { DeadLetterGroups, groupIdOf, reasonOf } from './dead-letter-groups.ts'
import { scanLetters } from './dead-letter-scan.ts'
import { workerMetrics } from './metrics.ts'
import type { ReplayCounts } from './task-control.ts'

/** Letters of one request (Invariant 13). */
const LIST_LIMIT = { default: 1_000, most: 50_000 }
const REPLAY_LIMIT = { default: 500, most: 5_000 }
/** A replay searches this many letters for those of its group. */
const MAX_SEARCHED_LETTERS = 200_000
/** Bytes of the letters of one replay: it ends after the letter that goes over them. */
const MAX_REPLAY_BYTES = 16 * 1024 * 1024

export interface LettersOwner {
  name: string
  /** With its references replaced. */
  config: ConnectorConfig
}

/** Hands letters to a task that runs on this worker. */
export type ReplayToTask = (
  connector: string,
  task: number,
  letters: readonly DeadLetter[],
  done: () => Promise<void>,
) => Promise<ReplayCounts>

function limited(name: string, value: number | undefined, { default: fallback, most }: typeof LIST_LIMIT): number {
  if (value === undefined) return fallback
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new ConnectError(400, `${name} is ${value}, but must be a whole number from 1 to ${most}`)
  return value
}

function topicOf({ name, config }: LettersOwner): string {
  const topic = config['errors.deadletterqueue.topic.name']?.trim() ?? ''
  if (topic === '')
    throw new ConnectError(400, `Connector ${name} has no dead-letter queue: set errors.deadletterqueue.topic.name in its config`)
  return topic
}

/** Connectors may share a topic. A letter without context headers does not say whose it is. */
const isOf = (name: string, { record }: DeadLetter): boolean => (headerText(record, `${ERROR_HEADER}connector.name`) ?? name) === name

export class DeadLetters {
  readonly #clients: ConnectorClients
  readonly #replayed: ReplayedLetters
  readonly #replayToTask: ReplayToTask
  readonly #system: System
  /** Replays of one connector run one after another, so that no letter is chosen twice. What has none in progress is not kept. */
  readonly #replays = new Map<string, { queue: SerialQueue; inProgress: number }>()

  constructor(clients: ConnectorClients, replayed: ReplayedLetters, replayToTask: ReplayToTask, system: System) {
    this.#clients = clients
    this.#replayed = replayed
    this.#replayToTask = replayToTask
    this.#system = system
  }

  async list(owner: LettersOwner, { since, limit }: DeadLetterScan): Promise<DeadLetterList> {
    const topic = topicOf(owner)
    const most = limited('limit', limit, LIST_LIMIT)
    const replayed = await this.#replayed.of(owner.name, await this.#identified(owner, topic))
    const groups = new DeadLetterGroups()
    let scanned = 0
    const { next } = await this.#scan(owner, topic, since, (letter) => {
      scanned++
      if (isOf(owner.name, letter)) groups.add(letter, replayed.has({ partition: letter.partition, offset: letter.record.offset }))
      return scanned < most
    })
    return { topic, groups: groups.list(), scanned, next }
  }

  /** `task` runs on this worker. */
  async replay(owner: LettersOwner, task: number, request: ReplayRequest): Promise<ReplayReport> {
    const replays = this.#replays.get(owner.name) ?? { queue: new SerialQueue(), inProgress: 0 }
    this.#replays.set(owner.name, replays)
    replays.inProgress++
    try {
      return await replays.queue.run(() => this.#replay(owner, task, request))
    } finally {
      if (--replays.inProgress === 0) this.#replays.delete(owner.name)
    }
  }

  async #replay(owner: LettersOwner, task: number, request: ReplayRequest): Promise<ReplayReport> {
    const { name } = owner
    const topic = topicOf(owner)
    const identified = await this.#identified(owner, topic)
    const replayed = await this.#replayed.of(name, identified)
    const idOf = ({ partition, record }: DeadLetter): LetterId => ({ partition, offset: record.offset })
    const fresh: DeadLetter[] = []
    let before = 0
    const choose = (letter: DeadLetter): boolean => {
      const isFresh = !replayed.has(idOf(letter))
      if (isFresh) fresh.push(letter)
      else before++
      return isFresh
    }
    const next = await this.#choose(owner, topic, request, choose)
    const counts =
      fresh.length === 0
        ? { delivered: 0, failed: 0 }
        : await this.#replayToTask(name, task, fresh, () => this.#replayed.add(name, identified, fresh.map(idOf)))
    workerMetrics(this.#system.metrics).replayed.inc({ connector: name, task: String(task) }, fresh.length)
    return { topic, task, chosen: before + fresh.length, already_replayed: before, ...counts, next }
  }

  /**
   * Gives the letters of a request to `choose`, which says whether a letter is to be replayed: those that were replayed before take no
   * place in the limits. Returns where the next request goes on.
   */
  async #choose(
    owner: LettersOwner,
    topic: string,
    request: ReplayRequest,
    choose: (letter: DeadLetter) => boolean,
  ): Promise<string | null> {
    const { group, letters, all } = request
    if ([group !== undefined, letters !== undefined, all === true].filter(Boolean).length !== 1)
      throw new ConnectError(400, 'Choose the letters to replay by exactly one of group, letters and all: true')
    if (letters) {
      const chosen: DeadLetter[] = []
      await this.#chooseListed(owner, topic, letters, chosen)
      for (const letter of chosen) choose(letter)
      return null
    }
    const most = limited('limit', request.limit, REPLAY_LIMIT)
    let searched = 0
    let chosen = 0
    let bytes = 0
    const { next } = await this.#scan(owner, topic, request.since, (letter) => {
      searched++
      if (isOf(owner.name, letter) && (all === true || groupIdOf(reasonOf(letter)) === group) && choose(letter)) {
        chosen++
        bytes += (letter.record.key?.length ?? 0) + (letter.record.value?.length ?? 0)
      }
      return chosen < most && bytes < MAX_REPLAY_BYTES && searched < MAX_SEARCHED_LETTERS
    })
    return next
  }

  async #chooseListed(owner: LettersOwner, topic: string, letters: readonly LetterId[], chosen: DeadLetter[]): Promise<void> {
    if (letters.length === 0 || letters.length > REPLAY_LIMIT.most)
      throw new ConnectError(400, `letters has ${letters.length} entries, but must have 1 to ${REPLAY_LIMIT.most}`)
    const missing = new Set(letters.map(({ partition, offset }) => `${partition}:${offset}`))
    const wanted = Map.groupBy(letters, ({ partition }) => partition)
    // Up to and with the last one of each partition: what is not named is not searched.
    const since = [...wanted]
      .map(([partition, ids]) => {
        const offsets = ids.map(({ offset }) => offset)
        return `${partition}:${Math.min(...offsets)}-${Math.max(...offsets) + 1}`
      })
      .join(',')
    let bytes = 0
    await this.#scan(owner, topic, since, (letter) => {
      const id = `${letter.partition}:${letter.record.offset}`
      if (!wanted.has(letter.partition) || !missing.has(id) || !isOf(owner.name, letter)) return missing.size > 0
      missing.delete(id)
      bytes += (letter.record.key?.length ?? 0) + (letter.record.value?.length ?? 0)
      chosen.push(letter)
      return missing.size > 0 && bytes < MAX_REPLAY_BYTES
    })
    if (missing.size > 0)
      throw new ConnectError(
        404,
        `These letters are not in ${topic}, or are not those of connector ${owner.name}, or are too large to be replayed together: ` +
          `${[...missing].slice(0, 10).join(', ')}`,
      )
  }

  #identified({ config }: LettersOwner, name: string): Promise<LetterTopic> {
    return this.#clients.use('consumer', config, async (client: Client) => {
      const metadata = await client.topic(name, { refresh: true, allowCreation: false })
      return { name, id: metadata?.id ?? '' }
    })
  }

  /** As the connector's consumer, which may read its topics. */
  #scan({ config }: LettersOwner, topic: string, since: string | undefined, onLetter: (letter: DeadLetter) => boolean) {
    return this.#clients.use('consumer', config, (client: Client) => scanLetters(client, this.#system.clock, topic, since, onLetter))
  }
}
