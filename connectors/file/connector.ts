/** Files: the two connectors that Kafka brings, with their names, settings and positions, and JSON and CSV besides. */
import { defineConnector } from '../../connect/sdk/index.ts'
import { fileSink } from './sink.ts'
import { fileSource } from './source.ts'

export default defineConnector({
  name: 'file',
  doc: 'Reads lines, JSON lines or CSV from a file that may still grow, and writes lines or JSON lines into a file, each record once.',
  source: fileSource,
  sink: fileSink,
})
