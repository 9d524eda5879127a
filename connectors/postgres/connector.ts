/** Postgres: a sink that takes the settings of the two JDBC sinks. */
import { defineConnector } from '../../connect/sdk/index.ts'
import { postgresSink } from './sink.ts'

export default defineConnector({
  name: 'postgres',
  version: '0.1.0',
  doc: "Writes records as rows of Postgres tables, which it creates from the records' fields where it may.",
  sink: postgresSink,
})
