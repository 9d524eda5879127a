/**
 * Goal: derived pages say what the declarations say, and can be read; links in the documents lead somewhere. Method: the pages are derived
 * again and compared.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { namesOfPattern } from '../docs/compatibility.ts'
import { onDisk, pages } from '../docs/generate.ts'
import { acceptedPatterns } from '../mirror/settings/mm2-properties.ts'

const root = resolve(import.meta.dirname, '..')

test.each(Object.keys(pages))('docs/%s is current (node docs/generate.ts writes it)', async (name) => {
  expect(onDisk(name)).toBe(await pages[name]!())
})

test('no line of a derived page is a wall of names', () => {
  for (const name of Object.keys(pages)) for (const line of onDisk(name).split('\n')) expect(line.length, line).toBeLessThan(500)
})

test.each(acceptedPatterns.map((pattern) => [pattern]))('the names for %s on the page are names that the pattern accepts', (pattern) => {
  for (const name of namesOfPattern(pattern)) expect(name.replace(/\*$/, 'x')).toMatch(pattern)
})

test('links between documents lead to files', () => {
  const documents = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.md') && !name.includes('node_modules'),
  )
  const broken = documents.flatMap((name) =>
    [...readFileSync(join(root, name), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)]
      .map((match) => match[1]!)
      .filter((target) => !existsSync(resolve(root, dirname(name), target)))
      .map((target) => `${name}: ${target}`),
  )
  expect(broken).toEqual([])
})

test('ARCHITECTURE names files that exist, and the functions in them', () => {
  const text = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8')
  const hops = [...text.matchAll(/^\| \d+ \| `([^`]+)` \| `([^`]+)` \|/gm)]
  expect(hops.length).toBeGreaterThan(30)
  const missing = hops.filter(([, file, name]) => {
    const path = join(root, file!)
    return !existsSync(path) || !readFileSync(path, 'utf8').match(new RegExp(`(^|[\\s*#])${name!.replace('#', '')}[<(]`, 'm'))
  })
  expect(missing.map(([row]) => row)).toEqual([])
  const files = [...text.matchAll(/`((?:core|connect|connectors|mirror|api|bin|bench|docs|test)\/[\w./-]+\.ts)`/g)].map(
    (match) => match[1]!,
  )
  expect(files.filter((file) => !/NN-name/.test(file) && !existsSync(join(root, file)))).toEqual([])
})
