/**
 * Opens the stream of a slot: the parts that make records of it, the signals, and the connection, which is tried again while another one
 * uses the slot.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { SourceOffset } from '../../connect/sdk/index.ts'
import type { DatabaseCatalog } from './catalog.ts'
import { ChangeAssembler } from './change-assembler.ts'
import type { EnvelopeRecords } from './change-records.ts'
import { ChangeStream } from './change-stream.ts'
import type { Database } from './database.ts'
import { Heartbeat } from './heartbeat.ts'
import { LogicalMessages } from './logical-messages.ts'
import { ReplicationConnection } from './replication-connection.ts'
import type { Server } from './server.ts'
import { Signals } from './signals.ts'
import { startReplicationCommand } from './slot.ts'
import { SlotXmin } from './slot-xmin.ts'
import { TransactionMetadata } from './transaction-metadata.ts'
import type { Lsn, SourceStage, StreamListener, StreamPosition } from './types.ts'

/** How many bytes of changes make a batch full, whatever their number. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024

export interface StreamRequest {
  stage: SourceStage
  database: Database
  catalog: DatabaseCatalog
  records: EnvelopeRecords
  server: Server
  position: StreamPosition
  /** Where the server begins. */
  from: Lsn
  /** The offset of the position, with the fields of transactions and signals. */
  stored: SourceOffset | null
  /** Called with each connection that is opened, which the caller closes. */
  onConnection(connection: ReplicationConnection): void
}

export interface OpenedStream {
  stream: ChangeStream
  listener: StreamListener | null
}

export async function openStream(request: StreamRequest): Promise<OpenedStream> {
  const { stage, catalog, records, position, stored } = request
  const { context, partition } = stage
  const { config, log } = context
  const headers: [] = []
  const prefix = config['topic.prefix']
  const delimiter = config['topic.delimiter']
  const transactions = config['provide.transaction.metadata']
    ? new TransactionMetadata([prefix, config['topic.transaction']].join(delimiter), headers)
    : null
  if (stored) transactions?.restore(stored)
  const listener = Signals.open(stage, stored)
  const assembler = new ChangeAssembler({
    start: position,
    records,
    messages: new LogicalMessages({
      topic: `${prefix}.message`,
      include: config['message.prefix.include.list'],
      exclude: config['message.prefix.exclude.list'],
      binaryMode: config['binary.handling.mode'],
      headers,
    }),
    transactions,
    listener,
    mapping: stage.mapping,
    isCaptured: stage.isCaptured,
    skipsTruncates: config['skipped.operations'].some((operation) => operation.toLowerCase() === 't'),
    maxBatchSize: config['max.batch.size'],
    maxBatchBytes: Math.min(config['max.queue.size.in.bytes'] || MAX_BATCH_BYTES, MAX_BATCH_BYTES),
    onFailure: (error, change) => onFailure(error, change, stage),
    now: Date.now,
  })
  const heartbeat = new Heartbeat(
    {
      intervalMs: config['heartbeat.interval.ms'],
      topic: [config['topic.heartbeat.prefix'], prefix].join(delimiter),
      prefix,
      actionQuery: config['heartbeat.action.query'],
      database: request.database,
      headers,
      log,
    },
    performance.now(),
  )
  const xmin = new SlotXmin(request.database, config['slot.name'], config['xmin.fetch.interval.ms'], log, (value) => {
    records.xmin = value
  })
  await xmin.first(performance.now())
  const connection = await startedConnection(request)
  const stream = new ChangeStream({
    context,
    connection,
    catalog,
    assembler,
    heartbeat,
    xmin,
    listener,
    partition,
    monotonicMs: () => performance.now(),
  })
  return { stream, listener }
}

async function startedConnection({ stage, server, from, onConnection }: StreamRequest): Promise<ReplicationConnection> {
  const { config, log, signal } = stage.context
  const command = startReplicationCommand(config, server.version, from)
  for (let attempt = 1; ; attempt++) {
    const connection = await ReplicationConnection.open(config)
    onConnection(connection)
    try {
      await connection.start(command, from)
      log.info(`streaming changes: ${command}`)
      return connection
    } catch (error) {
      await connection.close()
      if (signal.aborted) throw error
      const { code } = ((error as Error).cause ?? {}) as { code?: string }
      if (code !== '55006') throw error
      if (attempt > config['slot.max.retries'])
        throw new Error(
          `Slot ${config['slot.name']} is in use by another connection: ${(error as Error).message}. Each connector needs a slot of its own: ` +
            'set another slot.name, or stop the other one.',
          { cause: error },
        )
      log.warn(`${(error as Error).message}; trying again in ${config['slot.retry.delay.ms']} ms`)
      await pause(config['slot.retry.delay.ms'], undefined, { signal })
    }
  }
}

function onFailure(error: Error, change: string, { context }: SourceStage): void {
  const mode = context.config['event.processing.failure.handling.mode']
  const text = `The ${change} cannot become a record: ${error.message}`
  if (mode === 'fail')
    throw new Error(`${text}. Correct the cause, or set event.processing.failure.handling.mode=warn to skip it.`, { cause: error })
  if (mode === 'warn') context.log.warn(`${text}; it is skipped`)
}
