/**
 * The SELECT of a poll: the table or the query, the condition and the order of the mode, and query.suffix. Times are compared as
 * instants: the session's time zone is db.timezone, in which Postgres reads columns without a zone.
 */
import { type Instant, instantSql } from './instant.ts'
import type { PollPosition } from './position.ts'

export interface PolledColumns {
  /** As they stand in SQL; empty where the mode has none. */
  readonly timestamps: readonly string[]
  readonly incrementing: string | null
}

export interface PollStatement extends PolledColumns {
  /** Without a condition. */
  readonly select: string
  readonly position: PollPosition
  /** The age that a timestamp must have. */
  readonly delayMs: number
  /** Only rows with earlier timestamps are read; null for any. */
  readonly before: Instant | null
  readonly suffix: string
}

export function pollStatement({ select, timestamps, incrementing, position, delayMs, before, suffix }: PollStatement): string {
  const time = timestamps.length > 1 ? `COALESCE(${timestamps.join(', ')})` : timestamps[0]
  const order = [time, incrementing].filter((column) => column !== undefined && column !== null)
  const conditions = time === undefined ? [] : [`${time} < now() - INTERVAL '${delayMs} milliseconds'`]
  if (time !== undefined && before) conditions.push(`${time} < ${instantSql(before)}`)
  // A row without a number has no position.
  if (time !== undefined && incrementing !== null) conditions.push(`${incrementing} IS NOT NULL`)
  const lower = lowerBound(time, incrementing, position)
  if (lower) conditions.push(lower)
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
  const appended = [where, order.length > 0 ? `ORDER BY ${order.join(', ')} ASC` : '', suffix].filter((part) => part !== '').join(' ')
  // On a line of its own, since the query may end with a comment.
  return appended === '' ? select : `${select}\n${appended}`
}

function lowerBound(time: string | undefined, incrementing: string | null, position: PollPosition): string | null {
  const instant = position.timestamp && instantSql(position.timestamp)
  if (time === undefined) {
    if (incrementing === null) return null
    return position.incrementing === null ? `${incrementing} IS NOT NULL` : `${incrementing} > ${position.incrementing}`
  }
  if (instant === null) return null
  if (incrementing === null) return `${time} > ${instant}`
  if (position.incrementing === null) return `${time} >= ${instant}`
  // As one comparison of rows it can use an index over both columns.
  return `(${time}, ${incrementing}) > (${instant}, ${position.incrementing})`
}

export interface TransactionOptions {
  /** A value of transaction.isolation.mode. */
  readonly isolation: string
  /** What follows SET LOCAL TIME ZONE. */
  readonly zoneSql: string
}

/** Begins the transaction of a poll, with the styles of text that the readers of columns expect. */
export function beginStatement({ isolation, zoneSql }: TransactionOptions): string {
  const level = isolation === 'DEFAULT' ? '' : ` ISOLATION LEVEL ${isolation.replace('_', ' ')}`
  return [
    `BEGIN${level}`,
    `SET LOCAL TIME ZONE ${zoneSql}`,
    // Kafka may take its time with the rows.
    'SET LOCAL idle_in_transaction_session_timeout = 0',
    'SET LOCAL DateStyle = ISO',
    'SET LOCAL IntervalStyle = postgres',
    'SET LOCAL bytea_output = hex',
    'SET LOCAL extra_float_digits = 1',
  ].join('; ')
}
