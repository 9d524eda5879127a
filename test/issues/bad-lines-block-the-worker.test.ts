/**
 * Goal: bad lines take as long as good ones, and do not fill the log; 20,000 of them used to compute for more than a minute without a
 * pause. Method: CSV and JSON lines that are bad, with good ones between, and bad.lines=skip.
 */
import { expect, test } from 'vitest'
import { FolderForTests, values } from '../connectors/directory/folder-reading.ts'

const folder = new FolderForTests()
const COUNT = 20_000

test.each([
  ['csv', `a,b\n1,1\n${'1\n'.repeat(COUNT)}2,2\n${'x,"\n"y\n'.repeat(3)}3,3`, ['1', '2', '3']],
  ['json', `{"a":"1"}\n${'{"a":\n'.repeat(COUNT)}{"a":"2"}\n\n{"a":\n{"a":"3"}`, ['1', '2', '3']],
])('%s', async (format, text, expected) => {
  await folder.write('a', text)
  const read = values(await folder.read(3, { format, 'bad.lines': 'skip' })) as { a: string }[]
  expect(read.map(({ a }) => a)).toEqual(expected)
  const warnings = folder.logged.filter(({ level }) => level === 'warn')
  expect(warnings).toHaveLength(21)
  expect(warnings.at(-1)!.message).toMatch(/ 199\d\d further lines/)
})
