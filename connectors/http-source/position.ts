/**
 * Where a poll goes on: what the next request asks for, and how much of its response was sent before. A page at another origin is none.
 * Pure.
 */
import type { Position, SourceOffset, SourcePartition } from '../../connect/sdk/index.ts'
import { isHeaderValue } from '../http-driver/header-list.ts'
import { isCounted, originOf, type PollConfig } from './settings.ts'

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
/** It goes into a header of the next request. */
const isHeader = (value: unknown) => isText(value) && (typeof value !== 'string' || isHeaderValue(value))
const isText = (value: unknown) => value === undefined || value === null || typeof value === 'string'

/** What is wrong with a stored or a given offset. */
export function offsetProblem({ offset, page, index, seen, etag, modified }: SourceOffset, config: PollConfig): string | undefined {
  if (!isText(offset) && !Number.isFinite(offset)) return '"offset" must be a text or a number'
  if (isCounted(config) && (offset ?? null) !== null && !/^\d{1,15}$/.test(String(offset)))
    return `"offset" must be a whole number with http.offset.mode=${config['http.offset.mode']}`
  if (!isText(page) || (typeof page === 'string' && !URL.canParse(page))) return '"page" must be a URL'
  if (typeof page === 'string' && new URL(page).origin !== originOf(config))
    return `"page" must be at ${originOf(config)}: another origin would get the credentials`
  if (!isCount(index) || !isCount(seen)) return '"index" and "seen" must be whole numbers from 0'
  return isHeader(etag) && isHeader(modified) ? undefined : '"etag" and "modified" must be texts that a header may have'
}

/** @throws Error where it is none. */
export function parsedOffset(stored: SourceOffset, config: PollConfig): PollPosition {
  const problem = offsetProblem(stored, config)
  if (problem !== undefined) throw new Error(`The stored offset of the source is invalid: ${problem}. Reset it over REST.`)
  return { ...START, ...(stored as Partial<PollPosition>) }
}

/** @throws Error with what is wrong. */
export function validatePositions(
  positions: readonly { partition: SourcePartition; offset: SourceOffset | null }[],
  config: PollConfig,
): void {
  for (const { partition, offset } of positions) {
    if (typeof partition.url !== 'string')
      throw new Error('The partition of an offset must have "url", the URL of the settings without its query')
    const problem = offset && offsetProblem(offset, config)
    if (problem) throw new Error(`The offset of ${partition.url} is invalid: ${problem}`)
  }
}
