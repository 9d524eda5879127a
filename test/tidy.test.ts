/**
 * Goal: the house stays as docs/ARCHITECTURE.md draws it. Method: reads the sources as text: who imports whom, circles, dead files, who reads
 * the clock or the disk, which promises are upheld where, which files and functions grow long (listed, not failed).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const rooms = ['core', 'connect', 'connectors', 'mirror', 'api', 'bin', 'bench']

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
}

interface Import {
  target: string
  typeOnly: boolean
}

/** Imports and re-exports of a module's own project files; `typeOnly` where nothing is loaded at run time. */
function importsOf(file: string, text: string): Import[] {
  const found: Import[] = []
  const statement = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?from\s+)?'(\.[^']+)'/gm
  for (const match of text.matchAll(statement)) {
    const names = match[0].match(/\{([^}]*)\}/)?.[1]
    const allTypes =
      names !== undefined && names.trim() !== '' && names.split(',').every((n) => n.trim() === '' || n.trim().startsWith('type '))
    found.push({ target: relative(root, resolve(root, dirname(file), match[2]!)), typeOnly: Boolean(match[1]) || allTypes })
  }
  for (const match of text.matchAll(/\bimport\(\s*'(\.[^']+)'\s*\)/g))
    found.push({ target: relative(root, resolve(root, dirname(file), match[1]!)), typeOnly: false })
  return found
}

const files = rooms.flatMap((room) => {
  try {
    return sources(room)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
})
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
const graph = new Map(files.map((file) => [file, importsOf(file, texts.get(file)!)]))

/** Who may load whom. The longest matching prefix of the importer counts; a file may always load its own room. Types may be named from anywhere. */
const mayLoad: Record<string, string[]> = {
  'core/system': [],
  'core/errors.ts': [],
  'core/topic-partition.ts': [],
  'core/wire': [],
  'core/log': ['core/wire', 'core/system', 'core/errors.ts', 'core/topic-partition.ts'],
  'core/cluster': [
    'core/log',
    'core/wire',
    'core/system',
    'core/errors.ts',
    'core/topic-partition.ts',
    'core/settings.ts',
    'core/settings',
  ],
  'core/groups': ['core/log', 'core/wire', 'core/system', 'core/errors.ts', 'core/topic-partition.ts'],
  'core/settings.ts': ['core/settings', 'core/errors.ts', 'core/wire', 'core/system'],
  'core/settings': ['core/errors.ts'],
  'core/apis': ['core/wire', 'core/errors.ts', 'core/system/scan.ts'],
  'core/network': [
    'core/cluster',
    'core/groups',
    'core/log',
    'core/wire',
    'core/apis',
    'core/system',
    'core/errors.ts',
    'core/settings.ts',
  ],
  'core/client': ['core/wire', 'core/apis', 'core/system', 'core/errors.ts', 'core/topic-partition.ts'],
  core: ['core'],
  'connect/sdk': ['core/topic-partition.ts'],
  connect: ['connect/sdk', 'core/client', 'core/system', 'core/wire', 'core/errors.ts', 'core/topic-partition.ts'],
  connectors: ['connect/sdk'],
  mirror: ['connect/sdk', 'core/client', 'core/apis', 'core/wire', 'core/errors.ts', 'core/topic-partition.ts', 'core/system'],
  api: ['core/index.ts', 'connect/index.ts', 'connect/types.ts', 'mirror/index.ts', 'mirror/types.ts', 'core/system', 'connect/sdk'],
  bin: ['core', 'connect', 'mirror', 'api', 'connectors'],
  bench: ['core', 'connect', 'mirror', 'test/running-broker.ts', 'test/until.ts'],
}

const ruleOf = (file: string) =>
  Object.keys(mayLoad)
    .filter((room) => file === room || file.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0]

/** A connector is a room of its own: one never loads another. */
const roomOf = (file: string) => (file.startsWith('connectors/') ? file.split('/').slice(0, 2).join('/') : ruleOf(file))

describe('the house', () => {
  test('everybody imports only whom they may', () => {
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
    const tests = sources('test').map((file) => [file, importsOf(file, readFileSync(join(root, file), 'utf8'))] as const)
    const used = new Set([...graph, ...tests].flatMap(([, imports]) => imports.map(({ target }) => target)))
    /** Found by a scan, or started by name. */
    const found =
      /^(core\/apis\/\d|connectors\/[^/]+\/connector\.ts|connect\/(transforms|predicates|converters|config-providers)\/|api\/routes\/|bin\/commands\/|bin\/tributary\.ts|bench\/)/
    expect(files.filter((file) => !used.has(file) && !found.test(file) && !file.endsWith('/index.ts'))).toEqual([])
  })

  test('time, disk, sockets, randomness and the environment come in by their doors only', () => {
    const doors = /^(core\/system\/|core\/network\/|core\/client\/transport\/connection\.ts|bin\/|connectors\/|bench\/)/
    const world =
      /\bDate\.now\(|\bnew Date\(\)|\bsetTimeout\(|\bsetInterval\(|\bsetImmediate\(|\bprocess\.env\b|\bMath\.random\(|\brandom(Bytes|UUID|Int|FillSync)\(|from 'node:(fs|net|tls|http|https|fs\/promises|timers|timers\/promises)'/
    const wrong: string[] = []
    for (const [file, text] of texts) {
      if (doors.test(file)) continue
      text.split('\n').forEach((line, index) => {
        if (world.test(line) && !line.trimStart().startsWith('*') && !line.trimStart().startsWith('//') && !line.startsWith('import type'))
          wrong.push(`${file}:${index + 1}: ${line.trim()}`)
      })
    }
    expect(wrong).toEqual([])
  })

  test('each numbered promise is cited where it is upheld', () => {
    const architecture = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8')
    const promised = [...architecture.matchAll(/^(\d+)\. \*\*/gm)].map((match) => Number(match[1]))
    expect(promised.length).toBeGreaterThan(0)
    const all = [...texts.values()].join('\n')
    expect(promised.filter((number) => !new RegExp(`\\bInvariants? [\\d, and]*\\b${number}\\b`).test(all))).toEqual([])
  })

  test('every file says what it is; names are nouns of the field', () => {
    const banned = /\/(utils?|helpers?|common|misc|managers?|impl|base)\.ts$/
    expect(files.filter((file) => banned.test(file))).toEqual([])
    expect(files.filter((file) => !/^(#!.*\n)?\/\*\*/.test(texts.get(file)!))).toEqual([])
    expect(files.filter((file) => !/^[a-z0-9/.-]+$/.test(file))).toEqual([])
  })

  test('long files and functions are listed as questions', () => {
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
