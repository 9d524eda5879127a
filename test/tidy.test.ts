/**
 * Goal: the rooms of docs/ARCHITECTURE.md hold: who may load whom, no circle of imports, no dead file, who may use the clock, the disk and
 * the network, where each promise is kept. Method: the sources are read as text. Long files and functions are printed and do not fail.
 */
import { describe, expect, test } from 'vitest'
import { sourceFiles as files, importsOf, read, testFiles, sourceTexts as texts } from './sources.ts'

const graph = new Map(files.map((file) => [file, importsOf(file, texts.get(file)!)]))

/** Small files that name things of the protocol. */
const names = ['core/errors.ts', 'core/topic-partition.ts', 'core/coordinator-partition.ts']

/**
 * Who may load whom. The longest matching prefix of the importer counts; a file may always load its own room. Types may be named from
 * anywhere.
 */
const mayLoad: Record<string, readonly string[]> = {
  'core/system': [],
  'core/errors.ts': [],
  'core/topic-partition.ts': [],
  'core/coordinator-partition.ts': [],
  'core/wire': [],
  'core/log': ['core/wire', 'core/system', ...names],
  'core/cluster': ['core/wire', 'core/system', 'core/settings', 'core/security/acl', ...names],
  'core/coordinator-log.ts': ['core/errors.ts'],
  'core/groups': ['core/coordinator-log.ts', 'core/wire', 'core/system', ...names],
  'core/config-references': ['core/system'],
  'core/config-providers': ['core/config-references', 'core/system'],
  'core/settings.ts': ['core/settings', 'core/errors.ts', 'core/wire', 'core/system'],
  'core/settings': ['core/errors.ts', 'core/security/acl/super-users.ts'],
  'core/transactions': ['core/coordinator-log.ts', 'core/wire', 'core/system', ...names],
  'core/apis': ['core/wire', 'core/system/scan.ts', 'core/security/sasl/scram-mechanism.ts', 'core/security/authorizer.ts', ...names],
  'core/quotas': ['core/errors.ts'],
  'core/network': ['core/apis/access.ts', 'core/quotas', 'core/wire', 'core/system', 'core/errors.ts'],
  'core/security/authorizer.ts': [],
  'core/security/acl': ['core/security/authorizer.ts', 'core/system', 'core/errors.ts'],
  'core/security/authentication-error.ts': ['core/errors.ts'],
  'core/security/sasl': ['core/security/tls/tls-stores.ts', 'core/system', 'core/errors.ts'],
  'core/security/tls': ['core/security/authentication-error.ts', 'core/system', 'core/errors.ts'],
  'core/security': ['core/security', 'core/settings', 'core/system', 'core/errors.ts'],
  'core/client/transport': [
    'core/client/limits.ts',
    'core/security/authentication-error.ts',
    'core/wire',
    'core/apis',
    'core/system',
    ...names,
  ],
  'core/client/group': ['core/client/limits.ts', 'core/client/transport', 'core/wire', 'core/apis', 'core/system', ...names],
  'core/client/producer': [
    'core/client/limits.ts',
    'core/client/producer-id.ts',
    'core/client/raw-batches.ts',
    'core/client/transport',
    'core/wire',
    'core/apis',
    'core/system',
    ...names,
  ],
  'core/client/consumer': [
    'core/client/group',
    'core/client/limits.ts',
    'core/client/partition-offsets.ts',
    'core/client/raw-batches.ts',
    'core/client/transport',
    'core/wire',
    'core/apis',
    'core/system',
    ...names,
  ],
  'core/client': ['core/client', 'core/security', 'core/wire', 'core/apis', 'core/system', ...names],
  core: ['core'],
  'connect/sdk': ['core/system/backoff.ts', 'core/system/clock.ts', 'core/system/random.ts', 'core/topic-partition.ts'],
  'connect/sdk/tls-stores.ts': ['core/security/tls/store-files.ts', 'core/system/disk.ts'],
  'connect/contract': ['connect/sdk', 'connect/plugins', 'core/system/clock.ts', 'core/system/within.ts'],
  'connect/schema-registry': ['connect/sdk', 'core/security', 'core/system'],
  'connect/converters': ['connect/schema-registry', 'connect/sdk', 'core/system/lazy-library.ts'],
  'connect/transforms': ['connect/sdk', 'core/system/clock.ts', 'core/system/java-properties.ts', 'core/system/lazy-library.ts'],
  'connect/predicates': ['connect/sdk'],
  'connect/storage': ['connect/sdk', 'connect/types.ts', 'core/client', 'core/system', ...names],
  connect: [
    'connect',
    'core/client',
    'core/config-references',
    'core/network/inter-worker-client.ts',
    'core/quotas/token-bucket.ts',
    'core/security',
    'core/system',
    'core/wire',
    ...names,
  ],
  connectors: ['connect/sdk'],
  'connectors/bullmq': ['connect/sdk', 'connectors/redis-driver'],
  'connectors/datagen': ['connect/sdk', 'connect/converters/avro'],
  'connectors/directory': ['connect/sdk', 'connectors/file', 'connectors/file-readers'],
  'connectors/file-readers': ['connect/sdk', 'connect/converters/avro', 'connectors/file'],
  'connectors/http-driver': ['connect/sdk'],
  'connectors/http-sink': ['connect/sdk', 'connect/converters/json', 'connectors/http-driver'],
  'connectors/http-source': ['connect/sdk', 'connect/converters/json', 'connectors/http-driver'],
  'connectors/http-webhook-source': ['connect/sdk', 'connectors/http-driver'],
  'connectors/postgres-driver': ['connect/sdk'],
  'connectors/postgres-query-source': ['connect/sdk', 'connectors/postgres-driver'],
  'connectors/postgres-sink': ['connect/sdk', 'connectors/postgres-driver'],
  'connectors/postgres-source': ['connect/sdk', 'connectors/postgres-driver'],
  'connectors/redis-driver': ['connect/sdk'],
  'connectors/redis-keys-source': ['connect/sdk', 'connectors/redis-driver'],
  'connectors/redis-pubsub-source': ['connect/sdk', 'connectors/redis-driver'],
  'connectors/redis-sink': ['connect/sdk', 'connectors/redis-driver'],
  'connectors/redis-stream-source': ['connect/sdk', 'connectors/redis-driver'],
  'connectors/s3-driver': ['connect/sdk'],
  'connectors/s3-source': ['connect/sdk', 'connectors/file-readers', 'connectors/s3-driver'],
  'connectors/s3-sink': ['connect/sdk', 'connect/converters', 'connectors/s3-driver'],
  'mirror/offset-map.ts': ['core/errors.ts'],
  'mirror/policy.ts': [],
  'mirror/types.ts': [],
  'mirror/metrics.ts': [],
  'mirror/authentication-failure.ts': ['core/client'],
  'mirror/settings': ['mirror/policy.ts', 'connect/sdk'],
  'mirror/transfer': ['mirror/offset-map.ts', 'mirror/authentication-failure.ts', 'core/client', 'core/wire', 'core/system', ...names],
  'mirror/store': ['mirror/offset-map.ts', 'mirror/transfer/aborted-transactions.ts', 'core/client', 'core/wire', 'core/system', ...names],
  'mirror/resume': ['mirror/offset-map.ts', 'mirror/store', 'core/client', 'core/apis', 'core/wire', 'core/system', ...names],
  'mirror/groups': ['mirror/authentication-failure.ts', 'mirror/store', 'core/client', 'core/system', ...names],
  'mirror/flow': [
    'mirror/authentication-failure.ts',
    'mirror/groups',
    'mirror/resume',
    'mirror/settings',
    'mirror/store',
    'mirror/transfer',
    'mirror/types.ts',
    'core/client',
    'core/system',
    ...names,
  ],
  mirror: ['mirror', 'connect/sdk', 'core/client', 'core/system', ...names],
  'registry/formats': [],
  registry: ['registry', 'connect/sdk', 'core/client', 'core/security', 'core/system', ...names],
  api: [
    'core/index.ts',
    'core/errors.ts',
    'core/network/inter-worker-client.ts',
    'core/security',
    'core/system',
    'connect/index.ts',
    'connect/types.ts',
    'connect/sdk',
    'mirror/index.ts',
    'mirror/types.ts',
    'registry/index.ts',
  ],
  bin: ['core', 'connect', 'mirror', 'registry', 'api', 'connectors'],
  bench: [
    'core',
    'connect',
    'connectors/s3-sink',
    'mirror',
    'test/running-broker.ts',
    'test/services/postgres.ts',
    'test/services/redis.ts',
    'test/services/s3.ts',
    'test/until.ts',
    'test/peers/apache-kafka.ts',
    'test/peers/debezium-postgres.ts',
    'test/peers/launch.ts',
    'test/certificates.ts',
    'test/services/redis.ts',
    'connectors/http-sink',
    'connectors/http-source',
    'connectors/redis-sink',
    'connectors/redis-stream-source',
  ],
}

