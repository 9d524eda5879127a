/**
 * The marks of the windows of an incremental snapshot in the stream: rows in the table of signals, or places of the log where the
 * connector writes nothing.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Query } from './incremental-queries.ts'
import type { StreamTransactions } from './stream-transactions.ts'
import type { Lsn } from './types.ts'

/** How long a query may not see what was streamed, as where a commit waits for a standby, and how often that is looked at. */
const VISIBLE_WITHIN_MS = 30_000
const VISIBLE_POLL_MS = 20

/** Of a page of the log, and of the header of the longer kind at its begin. */
const PAGE_BYTES = 8192
const PAGE_HEADER_BYTES = 40

export interface WindowMarks {
  /** Before the rows of a chunk are read: what they show has everything that was streamed. */
  open(id: string): Promise<void>
  /** After they were read. */
  close(id: string): Promise<void>
  /** Whether the window is closed where the stream has come to a place of the log. */
  isClosedAt(lsn: Lsn): boolean
}

type Run = (query: Query) => Promise<(string | null)[][]>

export interface MarkedTable {
  /** Quoted. */
  name: string
  strategy: 'insert_insert' | 'insert_delete'
}

/** Rows of the table of signals, as Debezium writes them. Their changes in the stream open and close the window. */
export function tableMarks(run: Run, { name, strategy }: MarkedTable, transactions: StreamTransactions): WindowMarks {
  let openedAt = ''
  const write = (id: string, type: string, data: object) =>
    run({
      text: `INSERT INTO ${name} VALUES ($1, $2, $3) RETURNING txid_current_snapshot()::text`,
      values: [id, type, JSON.stringify(data).replaceAll('":"', '": "').replaceAll('","', '", "')],
    })
  return {
    async open(id) {
      openedAt = new Date().toISOString()
      const [row] = await write(`${id}-open`, 'snapshot-window-open', { openWindowTimestamp: openedAt })
      await visible(row?.[0] ?? null, run, transactions)
    },
    async close(id) {
      if (strategy === 'insert_delete') await run({ text: `DELETE FROM ${name} WHERE id = $1`, values: [`${id}-open`] })
      else
        await write(`${id}-close`, 'snapshot-window-close', {
          openWindowTimestamp: openedAt,
          closeWindowTimestamp: new Date().toISOString(),
        })
    },
    isClosedAt: () => false,
  }
}

/** Places of the log, for a connector that only reads: what the rows of a chunk show was committed before the place after them. */
export function placeMarks(run: Run, transactions: StreamTransactions): WindowMarks {
  let end: Lsn | null = null
  return {
    async open() {
      end = null
      await visible(null, run, transactions)
    },
    async close() {
      const [row] = await run({
        text: `SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END - '0/0'::pg_lsn`,
        values: [],
      })
      end = beforeHeader(Number(row![0]))
    },
    isClosedAt: (lsn) => end !== null && lsn >= end,
  }
}

/** The next record of the log goes behind the header of a page, which nothing comes to while nothing is written. */
const beforeHeader = (lsn: Lsn): Lsn => (lsn % PAGE_BYTES <= PAGE_HEADER_BYTES ? lsn - (lsn % PAGE_BYTES) : lsn)

async function visible(first: string | null, run: Run, transactions: StreamTransactions): Promise<void> {
  const deadline = performance.now() + VISIBLE_WITHIN_MS
  for (let snapshot = first; ; ) {
    snapshot ??= (await run({ text: 'SELECT txid_current_snapshot()::text', values: [] }))[0]![0]!
    if (transactions.allVisible(snapshot)) return
    if (performance.now() > deadline)
      throw new Error(`Changes that were streamed are not visible to queries after ${VISIBLE_WITHIN_MS / 1000} s: is a standby missing?`)
    await delay(VISIBLE_POLL_MS)
    snapshot = null
  }
}
