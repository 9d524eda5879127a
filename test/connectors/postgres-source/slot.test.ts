/**
 * Goal: where a slot and a stored position do not fit, nothing is lost in silence; publications and commands are what the settings say.
 * Method: the decisions themselves.
 */
import { expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { initialStatements } from '../../../connectors/postgres-source/database.ts'
import { identityRules, publicationStatement } from '../../../connectors/postgres-source/publication.ts'
import { type PostgresSourceConfig, settings } from '../../../connectors/postgres-source/settings.ts'
import {
  createSlotCommand,
  type SlotState,
  slotProblem,
  startReplicationCommand,
  streamStart,
} from '../../../connectors/postgres-source/slot.ts'
import { deliveredBefore, streamOffset, streamPosition } from '../../../connectors/postgres-source/stream-position.ts'
import { slotObservation } from '../../../connectors/postgres-source/system-checks.ts'

const config = (more: Record<string, string> = {}) =>
  parseSettings(settings, {
    'database.hostname': 'h',
    'database.user': 'u',
    'database.dbname': 'd',
    'topic.prefix': 'p',
    ...more,
  }) as PostgresSourceConfig

const slot = (more: Partial<SlotState> = {}): SlotState => ({
  plugin: 'pgoutput',
  database: 'd',
  isActive: false,
  activePid: null,
  confirmedLsn: 100,
  restartLsn: 90,
  walStatus: 'reserved',
  keptBytes: 0,
  safeBytes: null,
  walEndLsn: 1_000,
  ...more,
})
const position = { lsn: 120, commitLsn: 110, txId: 7, timestampMicros: 1, messageType: 'INSERT' }

test('a stream begins at the last commit of its position', () => {
  expect(streamStart(position, slot(), config())).toEqual({ from: 110, advance: false, warning: null })
  expect(streamStart(position, slot({ confirmedLsn: 105 }), config({ 'offset.mismatch.strategy': 'trust_offset' }))).toMatchObject({
    advance: true,
  })
})

test('a slot that is ahead of the position is an error, unless the settings trust it', () => {
  const ahead = slot({ confirmedLsn: 500 })
  expect(() => streamStart(position, ahead, config())).toThrow(/no longer has the changes between 0\/6E, .* and 0\/1F4.*trust_slot/)
  const modes: Record<string, string>[] = [
    { 'offset.mismatch.strategy': 'trust_slot' },
    { 'lsn.flush.mode': 'connector_and_driver' },
    { 'flush.lsn.source': 'false' },
  ]
  for (const more of modes)
    expect(streamStart(position, ahead, config(more))).toMatchObject({ from: 500, warning: expect.stringContaining('not read') })
})

test('a slot of another plug-in or database, or a lost one, is named', () => {
  expect(slotProblem(slot({ plugin: 'wal2json' }), config())).toMatch('wal2json')
  expect(slotProblem(slot({ database: 'other' }), config())).toMatch('database other')
  expect(slotProblem(slot({ walStatus: 'lost' }), config())).toMatch('max_slot_wal_keep_size')
  expect(slotProblem(slot(), config())).toBeNull()
})

test('commands quote names, and options go by version', () => {
  const c = config({ 'slot.name': 's', 'publication.name': `o'"k`, 'slot.failover': 'true', 'slot.stream.params': 'a=b; messages=false' })
  expect(createSlotCommand(c, 140_000, false)).toBe('CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput EXPORT_SNAPSHOT')
  expect(createSlotCommand(c, 170_000, false)).toBe(`CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput (SNAPSHOT 'export', FAILOVER)`)
  expect(createSlotCommand(c, 170_000, true)).not.toMatch('FAILOVER')
  expect(startReplicationCommand(c, 150_000, 0x16_0000_0001)).toBe(
    `START_REPLICATION SLOT "s" LOGICAL 16/1 ("proto_version" '1', "publication_names" '"o''""k"', "messages" 'false', "a" 'b')`,
  )
})

test('options that make messages which cannot be read are refused', () => {
  for (const params of ['binary=true', 'proto_version=2; streaming=on', 'two_phase = 1']) {
    expect(() => config({ 'slot.stream.params': params }), params).toThrow(/binary, streaming and two_phase/)
  }
  expect(config({ 'slot.stream.params': 'binary=false;origin=none; streaming = off ' })['slot.stream.params']).toMatch('origin')
})

test('a publication is made, altered or refused as its mode says', () => {
  const tables = [
    { schema: 'public', name: 'a' },
    { schema: 'public', name: 'B' },
  ]
  const of = (mode: string, state: Parameters<typeof publicationStatement>[0], more = {}) =>
    publicationStatement(state, tables, config({ 'publication.autocreate.mode': mode, ...more }))
  expect(of('all_tables', null, { 'publish.via.partition.root': 'true' })).toBe(
    'CREATE PUBLICATION "dbz_publication" FOR ALL TABLES WITH (publish_via_partition_root = true)',
  )
  expect(of('filtered', null)).toBe('CREATE PUBLICATION "dbz_publication" FOR TABLE "public"."a", "public"."B"')
  expect(of('no_tables', null)).toBe('CREATE PUBLICATION "dbz_publication"')
  expect(() => of('disabled', null)).toThrow('does not exist')
  expect(of('filtered', { isAllTables: false, tables: ['public.B', 'public.a'] })).toBeNull()
  expect(of('filtered', { isAllTables: false, tables: ['public.a'] })).toBe(
    'ALTER PUBLICATION "dbz_publication" SET TABLE "public"."a", "public"."B"',
  )
  expect(() => of('filtered', { isAllTables: true, tables: [] })).toThrow('cannot be altered')
  expect(of('all_tables', { isAllTables: false, tables: [] })).toBeNull()
  expect(() => publicationStatement(null, [], config({ 'publication.autocreate.mode': 'filtered' }))).toThrow('No table is captured')
})

test('replica identities are matched whole and in any case', () => {
  const [full, index] = identityRules(['public.Or.*:FULL', 'public.x:index my_index'])
  expect([full!.matches('public.orders'), full!.matches('xpublic.orders'), full!.identity]).toEqual([true, false, 'FULL'])
  expect(index!.identity).toBe('USING INDEX "my_index"')
})

test('positions go through the offset, and tell what was delivered', () => {
  const stored = streamOffset(position)
  expect(stored).toEqual({ ts_usec: 1, txId: 7, lsn: 120, lsn_proc: 120, lsn_commit: 110, messageType: 'INSERT' })
  expect(streamPosition(stored)).toEqual(position)
  expect(streamPosition({})).toBeNull()
  expect(() => streamPosition({ lsn: 'x' })).toThrow('not a number')
  const isDelivered = deliveredBefore(position)
  expect([isDelivered(7, 120), isDelivered(7, 121), isDelivered(8, 100)]).toEqual([true, false, false])
  expect(deliveredBefore({ ...position, messageType: 'COMMIT' })(7, 120)).toBe(false)
})

test('statements are split at single semicolons', () => {
  expect(initialStatements("SET a = 1; SET b = ';;';")).toEqual(['SET a = 1', "SET b = ';'"])
})

test('a slot that keeps much WAL, or is about to lose some, is a warning with what to do', () => {
  expect(slotObservation(slot({ keptBytes: 5 }), config())).toEqual({
    metrics: { 'slot-retained-wal-bytes': 5, 'slot-active': 0 },
    warnings: [],
  })
  expect(slotObservation(slot({ keptBytes: 2 * 1024 ** 3 }), config()).warnings).toEqual([
    'Postgres keeps 2048 MiB of WAL for slot debezium, on its disk. Resume the connector, or drop the slot if it is no longer needed.',
  ])
  expect(slotObservation(slot({ walStatus: 'unreserved', isActive: true, safeBytes: 0 }), config())).toMatchObject({
    metrics: { 'slot-safe-wal-bytes': 0 },
    warnings: [expect.stringContaining('The connector is behind')],
  })
  expect(slotObservation(null, config())).toEqual({ metrics: {}, warnings: [] })
})
