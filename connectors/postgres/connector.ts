/** Postgres: a sink that takes the settings of the two JDBC sinks. */
import { defineConnector } from '../../connect/sdk/index.ts'
import { postgresSink } from './sink.ts'

export default defineConnector({
  name: 'postgres',
  doc: "Writes records as rows of Postgres tables, which it creates from the records' fields where it may.",
  sink: postgresSink,
})
