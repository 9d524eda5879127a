/**
 * Groups dead letters by what went wrong: the stage, the class that failed, the exception and the shape of its message. Values only; sizes
 * and counts of what it keeps are bounded (Invariant 13).
 */
import { createHash } from 'node:crypto'
import type { DeadLetterGroup, DeadLetterSample } from '../types.ts'
import { type DeadLetter, ERROR_HEADER, headerText, originOf, REPLAY_HEADER } from './dead-letter.ts'

/** More reasons than this are one group. */
const MAX_GROUPS = 100
const MAX_SAMPLES = 3
const MAX_SAMPLE_BYTES = 2_000
const MAX_MESSAGE_CHARACTERS = 1_000
const MAX_SHAPE_CHARACTERS = 200

/** A message without what differs from record to record: numbers, and what stands in quotes. */
export function messageShape(message: string): string {
  return message
    .slice(0, MAX_MESSAGE_CHARACTERS)
    .replace(/"[^"]*"|'[^']*'|`[^`]*`/g, '…')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d+(?:[.,:]\d+)*/gi, 'N')
    .slice(0, MAX_SHAPE_CHARACTERS)
}

/** Why a letter was written; null for what a letter without context headers does not say. */
export interface LetterReason {
  stage: string | null
  className: string | null
  exception: string | null
  shape: string | null
}

export function reasonOf({ record }: DeadLetter): LetterReason {
  const message = headerText(record, `${ERROR_HEADER}exception.message`)
  return {
    stage: headerText(record, `${ERROR_HEADER}stage`),
    className: headerText(record, `${ERROR_HEADER}class.name`),
    exception: headerText(record, `${ERROR_HEADER}exception.class.name`),
    shape: message === null ? null : messageShape(message),
  }
}

/** The id by which a group is replayed. */
export const groupIdOf = ({ stage, className, exception, shape }: LetterReason): string =>
  createHash('sha256')
    .update(JSON.stringify([stage, className, exception, shape]))
    .digest('hex')
    .slice(0, 12)

/** Text where the bytes are UTF-8, base64 otherwise; the rest of a long one is left out. */
export function shownBytes(bytes: Buffer | null): { text: string } | { base64: string } | null {
  if (bytes === null) return null
  const part = bytes.subarray(0, MAX_SAMPLE_BYTES)
  try {
    // `stream` accepts a character that the cut has split.
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(part, { stream: part.length < bytes.length }) }
  } catch {
    return { base64: part.toString('base64') }
  }
}

function sampleOf(letter: DeadLetter, replayed: boolean): DeadLetterSample {
  const { record, partition } = letter
  const replayOf = headerText(record, `${REPLAY_HEADER}offset`)
  return {
    partition,
    offset: record.offset,
    timestamp: record.timestamp,
    origin: originOf(letter),
    message: headerText(record, `${ERROR_HEADER}exception.message`)?.slice(0, MAX_MESSAGE_CHARACTERS) ?? null,
    key: shownBytes(record.key),
    value: shownBytes(record.value),
    size: (record.key?.length ?? 0) + (record.value?.length ?? 0),
    replayed,
    ...(replayOf === null
      ? {}
      : { replay_of: { partition: Number(headerText(record, `${REPLAY_HEADER}partition`)), offset: Number(replayOf) } }),
  }
}

export class DeadLetterGroups {
  readonly #groups = new Map<string, DeadLetterGroup>()

  add(letter: DeadLetter, replayed: boolean): void {
    const reason = reasonOf(letter)
    const id = this.#idFor(groupIdOf(reason))
    let group = this.#groups.get(id)
    if (!group) {
      const others = id === 'others'
      group = {
        group: id,
        stage: others ? null : reason.stage,
        class_name: others ? null : reason.className,
        exception: others ? null : reason.exception,
        message: others ? 'other reasons' : reason.shape,
        count: 0,
        replayed: 0,
        first: letter.record.timestamp,
        last: letter.record.timestamp,
        samples: [],
      }
      this.#groups.set(id, group)
    }
    group.count++
    if (replayed) group.replayed++
    group.first = Math.min(group.first, letter.record.timestamp)
    group.last = Math.max(group.last, letter.record.timestamp)
    if (group.samples.length < MAX_SAMPLES) group.samples.push(sampleOf(letter, replayed))
  }

  #idFor = (id: string): string => (this.#groups.has(id) || this.#groups.size < MAX_GROUPS ? id : 'others')

  /** The largest first. */
  list = (): DeadLetterGroup[] => [...this.#groups.values()].sort((a, b) => b.count - a.count)
}
