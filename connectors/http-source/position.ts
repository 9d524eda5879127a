/**
 * Where a poll goes on: what the next request asks for, and how much of its response was sent before. Pure.
 */
import type { Position, SourceOffset, SourcePartition } from '../../connect/sdk/index.ts'

export interface PollPosition {
  /** What `${offset}` stands for; null before the first response. */
  readonly offset: string | number | null
  /** The URL of a page that a response has named; null for the URL of the settings. */
  readonly page: string | null
  /** How many items of the response were sent. */
  readonly index: number
  /** How many items with this offset were sent. */
  readonly seen: number
  /** The validators of the last complete response. */
  readonly etag: string | null
  readonly modified: string | null
}

export const START: PollPosition = { offset: null, page: null, index: 0, seen: 0, etag: null, modified: null }

/** Without the query, which may have secrets and changes. */
export const partitionOf = (url: string): SourcePartition => ({ url: url.split('?')[0]! })

export const positionOf = (partition: SourcePartition, at: PollPosition): Position => ({ partition, offset: { ...at } })

const isCount = (value: unknown) => value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0)
const isText = (value: unknown) => value === undefined || value === null || typeof value === 'string'

/** What is wrong with a stored or a given offset. */
export function offsetProblem({ offset, page, index, seen, etag, modified }: SourceOffset): string | undefined {
  if (!isText(offset) && !Number.isFinite(offset)) return '"offset" must be a text or a number'
  if (!isText(page) || (typeof page === 'string' && !URL.canParse(page))) return '"page" must be a URL'
  if (!isCount(index) || !isCount(seen)) return '"index" and "seen" must be whole numbers from 0'
  return isText(etag) && isText(modified) ? undefined : '"etag" and "modified" must be texts'
}

/** @throws Error where it is none. */
export function parsedOffset(stored: SourceOffset): PollPosition {
  const problem = offsetProblem(stored)
  if (problem !== undefined) throw new Error(`The stored offset of the source is invalid: ${problem}. Reset it over REST.`)
  return { ...START, ...(stored as Partial<PollPosition>) }
}

/** @throws Error with what is wrong. */
export function validatePositions(positions: readonly { partition: SourcePartition; offset: SourceOffset | null }[]): void {
  for (const { partition, offset } of positions) {
    if (typeof partition.url !== 'string')
      throw new Error('The partition of an offset must have "url", the URL of the settings without its query')
    const problem = offset && offsetProblem(offset)
    if (problem) throw new Error(`The offset of ${partition.url} is invalid: ${problem}`)
  }
}
