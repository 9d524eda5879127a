/**
 * Goal: every configuration provider keeps the contract of providers. Method: a scan finds them; one suite runs on all, on real files and
 * variables. One without a fixture fails.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import type { ConfigProviderDeclaration } from '../../core/config-references/config-provider.ts'
import { realDisk } from '../../core/system/disk.ts'
import { realSystem } from '../../core/system/index.ts'
import { scan } from '../../core/system/scan.ts'
import { type ConfigProviderSubject, configProviderChecks } from './config-provider-checks.ts'
import { runChecks } from './run-checks.ts'

const declarations = await scan<ConfigProviderDeclaration>(fileURLToPath(new URL('../../core/config-providers', import.meta.url)), /./)
const folder = mkdtempSync(join(tmpdir(), 'contract-providers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const provider = (name: string) => `org.apache.kafka.common.config.provider.${name}ConfigProvider`
const environment: Record<string, string> = {}
const system = { disk: realDisk, logger: realSystem('silent').logger, environment }

const fixtures: Readonly<Record<string, Omit<ConfigProviderSubject, 'open'>>> = {
  [provider('Directory')]: {
    path: join(folder, 'secrets'),
    // A file is no folder.
    unreadable: join(folder, 'secrets', 'CONTRACT_A'),
    write: (values) => {
      mkdirSync(join(folder, 'secrets'), { recursive: true })
      for (const [name, value] of Object.entries(values)) writeFileSync(join(folder, 'secrets', name), value)
    },
  },
  [provider('EnvVar')]: {
    path: '',
    unreadable: 'a path',
    write: (values) => void Object.assign(environment, values),
  },
  [provider('File')]: {
    path: join(folder, 'secrets.properties'),
    unreadable: join(folder, 'none.properties'),
    write: (values) =>
      writeFileSync(
        join(folder, 'secrets.properties'),
        Object.entries(values)
          .map(([name, value]) => `${name}=${value}\n`)
          .join(''),
      ),
  },
}

test('those of Kafka are found', () =>
  expect(declarations.map((declaration) => declaration.class).sort()).toEqual(Object.keys(fixtures).sort()))

describe.each(declarations.map((declaration) => [declaration.class, declaration] as const))('%s', (name, declaration) => {
  runChecks(configProviderChecks, () => ({ ...fixtures[name]!, open: () => declaration.configure({}, system) }))
})
