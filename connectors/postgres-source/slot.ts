/**
 * The replication slot: what it is, whether a stored position can go on with it, and the commands that create, start and drop it. Where
 * changes are lost, the error says which and how to mend it. The decisions are pure.
 */
import { Retriable } from '../../connect/sdk/index.ts'
import type { Database } from './database.ts'
import { formatLsn, parseLsn } from './pgoutput.ts'
import type { PostgresSourceConfig } from './settings.ts'
import { startLsn } from './stream-position.ts'
import type { Lsn, StreamPosition } from './types.ts'

export interface SlotState {
  plugin: string
  database: string
  isActive: boolean
  activePid: number | null
  /** Null for a slot that is still being created: it has no place yet from which it can be read. */
  confirmedLsn: Lsn | null
  restartLsn: Lsn | null
  walStatus: string | null
  /** How much WAL it keeps. */
  keptBytes: number
  /** How much more it may keep before it is lost; null where there is no limit. */
  safeBytes: number | null
  /** Up to where the server has WAL. */
  walEndLsn: Lsn
}

interface SlotRow {
  plugin: string
  database: string
  active: boolean
  active_pid: number | null
  confirmed: string | null
  restart: string | null
  status: string | null
  kept: string | null
  safe: string | null
  wal_end: string
}

const SLOT = `
SELECT plugin, database, active, active_pid, confirmed_flush_lsn::text AS confirmed, restart_lsn::text AS restart,
  row_to_json(s) ->> 'wal_status' AS status, row_to_json(s) ->> 'safe_wal_size' AS safe,
  pg_wal_lsn_diff(wal.lsn, restart_lsn)::text AS kept, wal.lsn::text AS wal_end
FROM pg_catalog.pg_replication_slots s, (SELECT CASE WHEN pg_is_in_recovery()
  THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) ELSE pg_current_wal_lsn() END AS lsn) AS wal
WHERE slot_name = $1`

export async function readSlot(database: Database, name: string): Promise<SlotState | null> {
  const [row] = await database.query<SlotRow>(SLOT, [name])
  if (!row) return null
  return {
    plugin: row.plugin,
    database: row.database,
    isActive: row.active,
    activePid: row.active_pid,
    confirmedLsn: row.confirmed === null ? null : parseLsn(row.confirmed),
    restartLsn: row.restart === null ? null : parseLsn(row.restart),
    walStatus: row.status,
    keptBytes: Math.max(Number(row.kept ?? 0), 0),
    safeBytes: row.safe === null ? null : Number(row.safe),
    walEndLsn: parseLsn(row.wal_end),
  }
}

const newSnapshot = (config: PostgresSourceConfig): string =>
  `stop the connector, delete its offsets (DELETE /connectors/<name>/offsets)${config['slot.name'] ? ` and the slot (SELECT pg_drop_replication_slot('${config['slot.name']}'))` : ''}, and resume it: it takes a new snapshot where snapshot.mode does`

/** What is wrong with a slot that exists; null where it can be used. */
export function slotProblem(slot: SlotState, config: PostgresSourceConfig): string | null {
  const name = config['slot.name']
  if (slot.plugin !== config['plugin.name'])
    return `Slot ${name} is one of ${slot.plugin}, not of ${config['plugin.name']}. Set another slot.name.`
  if (slot.database !== config['database.dbname'])
    return `Slot ${name} is one of database ${slot.database}, not of ${config['database.dbname']}. Set another slot.name.`
  if (slot.walStatus === 'lost')
    return `Slot ${name} is lost: Postgres removed WAL that it needs (max_slot_wal_keep_size). Changes are lost; ${newSnapshot(config)}.`
  return null
}

/** Why a slot has to be waited for; null where it is ready. A snapshot that is taken meanwhile would lack what the slot lacks. */
export const unfinishedSlot = (slot: SlotState, config: PostgresSourceConfig): string | null =>
  slot.confirmedLsn === null
    ? `Slot ${config['slot.name']} is still being created${slot.activePid === null ? '' : ` by process ${slot.activePid} of Postgres`}, for which ` +
      'Postgres waits until all open transactions have ended. End the oldest ones that pg_stat_activity shows.'
    : null

export interface StreamStart {
  from: Lsn
  /** The slot moves there before, so that WAL before the position is let go. */
  advance: boolean
  warning: string | null
}

/**
 * Where the stream of a stored position begins. Throws where changes between it and the slot are lost; Retriable where a standby has yet to
 * come to the position, as after its restart.
 */
