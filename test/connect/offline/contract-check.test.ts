/**
 * Goal: the contract of plugins in a folder is checked in threads: one that computes for ever, ends its process or is no plugin is a
 * finding, and the others are checked. Method: plugins written into a folder; real threads.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { checkContract } from '../../../connect/offline/index.ts'
import { realSystem } from '../../../core/system/index.ts'

// A loop takes a processor: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 240_000 })

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'contract-check-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const predicate = (name: string, body: string, fixtures = '') => `
import { definePredicate } from 'tributary/connect/sdk'
import 'tributary/connect/contract'
export default definePredicate({ class: 'org.example.${name}', doc: 'Selects.', settings: {}, create: () => (record) => { ${body} } })
${fixtures}`

function write(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), text)
}

test('modules and packages, with the fixtures of both, and what is wrong with each', async () => {
  write('fine.js', predicate('Fine', "return record.topic === 'topic'", "export const fixtures = { 'org.example.Fine': {} }"))
  write('loop.js', predicate('Loop', 'for (;;) {}'))
  write('ends.js', predicate('Ends', 'process.exit(3)'))
  write('none.js', 'export default 5')
  write('pack/package.json', '{ "type": "module", "exports": "./main.js" }')
  write('pack/main.js', predicate('Packed', 'return record.topic'))
  write('wrong/package.json', '{ "type": "module", "exports": "./main.js" }')
  write('wrong/main.js', predicate('Wrong', 'return true'))
  write('wrong/contract.js', 'export default 5')
  const results = await checkContract(folder, realSystem('silent'))
  const of = (name: string) => results.find(({ path }) => path === join(folder, name))!
  expect(of('fine.js')).toMatchObject({ problem: null, plugins: [{ class: 'org.example.Fine', failed: [], notChecked: null }] })
  expect(of('loop.js').problem).toMatch(
    /has not responded for 10 s .* \(in the check "tells of every record whether it is selected" of org\.example\.Loop\)$/s,
  )
  expect(of('ends.js').problem).toContain('exit code 3')
  expect(of('none.js').problem).toContain('no default export of an object')
  const [packed] = of('pack').plugins
  expect(packed!.failed[0]).toMatchObject({
    check: 'tells of every record whether it is selected',
    message: 'of sample record 0 it tells topic, and must tell true or false',
  })
  expect(of('wrong').problem).toContain('default-export an object of them by class')
})
