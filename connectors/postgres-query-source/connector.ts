/**
 * The Postgres query source: polls tables or a query, with the settings and positions of Confluent's JDBC source.
 */
import { defineConnector } from '../../connect/sdk/index.ts'
import { postgresQuerySource } from './source.ts'

export default defineConnector({
  name: 'postgres-query-source',
  doc: 'Polls tables or a query of Postgres for new and changed rows, by an incrementing column, a timestamp column, or both.',
  source: postgresQuerySource,
})
