/** The code of the thread that compares large schemas: it parses both again, and sends the differences. */
import { parentPort, workerData } from 'node:worker_threads'
import type { ThreadCheck } from './compatibility-checks.ts'
import { checkBackward, parseSchema } from './formats/index.ts'
import type { SchemaSource } from './parsed-schemas.ts'

const { writer, reader, names } = workerData as ThreadCheck
const parsed = ({ type, text, references }: SchemaSource) => parseSchema(type, text, references)

parentPort!.postMessage(checkBackward(parsed(writer), parsed(reader), names))
