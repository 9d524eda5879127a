/**
 * Goal: derived pages and the declarations they come from say the same; links in the documents lead somewhere. Method: derive again,
 * compare.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { onDisk, pages } from '../docs/generate.ts'

const root = resolve(import.meta.dirname, '..')

test.each(Object.keys(pages))('docs/%s is current (node docs/generate.ts writes it)', async (name) => {
  expect(onDisk(name)).toBe(await pages[name]!())
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
