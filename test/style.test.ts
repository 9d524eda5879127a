/**
 * Goal: names, headers and comments are as docs/STYLE.md says, and a test lies at the path of what it tests. Method: reads the sources as
 * text.
 */
import { describe, expect, test } from 'vitest'
import { commentsOf, headerOf, needsCapital } from './comments.ts'
import { exists, read, sourceFiles, sourceTexts, testFiles } from './sources.ts'

const LINE_WIDTH = 140
/** A file up to this length may say what it is in one line. */
const SHORT_FILE_LINES = 60

/** Words that could be anything, and words of our own where Kafka, Kafka Connect or MirrorMaker 2 have one. */
const bannedWords = new Set(
  [
    ['util', 'utils', 'helper', 'helpers', 'common', 'misc', 'manager', 'managers', 'impl', 'base'],
    [
      'acks',
      'alarms',
      'arrivals',
      'beat',
      'complaint',
      'delivery',
      'door',
      'doors',
      'examine',
      'intake',
      'ledger',
      'lent',
      'life',
      'lives',
    ],
    [
      'nodes',
      'others',
      'outcome',
      'pair',
      'parcel',
      'roster',
      'slots',
      'solo',
      'stand',
      'stretch',
      'told',
      'turn',
      'turns',
      'upkeep',
      'word',
    ],
  ].flat(),
)

/** Tests of more than one file: each of these folders says in docs/ARCHITECTURE.md what lies in it. */
const storyFolders = /^test\/(issues|peers|chaos|conformance|contract|golden|history|power-cut|services)\//

describe('names', () => {
  test('of files are kebab-case words of the field', () => {
    const all = [...sourceFiles, ...testFiles]
    expect(all.filter((file) => !/^[a-z0-9/.-]+$/.test(file))).toEqual([])
    expect(all.filter((file) => file.split(/[/.-]/).some((word) => bannedWords.has(word)))).toEqual([])
  })

  test('of classes are given once', () => {
    const declared = new Map<string, string[]>()
    for (const [file, text] of sourceTexts)
      for (const [, name] of text.matchAll(/^ *(?:export )?(?:abstract )?class (\w+)/gm))
        declared.set(name!, [...(declared.get(name!) ?? []), file])
    expect([...declared].filter(([, places]) => places.length > 1)).toEqual([])
  })

  test('of private members begin with #; only a constructor is private', () => {
    const oldForm = /^\s*(?:private|protected)\s(?!constructor\b)|\bthis\._\w|^\s+(?:(?:readonly|static|async|get|set) )*_\w+\s*[(:=?!]/
    const found: string[] = []
    for (const [file, text] of sourceTexts)
      text.split('\n').forEach((line, index) => {
        if (oldForm.test(line)) found.push(`${file}:${index + 1}: ${line.trim()}`)
      })
    expect(found).toEqual([])
  })
})

describe('comments', () => {
  test('open each file with two to six lines, a short file with one', () => {
    const wrong: string[] = []
    for (const [file, text] of sourceTexts) {
      const header = headerOf(text)
      const least = text.split('\n').length > SHORT_FILE_LINES ? 2 : 1
      if (!header) wrong.push(`${file}: no header`)
      else if (header.length < least || header.length > 6) wrong.push(`${file}: a header of ${header.length} lines`)
    }
    expect(wrong).toEqual([])
  })

  test('are no wider than the code', () => {
    const wide: string[] = []
    for (const file of [...sourceFiles, ...testFiles])
      read(file)
        .split('\n')
        .forEach((line, index) => {
          if (line.length > LINE_WIDTH && /^\s*(\/\/|\/\*\*|\*) /.test(line)) wide.push(`${file}:${index + 1}: ${line.length} characters`)
        })
    expect(wide).toEqual([])
  })

  test('begin with a capital letter', () => {
    const lower: string[] = []
    for (const [file, text] of sourceTexts)
      for (const { line, text: comment } of commentsOf(text)) if (needsCapital(comment)) lower.push(`${file}:${line}: ${comment}`)
    expect(lower).toEqual([])
  })
})

describe('tests', () => {
  test('lie at the path of the file or folder that they test', () => {
    const homeless = testFiles.filter((file) => {
      if (!file.endsWith('.test.ts') || storyFolders.test(file)) return false
      const subject = file.slice('test/'.length, -'.test.ts'.length)
      if (exists(`${subject}.ts`) || exists(subject)) return false
      // Of the project as a whole.
      if (!subject.includes('/')) return !exists(`test/${subject}.ts`) && !['settings-are-read', 'style', 'tidy'].includes(subject)
      // A story of a room names the room in its header: `Story of mirror/flow.`
      const room = subject.slice(0, subject.lastIndexOf('/'))
      return !(exists(room) && headerOf(read(file))?.some((line) => line.includes(`Story of ${room}.`)))
    })
    expect(homeless).toEqual([])
  })

  test('expect something', () => {
    const silent: string[] = []
    for (const file of testFiles) {
      const text = read(file)
      const expects = expectingNames(text)
      const [, ...bodies] = text.split(/^ *test(?=\(|\.each|\.skipIf|\.for)/m)
      for (const body of bodies) if (!expects.test(body)) silent.push(`${file}: ${body.slice(0, 80)}`)
    }
    expect(silent).toEqual([])
  })

  test('do not judge by the wall clock', () => {
    expect(testFiles.filter((file) => /(?:performance|Date)\.now\(\) - \w+\)\.to/.test(read(file)))).toEqual([])
  })

  test('patch no prototype', () => {
    expect(testFiles.filter((file) => /\w\.prototype\.\w+ =/.test(read(file)))).toEqual([])
  })
})

/**
 * What makes a test fail or report that it did not run: `expect`, a wait with a deadline, `skip`, and the functions of a file that use one
 * of them.
 */
function expectingNames(text: string): RegExp {
  const names = ['expect', 'until', 'fc\\.assert', 'caughtUp', 'skip']
  const pattern = () => new RegExp(`\\b(${names.join('|')})\\b`)
  const functions = text.split(/^(?=(?:export )?(?:async )?(?:function|const) \w+)/m).slice(1)
  for (let before = 0; before !== names.length; ) {
    before = names.length
    for (const declaration of functions) {
      const name = declaration.match(/(?:function|const) (\w+)/)![1]!
      const body = declaration
        .slice(declaration.indexOf(name) + name.length)
        .split(/^(?:test|describe|beforeAll|afterAll|beforeEach|afterEach)\b/m)[0]!
      if (!names.includes(name) && /=>|^(?:export )?(?:async )?function/.test(declaration) && pattern().test(body)) names.push(name)
    }
  }
  return pattern()
}