const ruleOf = (file: string) =>
  Object.keys(mayLoad)
    .filter((room) => file === room || file.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0]

/** A connector is a room of its own: one never loads another, but those of one system share its driver. */
const roomOf = (file: string) => (file.startsWith('connectors/') ? file.split('/').slice(0, 2).join('/') : ruleOf(file))

describe('the house', () => {
  test('a file loads only what its room may load', () => {
    const wrong: string[] = []
    for (const [file, imports] of graph) {
      const rule = ruleOf(file)
      if (!rule) {
        wrong.push(`${file} is in no room`)
        continue
      }
      for (const { target, typeOnly } of imports) {
        if (typeOnly || roomOf(target) === roomOf(file) || target === 'package.json') continue
        const allowed = mayLoad[rule]!.some((room) => target === room || target.startsWith(`${room}/`))
        if (!allowed) wrong.push(`${file} may not load ${target}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('no circle of imports, types included', () => {
    const done = new Set<string>()
    const circles: string[] = []
    const walk = (file: string, path: string[]) => {
      if (path.includes(file)) {
        circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
        return
      }
      if (done.has(file)) return
      for (const { target } of graph.get(file) ?? []) walk(target, [...path, file])
      done.add(file)
    }
    for (const file of files) walk(file, [])
    expect(circles).toEqual([])
  })

  test('no dead files', () => {
    const tests = testFiles.map((file) => [file, importsOf(file, read(file))] as const)
    const used = new Set([...graph, ...tests].flatMap(([, imports]) => imports.map(({ target }) => target)))
    /** Found by a scan, or started by name. */
    const found =
      /^(core\/apis\/\d|connectors\/[^/]+\/connector\.ts|connect\/(transforms|predicates|converters)\/|core\/config-providers\/|api\/routes\/|bin\/commands\/|bin\/tributary\.ts|core\/log\/cleaner\/thread-main\.ts|connect\/runtime\/isolation\/thread-main\.ts|core\/transactions\/pattern-thread-main\.ts|registry\/compatibility-thread-main\.ts|bench\/)/
    expect(files.filter((file) => !used.has(file) && !found.test(file) && !file.endsWith('/index.ts'))).toEqual([])
  })

  test('only named rooms use time, disk, sockets, randomness and the environment', () => {
    const mayUse = /^(core\/system\/|core\/network\/|core\/client\/transport\/connection\.ts|bin\/|connectors\/|bench\/)/
    const world =
      /\bDate\.now\(|\bnew Date\(\)|\bsetTimeout\(|\bsetInterval\(|\bsetImmediate\(|\bprocess\.env\b|\bMath\.random\(|\brandom(Bytes|UUID|Int|FillSync)\(|from 'node:(fs|net|tls|http|https|fs\/promises|timers|timers\/promises)'/
    /** Functions of texts alone. */
    const pure = /import \{ (BlockList, )?isIP \} from 'node:net'/
    const wrong: string[] = []
    for (const [file, text] of texts) {
      if (mayUse.test(file)) continue
      text.split('\n').forEach((line, index) => {
        if (
          world.test(line.replace(pure, '')) &&
          !line.trimStart().startsWith('*') &&
          !line.trimStart().startsWith('//') &&
          !line.startsWith('import type')
        )
          wrong.push(`${file}:${index + 1}: ${line.trim()}`)
      })
    }
    expect(wrong).toEqual([])
  })

  test('each numbered promise is cited in a source file', () => {
    const architecture = read('docs/ARCHITECTURE.md')
    const promised = [...architecture.matchAll(/^(\d+)\. \*\*/gm)].map((match) => Number(match[1]))
    expect(promised.length).toBeGreaterThan(0)
    const all = [...texts.values()].join('\n')
    expect(promised.filter((number) => !new RegExp(`\\bInvariants? [\\d, and]*\\b${number}\\b`).test(all))).toEqual([])
  })

  test('long files and functions are printed as questions', () => {
    const questions: string[] = []
    for (const [file, text] of texts) {
      const lines = text.split('\n')
      if (lines.length > 400) questions.push(`${file}: ${lines.length} lines: does it hold two things?`)
      let start = -1
      lines.forEach((line, index) => {
        if (/^ {0,2}(export )?(async )?(function|[a-zA-Z]+\(.*\).*\{$|private|protected)/.test(line) && line.endsWith('{')) start = index
        if (start >= 0 && (line === '}' || line === '  }')) {
          if (index - start > 70) questions.push(`${file}:${start + 1}: a function of ${index - start} lines`)
          start = -1
        }
      })
    }
    if (questions.length > 0) console.info(`questions, not failures:\n${questions.join('\n')}`)
    expect(files.length).toBeGreaterThan(50)
  })
})
