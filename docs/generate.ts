/**
 * Writes the pages that are derived from declarations: `node docs/generate.ts`. A test fails when a page is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scan } from '../core/system/scan.ts'
import type { AnyApi } from '../core/wire/api.ts'

async function compatibility(): Promise<string> {
  const apis = (await scan<AnyApi>(join(import.meta.dirname, '../core/apis'), /^\d/)).sort((a, b) => a.key - b.key)
  const range = ([from, to]: readonly [number, number]) => (from === to ? `${from}` : `${from}–${to}`)
  const rows = apis.map((api) => {
    const advertised = api.advertised ? `${range(api.versions)} (advertised ${range(api.advertised)})` : range(api.versions)
    return `| ${api.key} | ${api.name} | ${api.handle ? advertised : 'client only'} | ${(api.missing ?? []).join('; ')} |`
  })
  return `# Compatibility

The APIs of the Kafka protocol that the broker answers, in the versions that Apache Kafka 4.3 advertises. Derived from \`core/apis/\` by
\`node docs/generate.ts\`; not to be edited by hand.

| key | API | versions | what Kafka does here and we do not |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}

/** File name under docs/ → content. */
export const pages: Readonly<Record<string, () => Promise<string>>> = { 'COMPATIBILITY.md': compatibility }

export const onDisk = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8')

if (import.meta.main) for (const [name, page] of Object.entries(pages)) writeFileSync(join(import.meta.dirname, name), await page())
