/**
 * Goal: what a folder of plugin.path has is found by its name and its package.json, without running anything; a change of it is noticed.
 * Method: files in a temporary folder.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readPluginPath } from '../../../connect/plugins/plugin-path.ts'
import { realDisk } from '../../../core/system/disk.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plugin-path-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(path: string, text = ''): void {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), text)
}
const manifest = (path: string, content: object) => write(`${path}/package.json`, JSON.stringify(content))
/** By the path in the folder: the module in it, its version, or the problem. */
async function found(...folders: string[]) {
  const { locations, problems } = await readPluginPath(realDisk, folders.length > 0 ? folders : [folder])
  const own = (text: string | null) => text?.replace(`file://${folder}/`, '').replace(`${folder}/`, '')
  return {
    problems,
    of: Object.fromEntries(locations.map(({ path, module, version, problem }) => [own(path), problem ?? `${own(module)} ${version}`])),
  }
}

test('modules, packages, scopes and links; nothing hidden, no tests, no dependencies', async () => {
  for (const name of ['a.js', 'b.mjs', 'c.cjs', 'd.ts', 'e.d.ts', 'f.test.js', '.hidden.js', 'readme.md', 'node_modules/x/index.js'])
    write(name)
  manifest('exported', { version: '1.2', exports: { '.': { types: './t.d.ts', import: './lib/main.js', default: './other.js' } } })
  write('exported/lib/main.js')
  manifest('main', { version: '2', main: 'dist' })
  write('main/dist/index.js')
  manifest('plain', {})
  write('plain/index.ts')
  manifest('@acme/scoped', { version: '3', exports: './x.js' })
  write('@acme/scoped/x.js')
  symlinkSync(join(folder, 'main'), join(folder, 'linked'))
  expect((await found()).of).toEqual({
    'a.js': 'a.js undefined',
    'b.mjs': 'b.mjs undefined',
    'c.cjs': 'c.cjs undefined',
    'd.ts': 'd.ts undefined',
    exported: 'exported/lib/main.js 1.2',
    main: 'main/dist/index.js 2',
    plain: 'plain/index.ts undefined',
    '@acme/scoped': '@acme/scoped/x.js 3',
    linked: 'linked/dist/index.js 2',
  })
})

test('a folder of the path may be a package; one that is missing or no folder is a problem', async () => {
  manifest('one', { version: '1', main: 'i.js' })
  write('one/i.js')
  write('file.js')
  const { of, problems } = await found(join(folder, 'one'), join(folder, 'none'), join(folder, 'file.js'))
  expect(of).toEqual({ one: 'one/i.js 1' })
  expect(problems).toEqual([
    `${folder}/none of plugin.path does not exist: create it`,
    `${folder}/file.js of plugin.path is no folder: name the one that it is in`,
  ])
})

test('what is wrong with a package is said', async () => {
  write('bare/x.txt')
  write('broken/package.json', '{')
  write('number/package.json', '3')
  manifest('away', { exports: './dist/i.js' })
  const { of } = await found()
  expect(of).toMatchObject({
    bare: 'it has no package.json: add one with name, version and exports',
    broken: expect.stringMatching(/^its package\.json is not JSON/),
    number: 'its package.json is no object',
    away: 'its package.json leads to ./dist/i.js, which does not exist: build the package, or correct exports or main',
  })
})

test('what cannot be read takes nothing else with it', async () => {
  write('good.mjs')
  symlinkSync('self', join(folder, 'self'))
  symlinkSync('nowhere', join(folder, 'dangling.mjs'))
  execFileSync('mkfifo', [join(folder, 'pipe.mjs')])
  write('zero/package.json', '{"main": "a\\u0000b"}')
  write('deep/package.json', `{"exports": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`)
  const { of, problems } = await found()
  expect(problems).toEqual([])
  expect(of).toMatchObject({
    'good.mjs': 'good.mjs undefined',
    self: expect.stringMatching(/^it cannot be read: ELOOP/),
    'dangling.mjs': 'it is a link to a file that does not exist: correct or remove it',
    zero: expect.stringMatching(/^it cannot be read: /),
    deep: expect.stringMatching(/^it cannot be read: /),
  })
  expect(Object.keys(of)).not.toContain('pipe.mjs')
  expect((await readPluginPath(realDisk, [folder])).unread).toContain(join(folder, 'self'))
})

test('a change of any file of a package changes its signature', async () => {
  manifest('p', { main: 'i.js' })
  write('p/i.js')
  write('p/lib/deep/x.js')
  const signature = async () => (await readPluginPath(realDisk, [folder])).locations[0]!.signature
  const before = await signature()
  expect(await signature()).toBe(before)
  utimesSync(join(folder, 'p/lib/deep/x.js'), 1, 1)
  const after = await signature()
  expect(after).not.toBe(before)
  write('p/node_modules/y/index.js')
  expect(await signature()).toBe(after)
})
