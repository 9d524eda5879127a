/**
 * Goal: a library is loaded at its first use, once. Method: a library that the process has not loaded.
 */
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { lazyLibrary } from '../../../core/system/lazy-library.ts'

test('loads at the first use, and once', () => {
  const { cache, resolve } = createRequire(import.meta.url)
  const path = resolve('protobufjs')
  const library = lazyLibrary<typeof import('protobufjs')>('protobufjs')
  expect(cache[path]).toBeUndefined()
  expect(library().Root).toBeTypeOf('function')
  expect(library()).toBe(library())
  expect(cache[path]).toBeDefined()
})

test('says which library is missing', () => {
  expect(lazyLibrary('no-such-library')).toThrow("Cannot find module 'no-such-library'")
})
