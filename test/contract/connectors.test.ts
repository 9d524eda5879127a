/**
 * Goal: the tasks of every connector keep the same promises towards the runtime. Method: a scan finds every connectors/<name>/connector.ts;
 * its fixture in test/connectors/<name>/fixture.ts fills and reads the real system; one suite runs on all of them. A connector without a
 * fixture, or without a README in the common order, fails. Those of a plugin.path (extra-plugins.ts) pass the same suite.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { declarationChecks, type SinkFixture, type SourceFixture, sinkChecks, sourceChecks } from '../../connect/contract/index.ts'
import { type Connector, MissingSetting, parseSettings, type Settings } from '../../connect/sdk/index.ts'
import { scanFolders } from '../../core/system/scan.ts'
import { version } from '../../core/system/version.ts'
import type { ConnectorFixture } from './connector-fixture.ts'
import { extraPlugins } from './extra-plugins.ts'
import { runChecks } from './run-checks.ts'

const root = new URL('../../', import.meta.url)
const own = (await scanFolders<Connector | Connector[]>(fileURLToPath(new URL('connectors', root)), 'connector')).flat()
const extra = await extraPlugins()
const connectors = [...own, ...extra.connectors]
/** In this order; those that are optional end with a question mark. */
const README_SECTIONS = [
  'How it works',
  'Snapshots?',
  'Signals?',
  'Records',
  'Type mapping?',
  'Set-up?',
  'Settings',
  'Metrics?',
  'When things go wrong',
]

const sidesOf = (connector: Connector) => [connector.source, connector.sink, connector.flow].filter((side) => side !== undefined)

test('connectors are found', () =>
  expect(connectors.map((connector) => connector.name)).toEqual(
    expect.arrayContaining([
      'datagen',
      'directory',
      'file',
      'postgres-query-source',
      'postgres-sink',
      ...extra.connectors.map((connector) => connector.name),
    ]),
  ))

test('a class name or an alias means one side of one kind', () => {
  const names = connectors.flatMap((connector) => sidesOf(connector).flatMap((side) => [side.class, ...(side.aliases ?? [])]))
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
})

describe.each(connectors.map((connector) => [connector.name, connector] as const))('%s', (name, connector) => {
  let fixture: ConnectorFixture

  beforeAll(async () => {
    const ofPath = extra.fixtures.get(name)
    const load = async () =>
      (await import(new URL(`test/connectors/${name}/fixture.ts`, root).href)) as { default(): Promise<ConnectorFixture> }
    fixture = ofPath ?? (await (await load()).default())
  })
  afterAll(async () => fixture?.stop?.())

  test('has a doc and a version', () => {
    expect(connector.doc).toMatch(/\.$/)
    expect(connector.version ?? version).toMatch(/^\d+\.\d+\.\d+$/)
    for (const side of sidesOf(connector)) {
      for (const [setting, { doc }] of Object.entries(side.settings as Settings)) expect(doc, setting).not.toBe('')
    }
  })

  test.runIf(own.includes(connector))('its README has the common order and names every setting and class', () => {
    const readme = readFileSync(new URL(`connectors/${name}/README.md`, root), 'utf8')
    const sections = [...readme.matchAll(/^## (.+)$/gm)].map(([, title]) => title)
    expect(sections).toEqual(
      README_SECTIONS.filter((title) => !title.endsWith('?') || sections.includes(title.slice(0, -1))).map((title) =>
        title.replace('?', ''),
      ),
    )
    for (const side of sidesOf(connector)) {
      expect(readme).toContain(side.class)
      for (const setting of Object.keys(side.settings)) expect(readme).toContain(`\`${setting}\``)
    }
  })

  test('the error for a missing required setting names it', () => {
    for (const side of sidesOf(connector)) {
      const settings = side.settings as Settings
      const required = Object.keys(settings).filter((key) => settings[key]!.required)
      if (required.length > 0) expect(() => parseSettings(settings, {})).toThrow(new MissingSetting(required[0]!))
    }
  })

  for (const side of sidesOf(connector))
    describe(side.class, () =>
      runChecks(declarationChecks, () => ({ class: side.class, doc: connector.doc, settings: side.settings as Settings })),
    )
  const { source, sink } = connector
  if (source)
    describe('source', () =>
      runChecks(sourceChecks, () => ({ side: source, make: async () => (await fixture.source!()) as SourceFixture })))
  if (sink) describe('sink', () => runChecks(sinkChecks, () => ({ side: sink, make: async () => (await fixture.sink!()) as SinkFixture })))
})
