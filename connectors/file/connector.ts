/**
 * The file connectors of Kafka, with their class names, settings and positions, extended by JSON and CSV.
 */
import { defineConnector } from '../../connect/sdk/index.ts'
import { fileSink } from './sink.ts'
import { fileSource } from './source.ts'

export default defineConnector({
  name: 'file',
  doc: 'Reads lines, JSON lines or CSV from a growing file, and writes lines or JSON lines to a file, each record once.',
  source: fileSource,
  sink: fileSink,
})
