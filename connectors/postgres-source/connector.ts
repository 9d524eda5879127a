/**
 * The Postgres source: change data capture with Debezium's settings, records and positions.
 */
import { defineConnector } from '../../connect/sdk/index.ts'
import { postgresSource } from './source.ts'

export default defineConnector({
  name: 'postgres-source',
  doc: 'Reads the rows of Postgres tables and each of their changes from the write-ahead log, as Debezium does, with its settings and records.',
  source: postgresSource,
})
