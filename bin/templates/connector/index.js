/** What the worker finds in this package: one connector. */
import { defineConnector } from 'tributary/connect/sdk'
import { sink } from './sink.js' // #sink
import { source } from './source.js' // #source

export default defineConnector({
  name: 'my-plugin',
  doc: 'Moves lines between the files of a folder and Kafka.',
  source, // #source
  sink, // #sink
})
