/**
 * Writes the pages that are derived from declarations: `node docs/generate.ts`. A test fails when a page is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildServer } from '../api/index.ts'
import { findResources } from '../api/resource.ts'
import { restSettings } from '../api/settings.ts'
import { findPlugins } from '../connect/plugins.ts'
import { clientSettings } from '../connect/runtime/client-overrides.ts'
import { connectorSettings, sinkSettings, sourceSettings } from '../connect/runtime/connector-settings.ts'
import { ineffectiveSettings, workerSettings } from '../connect/runtime/worker-settings.ts'
import type { Settings } from '../connect/sdk/index.ts'
import type { Herder } from '../connect/types.ts'
import type { AnyServedApi } from '../core/apis/define-api.ts'
import {
  acceptedSettings,
  effectiveBrokerSettings,
  effectiveTopicSettings,
  ineffectiveTopicSettings,
  refusedSettings,
} from '../core/settings/accepted-settings.ts'

import { realSystem } from '../core/system/index.ts'
import { scan } from '../core/system/scan.ts'
import { mirrorConnectors } from '../mirror/connector.ts'
import { clusterSettings, flowSettings } from '../mirror/settings/flow-settings.ts'
import { accepted as acceptedByMirror } from '../mirror/settings/mm2-properties.ts'
import type { MirrorAdmin } from '../mirror/types.ts'

const code = (text: string) => `\`${text}\``
const list = (names: Iterable<string>) => [...names].map(code).join(', ')
const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows.map((row) => row.map(cell))].map((row) => `| ${row.join(' | ')} |`).join('\n')
/** A pattern as a person reads it. */
const pattern = ({ source }: RegExp) =>
  code(`${source.replace(/^\^/, '').replaceAll('\\..*', '.*').replaceAll('\\.', '.').replaceAll('\\b', '…').replace(/\$$/, '')}`)

function settingsTable(settings: Settings): string {
  const rows = Object.entries(settings).map(([name, { required, default: fallback, doc, aliases }]) => [
    [name, ...aliases].map(code).join(', also '),
    required ? 'required' : fallback === null ? '' : fallback === '' ? 'empty' : code(fallback),
    doc,
  ])
  return table(['setting', 'default', ''], rows)
}

async function apis(): Promise<string> {
  const found = (await scan<AnyServedApi>(join(import.meta.dirname, '../core/apis'), /^\d/)).sort((a, b) => a.key - b.key)
  const range = ([from, to]: readonly [number, number]) => (from === to ? `${from}` : `${from}–${to}`)
  const rows = found.map((api) => {
    const advertised = api.advertised ? `${range(api.versions)} (advertised ${range(api.advertised)})` : range(api.versions)
    return [`${api.key}`, api.name, advertised, (api.missing ?? []).join('; ')]
  })
  return table(['key', 'API', 'versions', 'what Kafka does here and we do not'], rows)
}

/** The routes as the server registers them, in the order of the reference page. */
async function routes(): Promise<string> {
  // no route is called
  const services = { worker: {} as Herder, mirrors: {} as MirrorAdmin, system: realSystem('silent'), version: '' }
  const places = new Map((await findResources(services)).map(({ tag, place }) => [tag, place]))
  const found: { place: number; row: string[] }[] = []
  const app = buildServer({
    ...services,
    beforeRoutes: async (inner) => {
      inner.addHook('onRoute', ({ method, url, schema }) => {
        const { hide, summary, tags } = (schema ?? {}) as { hide?: boolean; summary?: string; tags?: string[] }
        const methods = [method].flat().filter((one) => one !== 'HEAD')
        if (hide || methods.length === 0) return
        const path = url.replaceAll(/:([a-z]+)/g, '{$1}')
        found.push({ place: places.get(tags?.[0] ?? '') ?? 0, row: [code(`${methods} ${path}`), summary ?? ''] })
      })
    },
  })
  await app.ready()
  await app.close()
  return table(
    ['request', ''],
    found.sort((a, b) => a.place - b.place).map(({ row }) => row),
  )
}

async function plugins(): Promise<string> {
  const found = (await findPlugins(mirrorConnectors(realSystem('silent')))).list(false)
  const rows = new Map<string, Set<string>>()
  for (const { class: name, type } of found) rows.set(name, (rows.get(name) ?? new Set()).add(type.replace('_', ' ')))
  return table(
    ['class', ''],
    [...rows].map(([name, types]) => [code(name), [...types].join(', ')]),
  )
}

async function compatibility(): Promise<string> {
  const everyPlugin = await findPlugins()
  return `# Compatibility

What of Apache Kafka 4.3 is here: which requests are answered, which settings have an effect, which are taken without one, and which are
refused because somebody relies on them. Derived from the declarations by \`node docs/generate.ts\`; not to be edited by hand.

## The broker

The APIs that it answers, in the versions that Apache Kafka advertises.

${await apis()}

A \`server.properties\` works as it is. These settings have an effect:
${list(effectiveBrokerSettings)}.

These settings of a topic have an effect: ${list(effectiveTopicSettings)}. These are stored and described, and have none:
${list(ineffectiveTopicSettings)}.

These are refused unless they are off:

${table(
  ['setting', 'why'],
  refusedSettings.map(({ name, why }) => [code(name), why]),
)}

These are taken and have no effect: ${list(acceptedSettings)}. What is in neither list is named in the log once.

## The worker

Its REST API. All but \`/mirrors\`, \`/metrics\` and \`/docs\` are Kafka Connect's; what differs is in
[0001](decisions/0001-bodies-that-cannot-be-used-are-400.md) (bodies that cannot be used) and
[0005](decisions/0005-requests-of-browsers.md) (requests of browsers).

${await routes()}

A worker's \`.properties\` works as it is. What differs is in [0003](decisions/0003-connect-worker.md).

${settingsTable({ ...workerSettings, ...restSettings })}

Of Kafka's client settings these have an effect: under \`producer.\` in the worker's file and \`producer.override.\` in a connector's config
${list(Object.keys(clientSettings.producer))}; under \`consumer.\` and \`consumer.override.\` ${list(Object.keys(clientSettings.consumer))}.

These are taken and have no effect: ${list(ineffectiveSettings)}. What is in neither list is named in the log once.

What every connector's config takes (\`topic.creation.<group>.include\`, \`exclude\`, \`replication.factor\`, \`partitions\` and a topic's settings beside it):

${settingsTable({ ...connectorSettings(everyPlugin, null), ...sourceSettings, ...sinkSettings })}

The plugins. There are no transforms and no predicates yet.

${await plugins()}

## The mirror

An \`mm2.properties\` works as it is: \`us->central.name\` before \`central.name\` before \`name\`. What differs is in
[0002](decisions/0002-exact-offset-map.md). These have an effect for a flow:

${settingsTable(flowSettings)}

These for a cluster, as \`us.name\`:

${settingsTable(clusterSettings)}

The REST API's settings (\`listeners\`, \`rest.*\` and so on, above) have an effect here too. All others of these are taken and have none:
${acceptedByMirror.map(pattern).join(', ')}. What is in none of these lists is named in the log once.
Where \`exactly.once.source.support\` asks for exactly once, the log says what holds instead: each record comes once unless a crash leaves
what cannot be proven, and what is repeated then is counted.
`
}

/** File name under docs/ → content. */
export const pages: Readonly<Record<string, () => Promise<string>>> = { 'COMPATIBILITY.md': compatibility }

export const onDisk = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8')

if (import.meta.main) for (const [name, page] of Object.entries(pages)) writeFileSync(join(import.meta.dirname, name), await page())
