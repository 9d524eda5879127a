/**
 * Goal: what lies in plugin.path becomes plugins of the worker, when it starts and while it runs; what is no good is left out, named once,
 * and harms nothing. Method: plugins written into a folder, threads that are real, a log that is kept.
 */
import { afterEach, expect, test, vi } from 'vitest'
import { versionRange } from '../../../../connect/plugins/version-range.ts'
import { findPlugins } from '../../../../connect/plugins.ts'
import { openPathPlugins } from '../../../../connect/runtime/isolation/path-plugins.ts'
import { parseWorkerSettings } from '../../../../connect/runtime/worker-settings.ts'
import { realSystem } from '../../../../core/system/index.ts'
import type { Logger } from '../../../../core/system/logger.ts'
import { until } from '../../../until.ts'
import { WrittenPlugins } from './written-plugins.ts'

// Threads load the worker's code and loops take the processors: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 240_000 })

const written: WrittenPlugins[] = []
const closes: (() => void)[] = []
afterEach(() => {
  for (const close of closes.splice(0)) close()
  for (const plugins of written.splice(0)) plugins.remove()
})

function folder(): WrittenPlugins {
  const plugins = new WrittenPlugins()
  written.push(plugins)
  return plugins
}

async function open(folders: string, more: Record<string, string> = {}) {
  const lines: string[] = []
  const keep = (_details: object, message: string) => void lines.push(message)
  const logger: Logger = { error: keep, warn: keep, info: () => {}, debug: () => {}, child: () => logger }
  const plugins = await findPlugins()
  const properties = { 'plugin.path': folders, ...more }
  const opened = await openPathPlugins(plugins, parseWorkerSettings(properties), {
    properties,
    systemProperties: {},
    workerId: 'test:8083',
    system: { ...realSystem('silent'), logger },
  })
  closes.push(() => opened.pathPlugins.close())
  return { plugins, lines, ...opened }
}

test("packages and single modules, ESM, CommonJS and TypeScript, are plugins with this worker's SDK", async () => {
  const path = folder()
  path.writeAll()
  const { plugins, lines } = await open(path.folder)
  expect(lines).toEqual([])
  expect(plugins.connector('Counter')).toMatchObject({ type: 'source', version: '2.0.0' })
  expect(plugins.connector('FileLinesSink')).toMatchObject({ type: 'sink', version: '2.0.0' })
  expect(plugins.connector('CountSource').settings).toMatchObject({
    topic: { type: 'STRING', required: true },
    count: { type: 'INT', default: '10' },
    password: { type: 'PASSWORD' },
  })
  expect(plugins.transform('Suffix')).toBeDefined()
  expect(plugins.predicate('Even')).toBeDefined()
  expect(plugins.list(false)).toContainEqual({ class: 'org.example.ReverseConverter', type: 'converter', version: '3.1' })
  expect(plugins.list(false)).toContainEqual({ class: 'org.example.SuffixTransformation', type: 'transformation', version: 'undefined' })
})

test('what throws, loops, ends its process or is no plugin is left out, and the log says why', async () => {
  const path = folder()
  path.writeAll()
  const reasons = path.writeBad()
  const { plugins, lines } = await open(`${path.folder}, /no/such/folder`)
  for (const [name, reason] of Object.entries(reasons)) {
    const ofPlugin = lines.filter((line) => line.startsWith(`the plugin ${path.folder}/${name} is left out: `))
    expect(ofPlugin, name).toHaveLength(1)
    expect(ofPlugin[0]).toMatch(reason)
  }
  expect(lines.filter((line) => !Object.keys(reasons).some((name) => line.includes(`/${name} is left out`)))).toEqual([
    expect.stringMatching(/^\/no\/such\/folder of plugin\.path does not exist/),
  ])
  expect(plugins.connector('Counter').version).toBe('2.0.0')
})

test('hybrid_fail refuses to start instead', async () => {
  const path = folder()
  path.write('throws.mjs', 'throw new Error("no licence")')
  await expect(open(path.folder, { 'plugin.discovery': 'hybrid_fail' })).rejects.toThrow(/throws\.mjs is left out: no licence/)
})

test('plugins are found, changed and removed while the worker runs, and versions live side by side', async () => {
  const path = folder()
  const { plugins, lines } = await open(path.folder)
  expect(plugins.findConnector('Counter')).toBeUndefined()
  path.writeConnector('1.0.0', 'old')
  await until(() => plugins.versions('Counter').join() === '1.0.0', 'the plugin is found')
  path.writeConnector('2.0.0', 'new')
  await until(() => plugins.versions('Counter').join() === '2.0.0,1.0.0', 'the other version is found too')
  expect(plugins.connector('Counter').version).toBe('2.0.0')
  expect(plugins.connector('Counter', versionRange('[1,2)')).version).toBe('1.0.0')
  path.writeConnector('2.1.0', 'new')
  await until(() => plugins.versions('Counter').join() === '2.1.0,1.0.0', 'the changed package is read again')
  path.write(
    'twice.mjs',
    'import { definePredicate } from "tributary/sdk"\nexport default definePredicate({ class: "P", version: "1", doc: "", settings: {}, create: () => () => true })',
  )
  path.write(
    'twice2.mjs',
    'import { definePredicate } from "tributary/sdk"\nexport default definePredicate({ class: "P", version: "1", doc: "", settings: {}, create: () => () => true })',
  )
  await until(() => lines.some((line) => line.startsWith('P 1 is in plugin.path more than once')), 'a duplicate is named')
  path.remove()
  await until(() => plugins.findConnector('Counter') === undefined, 'nothing is left')
})