export function streamStart(position: StreamPosition, slot: SlotState, config: PostgresSourceConfig, isStandby = false): StreamStart {
  const strategy = config['offset.mismatch.strategy']
  const from = startLsn(position)
  const confirmed = slot.confirmedLsn
  if (from > slot.walEndLsn) {
    const text = `The stored position is ${formatLsn(from)}, and the WAL of the server ends at ${formatLsn(slot.walEndLsn)}`
    if (strategy === 'trust_slot' && confirmed !== null)
      return { from: confirmed, advance: false, warning: `${text}. The stream begins at ${formatLsn(confirmed)}, where the slot is` }
    if (isStandby)
      throw new Retriable(`${text}: the standby is behind. Check its replication, and database.hostname.`, {
        afterMs: config['retriable.restart.connector.wait.ms'],
      })
    throw new Error(
      `${text}: it is another server, or was restored from a backup. Changes would be left out in silence. Check database.hostname; or ` +
        `set offset.mismatch.strategy=trust_slot to go on where the slot is; or ${newSnapshot(config)}.`,
    )
  }
  if (confirmed === null || confirmed <= Math.max(from, position.lsn))
    return {
      from,
      advance: (strategy === 'trust_offset' || strategy === 'trust_greater_lsn') && confirmed !== null && confirmed < from,
      warning: null,
    }
  const range = `between ${formatLsn(from)}, where the stored position is, and ${formatLsn(confirmed)}, which the slot has confirmed`
  if (strategy === 'trust_slot' || strategy === 'trust_greater_lsn' || isConfirmedByOthers(config))
    return { from: confirmed, advance: false, warning: `Changes ${range}, are not read` }
  throw new Error(
    `Slot ${config['slot.name']} no longer has the changes ${range}: it was created again, or another client moved it. Where they do not ` +
      `matter, set offset.mismatch.strategy=trust_slot; else ${newSnapshot(config)}.`,
  )
}

/** Where the slot moves without stored positions, it may be ahead of them. */
const isConfirmedByOthers = (config: PostgresSourceConfig): boolean =>
  config['lsn.flush.mode'] !== 'connector' || !config['flush.lsn.source']

/** The error for a slot that is missing though its changes were read before. */
export const missingSlot = (position: StreamPosition, config: PostgresSourceConfig): Error =>
  new Error(
    `Slot ${config['slot.name']} does not exist, but changes up to ${formatLsn(startLsn(position))} were read with it: it was dropped, and ` +
      `changes since then are lost. Check slot.name; or ${newSnapshot(config)}; or set snapshot.mode=when_needed, which does it by itself.`,
  )

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

export function createSlotCommand(config: PostgresSourceConfig, serverVersion: number, isStandby: boolean): string {
  const command = `CREATE_REPLICATION_SLOT ${quoteName(config['slot.name'])} LOGICAL ${config['plugin.name']}`
  if (serverVersion < 150_000) return `${command} EXPORT_SNAPSHOT`
  const failover = config['slot.failover'] && serverVersion >= 170_000 && !isStandby ? ', FAILOVER' : ''
  return `${command} (SNAPSHOT 'export'${failover})`
}

const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** `slot.stream.params` may replace an option. */
export function startReplicationCommand(config: PostgresSourceConfig, serverVersion: number, from: Lsn): string {
  const options = new Map([
    ['proto_version', '1'],
    ['publication_names', quoteName(config['publication.name'])],
  ])
  if (serverVersion >= 140_000) options.set('messages', 'true')
  for (const [name, value] of streamParams(config['slot.stream.params'])) options.set(name, value)
  const list = [...options].map(([name, value]) => `${quoteName(name)} ${quoteText(value)}`)
  return `START_REPLICATION SLOT ${quoteName(config['slot.name'])} LOGICAL ${formatLsn(from)} (${list.join(', ')})`
}

export const streamParams = (text: string | null): [string, string][] =>
  (text ?? '')
    .split(';')
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const at = part.indexOf('=')
      return at < 0 ? [part.trim(), ''] : [part.slice(0, at).trim(), part.slice(at + 1).trim()]
    })

/** A sentence for what ends a stream or keeps it from its start; null where the error says enough. */
export function streamProblem(error: Error, config: PostgresSourceConfig): string | null {
  const { code } = (error.cause ?? {}) as { code?: string }
  const { message } = error
  const name = config['slot.name']
  if (code === '58P01' || /has already been removed|can no longer (get|access)|cannot be acquired|invalidated/.test(message))
    return `Slot ${name} has lost WAL: ${message}. Changes are lost; ${newSnapshot(config)}.`
  if (code === '42501')
    return `${config['database.user']} may not replicate: ${message}. ALTER ROLE … REPLICATION, or grant rds_replication.`
  // Postgres asks for it as of each change, and gives no code of its own.
  if (code === '42704' && message.includes('publication'))
    return (
      `Publication ${config['publication.name']} did not exist when changes were made that the slot holds: ${message}. It must be there from ` +
      `before the slot on, else changes are lost: create it where it is missing, and ${newSnapshot(config)}.`
    )
  return null
}
