/**
 * The Postgres connector: a sink with the settings of Confluent's and Debezium's JDBC sinks.
 */
import { defineConnector } from '../../connect/sdk/index.ts'
import { postgresSink } from './sink.ts'

export default defineConnector({
  name: 'postgres',
  doc: 'Writes records as rows of Postgres tables, and creates the tables from the fields of the records where settings allow it.',
  sink: postgresSink,
})
