/**
 * A table, or the query, that a task polls: where it has been read to, and the batches of a poll. A poll that fails is repeated from the
 * last position whose rows were all handed over.
 */
import type { SourceBatch, SourceContext } from '../../connect/sdk/index.ts'
import type { PostgresConnection } from '../postgres-driver/connection.ts'
import { columnNamed, describeResult, describeTable, type TableDescription } from './catalog.ts'
import { columnsFor, type PollColumns } from './column-mapping.ts'
import { columnProblems } from './column-problems.ts'
import { type Instant, instantOf } from './instant.ts'
import { completeBefore, visibilityProblem } from './open-transactions.ts'
import { beginStatement, type PolledColumns, pollStatement } from './poll-statement.ts'
import { formerPartitions, NO_POSITION, offsetOf, type PollPosition, parseOffset, partitionOf } from './position.ts'
import { RowGroups } from './row-groups.ts'
import { type Row, RowMapping } from './row-mapping.ts'
import { type QuerySourceConfig, queryOf, usesTimestamp } from './settings.ts'
import { identifier, nameOf, type TableId } from './tables.ts'
import type { TypeMapping } from './types.ts'
import { type Zone, zoneNamed } from './zone.ts'

/** Rows of one position that are held back until all are there, in batches of batch.max.rows (Invariant 13). */
const HELD_BATCHES = 10

/** The numeric mapping, with that of the former setting. */
const numericsOf = (config: QuerySourceConfig): TypeMapping['numerics'] =>
  config['numeric.mapping'] ?? (config['numeric.precision.mapping'] ? 'precision_only' : 'none')

interface Prepared extends PolledColumns {
  readonly names: PollColumns
}

export class PolledTable {
  readonly name: string
  readonly #table: TableId | null
  readonly #context: SourceContext<QuerySourceConfig>
  readonly #connection: PostgresConnection
  readonly #zone: Zone
  #prepared: Prepared | null = null
  #position: PollPosition = NO_POSITION
  #mapping: { signature: string; mapping: RowMapping } | null = null

  constructor(table: TableId | null, context: SourceContext<QuerySourceConfig>, connection: PostgresConnection) {
    this.#table = table
    this.#context = context
    this.#connection = connection
    this.#zone = zoneNamed(context.config['db.timezone'])
    this.name = table ? nameOf(table) : 'the query'
  }

  /** Reads what is new. Ends when there is no more, or when the task stops. */
  async *poll(): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal } = this.#context
    this.#prepared ??= await this.#prepare()
    const count = config['batch.max.rows']
    const begin = beginStatement({ isolation: config['transaction.isolation.mode'], zoneSql: this.#zone.sql })
    const waits = config['timestamp.wait.for.transactions'] && usesTimestamp(config)
    const select = this.#statement(this.#prepared, waits ? await completeBefore(this.#connection) : null)
    let groups: RowGroups<Row> | null = null
    for await (const { fields, rows } of this.#connection.cursor(begin, select, count)) {
      if (signal.aborted) return
      const isEnd = rows.length < count
      if (rows.length === 0 && !groups) return
      const mapping = await this.#mappingOf(this.#prepared, groups ? null : fields)
      groups ??= new RowGroups((a, b) => mapping.isSamePosition(a, b), HELD_BATCHES * count)
      const cut = groups.push(rows, isEnd)
      if (!cut || signal.aborted) continue
      const records = cut.rows.map((row) => mapping.record(row))
      const position = cut.last === null || config.mode === 'bulk' ? null : mapping.position(cut.last)
      if (position) this.#position = position
      yield { records, positions: position ? [{ partition: partitionOf(this.#table), offset: offsetOf(position) }] : [] }
    }
  }

  #statement({ timestamps, incrementing }: Prepared, before: Instant | null): string {
    const { config } = this.#context
    const quote = config['quote.sql.identifiers'] === 'always'
    const table = this.#table
    return pollStatement({
      select: table ? `SELECT * FROM ${identifier(table.schema, quote)}.${identifier(table.table, quote)}` : queryOf(config)!,
      timestamps,
      incrementing,
      position: this.#position,
      delayMs: config['timestamp.delay.interval.ms'],
      before,
      suffix: config['query.suffix'],
    })
  }

  async #prepare(): Promise<Prepared> {
    const { config } = this.#context
    const names = columnsFor(config, this.#table)
    const description = this.#table && (await describeTable(this.#connection, this.#table))
    if (this.#table && !description) throw new Error(`The table ${this.name} does not exist, or has no columns`)
    const [problem] = description ? columnProblems(this.name, names, description, config['validate.non.null']) : []
    if (problem) throw new Error(problem.why)
    const invisible = config['timestamp.wait.for.transactions'] ? await visibilityProblem(this.#connection) : null
    if (invisible !== null) throw new Error(invisible)
    this.#position = await this.#firstPosition(description)
    const quote = config['quote.sql.identifiers'] === 'always'
    const columns = description?.columns ?? []
    const named = (name: string) => columnNamed(columns, name)?.name ?? name
    const incrementing = names.incrementing === '' ? columns.find((column) => column.isAutoIncrement)!.name : names.incrementing
    return {
      names: { timestamps: names.timestamps, incrementing },
      timestamps: names.timestamps.map((name) => identifier(named(name), quote)),
      incrementing: incrementing === null ? null : identifier(named(incrementing), quote),
    }
  }

  /** The stored position, by the partition of any version of Confluent's connector; else that of timestamp.initial. */
  async #firstPosition(description: TableDescription | null): Promise<PollPosition> {
    const { config, positions } = this.#context
    if (config.mode === 'bulk') return NO_POSITION
    const former = this.#table && description ? formerPartitions(this.#table, description.database) : []
    for (const partition of [partitionOf(this.#table), ...former]) {
      const stored = await positions.get(partition)
      if (stored) return parseOffset(stored)
    }
    const initial = config['timestamp.initial']
    if (initial === null || !usesTimestamp(config)) return NO_POSITION
    if (initial !== -1) return { timestamp: instantOf(initial, null), incrementing: null }
    const [row] = await this.#connection.query<{ ms: string }>('SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms')
    return { timestamp: instantOf(Number(row!.ms), null), incrementing: null }
  }

  /** The mapping of the columns of a poll; with null, that of the fetch before. */
  async #mappingOf({ names }: Prepared, fields: Parameters<typeof describeResult>[1] | null): Promise<RowMapping> {
    if (fields === null && this.#mapping) return this.#mapping.mapping
    const columns = await describeResult(this.#connection, fields!)
    const signature = JSON.stringify(columns)
    if (this.#mapping?.signature === signature) return this.#mapping.mapping
    const { config, log } = this.#context
    const mapping = new RowMapping(columns, {
      topic: this.#table ? `${config['topic.prefix']}${this.#table.table}` : config['topic.prefix'],
      schemaName: this.#table?.table ?? null,
      timestamps: names.timestamps,
      incrementing: names.incrementing,
      types: {
        numerics: numericsOf(config),
        unboundedScale: config['numeric.unbounded.scale'],
        granularity: config['timestamp.granularity'],
        unsupported: config['unsupported.types'],
        zone: this.#zone,
      },
    })
    if (mapping.unsupported.length > 0)
      log.warn(
        `columns of ${this.name} are left out because Confluent's connector does not know their types; unsupported.types=string reads their ` +
          `text: ${mapping.unsupported.join(', ')}`,
      )
    this.#mapping = { signature, mapping }
    return mapping
  }
}
