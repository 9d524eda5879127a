/**
 * What of a response is new, where reading goes on after each of its items, and whether more can be asked for at once; by the mode of the
 * offset. Pure.
 */
import type { JsonPointer } from '../http-driver/json-pointer.ts'
import type { PollPosition } from './position.ts'

export type OffsetMode = 'SNAPSHOT' | 'CHAINING' | 'SIMPLE_INCREMENTING' | 'PAGE_NUMBER' | 'CURSOR_PAGINATION' | 'LINK_HEADER'

export interface PagingRules {
  readonly mode: OffsetMode
  /** What `${offset}` stands for in the first request. */
  readonly initial: string
  /** Where an item has its offset, with CHAINING. */
  readonly itemOffset: JsonPointer | null
  /** Whether the server sends items whose offset is that of the request. */
  readonly inclusive: boolean
  /** The items of a full page, with PAGE_NUMBER. */
  readonly pageSize: number
}

export interface ReceivedPage {
  readonly items: readonly unknown[]
  /** A cursor, or a URL as `page`. */
  readonly next: { readonly cursor: string | number } | { readonly page: string } | null
  readonly etag: string | null
  readonly modified: string | null
}

export interface PageStep {
  /** Those that were not sent before. */
  readonly items: readonly unknown[]
  /** The position after so many of them. */
  after(count: number): PollPosition
  /** The position after the response. */
  readonly end: PollPosition
  /** Whether the next request may have more already. */
  readonly more: boolean
  /** Why the item behind these cannot be sent. */
  readonly failure?: string
}

/** What a request at a position sends as its offset. */
export const requestOffset = ({ offset }: PollPosition, { initial }: PagingRules): string => String(offset ?? initial)

export function stepOf(rules: PagingRules, at: PollPosition, page: ReceivedPage): PageStep {
  switch (rules.mode) {
    case 'SIMPLE_INCREMENTING':
      return counted(rules, at, page)
    case 'PAGE_NUMBER':
      return numbered(rules, at, page)
    case 'CHAINING':
      return chained(rules, at, page)
    case 'SNAPSHOT':
      return whole(at, page)
    case 'CURSOR_PAGINATION':
    case 'LINK_HEADER':
      return linked(rules, at, page)
  }
}

function counted(rules: PagingRules, at: PollPosition, { items }: ReceivedPage): PageStep {
  const first = Number(requestOffset(at, rules))
  const after = (count: number): PollPosition => ({ ...at, offset: first + count })
  return { items, after, end: after(items.length), more: items.length > 0 }
}

/** Items of a page that was read in part before. */
function unsent(at: PollPosition, { items }: ReceivedPage): Pick<PageStep, 'items' | 'after'> {
  const rest = at.index === 0 ? items : items.slice(at.index)
  return { items: rest, after: (count) => ({ ...at, index: at.index + count }) }
}

function numbered(rules: PagingRules, at: PollPosition, page: ReceivedPage): PageStep {
  const number = Number(requestOffset(at, rules))
  const step = unsent({ ...at, offset: number }, page)
  const isFull = page.items.length >= rules.pageSize
  return { ...step, end: isFull ? { ...at, offset: number + 1, index: 0 } : step.after(step.items.length), more: isFull }
}

function linked(rules: PagingRules, at: PollPosition, page: ReceivedPage): PageStep {
  const step = unsent(at, page)
  const { next } = page
  const last = { ...step, end: step.after(step.items.length), more: false }
  if (next === null) return last
  const end = 'page' in next ? { ...at, page: next.page, index: 0 } : { ...at, offset: next.cursor, page: null, index: 0 }
  // A page that names itself is the last one: its items would be sent for ever.
  if (isSamePage(end, { ...at, offset: requestOffset(at, rules) })) return last
  // A server may give a new cursor with every response: only one with items shows that there may be more.
  return { ...step, end, more: page.items.length > 0 }
}

function whole(at: PollPosition, page: ReceivedPage): PageStep {
  const isFirst = at.page === null && at.offset === null
  const { next } = page
  // Of several pages the first may be as it was while others are not: its validators say nothing then.
  const here = isFirst ? { ...at, etag: next ? null : page.etag, modified: next ? null : page.modified } : at
  const step = unsent(here, page)
  const to = next && ('page' in next ? { page: next.page, offset: at.offset } : { page: null, offset: next.cursor })
  return { ...step, end: to ? { ...here, ...to, index: 0 } : { ...here, page: null, offset: null, index: 0 }, more: to !== null }
}

function chained({ itemOffset, inclusive }: PagingRules, at: PollPosition, { items }: ReceivedPage): PageStep {
  const isAgain = (offset: string | number) => at.offset !== null && String(offset) === String(at.offset)
  const fresh: unknown[] = []
  const offsets: (string | number)[] = []
  let skipped = 0
  let failure: string | undefined
  for (const item of items) {
    const offset = primitiveOffset(itemOffset!.of(item))
    if (offset === null) {
      failure = `an item has no text and no number at "${itemOffset!.text}" (http.offset.json.pointer)`
      break
    }
    if (isAgain(offset)) {
      if (!inclusive) {
        failure = `the server sends items with the offset ${offset} of the request again: set http.offset.inclusive=true, or check that it looks at ${'$'}{offset}`
        // Where others come before it, the server has sent those before too.
        fresh.length = 0
        offsets.length = 0
        break
      }
      if (skipped < at.seen) {
        skipped++
        continue
      }
    }
    fresh.push(item)
    offsets.push(offset)
  }
  const after = (count: number): PollPosition => {
    if (count === 0) return at
    const offset = offsets[count - 1]!
    let first = count - 1
    while (first > 0 && offsets[first - 1] === offset) first--
    const before = first === 0 && isAgain(offset) ? at.seen : 0
    return { ...at, offset, seen: before + count - first }
  }
  return { items: fresh, after, end: after(fresh.length), more: fresh.length > 0, ...(failure !== undefined && { failure }) }
}

/** Whether two positions ask for the same page. */
export const isSamePage = (a: PollPosition, b: PollPosition): boolean =>
  a.page === b.page && String(a.offset ?? '') === String(b.offset ?? '')

/** A value that a position can have. */
export function primitiveOffset(value: unknown): string | number | null {
  if (typeof value === 'bigint') return String(value)
  return typeof value === 'number' || (typeof value === 'string' && value !== '') ? value : null
}
