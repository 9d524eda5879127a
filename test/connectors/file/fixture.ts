/**
 * The fixture of the file connectors: each source and sink has a file of its own in one folder.
 */
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sinkRecord } from '../../../connect/contract/index.ts'
import { schemas } from '../../../connect/sdk/index.ts'
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'

const line = (number: number) => `line ${number} ${'ü'.repeat(number % 7)}`
/** Has no text. */
const circular: { self?: unknown } = {}
circular.self = circular

const numberOf = (text: string) => Number(text.split(' ')[1])

export default async function fileFixture(): Promise<ConnectorFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-file-'))
  let files = 0
  return {
    async source() {
      const file = join(folder, `source-${++files}`)
      let count = 0
      const more = async (many: number) => {
        const lines = Array.from({ length: many }, (_, i) => `${line(count + i)}\n`)
        count += many
        await appendFile(file, lines.join(''))
      }
      return { config: { file, topic: 'contract', 'batch.size': '37' }, fill: more, more, numberOf: (value) => numberOf(value as string) }
    },
    async sink() {
      const file = join(folder, `sink-${++files}`)
      return {
        config: { file },
        record: (number, offset) => sinkRecord({ topic: 'contract', offset, value: line(number), valueSchema: schemas.string() }),
        bad: (offset) => sinkRecord({ topic: 'contract', offset, value: circular }),
        stored: async () => (await readFile(file, 'utf8')).split('\n').slice(0, -1).map(numberOf),
      }
    },
    stop: () => rm(folder, { recursive: true }),
  }
}
