/**
 * Polls the tables of a task, or the query, one after the other, each in its interval. Every batch has the position after its rows. What
 * fails at the database is repeated.
 */
import { Retriable, type SourceBatch, type SourceContext, sleep } from '../../connect/sdk/index.ts'
import { withoutMaskedQuery } from './masked-query.ts'
import { PolledTable } from './polled-table.ts'
import { type QuerySourceConfig, queryOf } from './settings.ts'
import { connectionOf } from './system-check.ts'
import { divideTables, formatTables, listTables, parseTables, sameTopicProblem, type TableId } from './tables.ts'

/** The tables of each task. Throws where two of them would share a topic. */
export async function taskTables(config: QuerySourceConfig, maxTasks: number): Promise<{ tables: string }[]> {
  const tables = await tablesOf(config)
  const problem = sameTopicProblem(tables)
  if (problem) throw new Error(problem)
  // Without a table one task says so, and waits until the connector has one.
  return tables.length === 0 ? [{ tables: '' }] : divideTables(tables, maxTasks).map((group) => ({ tables: formatTables(group) }))
}

/** The batches of a task until it stops. */
export async function* pollTables(context: SourceContext<QuerySourceConfig>): AsyncGenerator<SourceBatch, void, void> {
  const { config, signal, log } = context
  const connection = connectionOf(config)
  const close = () => void connection.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    const isQuery = queryOf(config) !== null
    // A dry run has no tables from the connector.
    const tables = isQuery ? [] : config.tables === '' ? await listTables(connection, config) : parseTables(config.tables)
    if (!isQuery && tables.length === 0) {
      log.warn('There is no table to read: none in the database matches the settings. The task waits until there is one.')
      return await abort(signal)
    }
    const polled = isQuery
      ? [new PolledTable(null, context, connection)]
      : tables.map((table) => new PolledTable(table, context, connection))
    yield* new Polls(context, polled).read()
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', close)
    await connection.close()
  }
}

/** The chosen tables, after as many attempts to connect as the settings allow. */
async function tablesOf(config: QuerySourceConfig): Promise<TableId[]> {
  const connection = connectionOf(config)
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await listTables(connection, config)
      } catch (error) {
        if (!(error instanceof Retriable)) throw error
        if (attempt >= config['connection.attempts'])
          throw new Error(`${error.message} (after ${attempt} attempts: see connection.attempts)`, { cause: error })
        await sleep(config['connection.backoff.ms'])
      }
    }
  } finally {
    await connection.close()
  }
}

/** Takes turns: the table that has waited longest is polled as soon as its interval is over. */
class Polls {
  readonly #context: SourceContext<QuerySourceConfig>
  readonly #queue: { table: PolledTable; dueMs: number; failures: number }[]

  constructor(context: SourceContext<QuerySourceConfig>, tables: readonly PolledTable[]) {
    this.#context = context
    this.#queue = tables.map((table) => ({ table, dueMs: 0, failures: 0 }))
  }

  async *read(): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal, log } = this.#context
    while (!signal.aborted) {
      const next = this.#queue.shift()!
      this.#queue.push(next)
      await sleep(next.dueMs - performance.now(), signal)
      if (signal.aborted) return
      try {
        yield* this.#poll(next.table)
        next.failures = 0
        next.dueMs = performance.now() + config['poll.interval.ms']
      } catch (error) {
        if (signal.aborted || !(error instanceof Retriable)) throw withoutMaskedQuery(config, error as Error)
        next.failures++
        const limit = config['query.retry.attempts']
        if (limit > 0 && next.failures >= limit)
          throw new Error(`Failed to read ${next.table.name} after ${next.failures} attempts (query.retry.attempts): ${error.message}`, {
            cause: error,
          })
        log.warn(`${next.table.name} cannot be polled and is tried again in ${config['connection.backoff.ms']} ms: ${error.message}`)
        next.dueMs = performance.now() + config['connection.backoff.ms']
      }
    }
  }

  async *#poll(table: PolledTable): AsyncGenerator<SourceBatch, void, void> {
    const { gauge, progress } = this.#context
    const begunMs = performance.now()
    let rows = 0
    try {
      for await (const batch of table.poll()) {
        if (this.#context.signal.aborted) return
        rows += batch.records.length
        progress?.({ what: `poll of ${table.name}`, rows })
        yield batch
      }
    } finally {
      progress?.(null)
    }
    gauge?.('last-poll-rows', rows)
    gauge?.('last-poll-time-ms', Math.round(performance.now() - begunMs))
  }
}

const abort = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
