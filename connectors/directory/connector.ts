/**
 * Reads the finished files of a folder, one after the other: text, JSON, CSV, Avro and Parquet, also compressed.
 */
import { defineConnector } from '../../connect/sdk/index.ts'
import { directorySource } from './source.ts'

export default defineConnector({
  name: 'directory',
  doc: 'Reads the files of a folder, each record once: lines, JSON lines, CSV, Avro or Parquet, also compressed.',
  source: directorySource,
})
