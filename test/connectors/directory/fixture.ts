/**
 * The fixture of the directory source: each source has a folder of its own, in which every writing is a file.
 */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'

export default async function directoryFixture(): Promise<ConnectorFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-directory-'))
  let sources = 0
  return {
    async source() {
      const input = join(folder, `input-${++sources}`)
      await mkdir(input)
      let count = 0
      let files = 0
      const more = async (many: number) => {
        const lines = Array.from({ length: many }, (_, index) => JSON.stringify({ number: count + index }))
        count += many
        const name = join(input, `${String(++files).padStart(3, '0')}.jsonl`)
        await writeFile(`${name}.part`, lines.join('\n'))
        await rename(`${name}.part`, name)
      }
      return {
        config: {
          'input.path': input,
          'input.file.pattern': '.*[.]jsonl',
          topic: 'contract',
          format: 'json',
          'batch.size': '37',
          'empty.poll.wait.ms': '10',
        },
        fill: more,
        more,
        numberOf: (value) => (value as { number: number }).number,
      }
    },
    stop: () => rm(folder, { recursive: true }),
  }
}
