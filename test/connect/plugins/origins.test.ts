/**
 * Goal: a declaration has the origin that the loader has set, and else that of the worker. Method: declarations with and without one.
 */
import { expect, test } from 'vitest'
import { originOf, setOrigin } from '../../../connect/plugins/origins.ts'
import { findPlugins } from '../../../connect/plugins.ts'
import { version } from '../../../core/system/version.ts'

test('what nobody has set is the worker itself', () => {
  expect(originOf({})).toEqual({ version, module: null, location: null })
  const declaration = {}
  setOrigin(declaration, { version: '3', module: 'file:///a.js', location: '/a.js' })
  expect(originOf(declaration)).toEqual({ version: '3', module: 'file:///a.js', location: '/a.js' })
})

test('what comes with the worker names its module', async () => {
  const plugins = await findPlugins()
  expect(plugins.connector('FileStreamSource').origin).toMatchObject({ version, location: null })
  expect(plugins.connector('FileStreamSource').origin.module).toMatch(/connectors\/file\/connector\.[tj]s$/)
  expect(originOf(plugins.converter('StringConverter')!).module).toMatch(/converters\/string\.[tj]s$/)
})
