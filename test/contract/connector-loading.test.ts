/**
 * Goal: every worker loads each connector's declaration at its start, so that a declaration must not load the client of its system or the
 * parsers of its formats. Method: a process loads the connector.ts of every folder, with a hook that writes
 * down which packages were loaded.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const folder = fileURLToPath(new URL('../../connectors', import.meta.url))
const declarations = readdirSync(folder)
  .map((name) => `${folder}/${name}/connector.ts`)
  .filter(existsSync)
/** What the SDK itself needs of it: the checks of settings that are regular expressions. */
const allowed = new Set(['re2js'])

const program = `
  import { registerHooks } from 'node:module'
  const packages = new Set()
  registerHooks({
    load(url, context, next) {
      const [, name] = /.*\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url) ?? []
      if (name !== undefined) packages.add(name)
      return next(url, context)
    },
  })
  const loaded = {}
  for (const file of JSON.parse(process.argv[1])) {
    packages.clear()
    await import(file)
    loaded[file] = [...packages]
  }
  console.log(JSON.stringify(loaded))
`

/** The packages that each of the modules has loaded, in one process, which names each once. */
async function packagesOf(files: readonly string[]): Promise<Record<string, string[]>> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, JSON.stringify(files)])
  return JSON.parse(stdout)
}

test('the declaration of a connector loads no package that only its tasks need', async () => {
  expect(declarations.length).toBeGreaterThan(5)
  const tooMuch = Object.entries(await packagesOf(declarations)).flatMap(([file, packages]) =>
    packages.filter((name) => !allowed.has(name)).map((name) => `${file.slice(folder.length + 1)} loads ${name}`),
  )
  expect(tooMuch).toEqual([])
})

test('the hook sees a package that is loaded', async () => {
  const file = `${folder}/file-readers/parquet-types.ts`
  const reader = `${folder}/file-readers/parquet-reader.ts`
  const loaded = await packagesOf([file, reader])
  expect(loaded[file]).toEqual([])
  expect(loaded[reader]).toContain('lz4-napi')
})
