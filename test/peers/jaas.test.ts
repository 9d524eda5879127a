/**
 * Goal: a JAAS configuration says the same to us as to Kafka and to Java. Method: texts that users write and texts out of the pieces of the
 * grammar go to both; a Java program tells what Kafka's JaasContext and Java's login configuration read.
 */
import { spawn } from 'node:child_process'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { type LoginModule, parseJaasConfig, parseJaasFile } from '../../core/security/sasl/jaas-config.ts'
import { javaProgram } from './java-program.ts'
import { kafkaClassPath } from './maven-jars.ts'

// It starts a JVM.
vi.setConfig({ testTimeout: 240_000 })

const SAMPLES = 4000
const program = await javaProgram('jaas-reader', kafkaClassPath())

/** One line of answer for each line. */
function readByJava(lines: readonly string[]): Promise<string[]> {
  const child = spawn(program.command, program.args(), { stdio: ['pipe', 'pipe', 'ignore'] })
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
    child.once('error', reject)
    child.once('close', () => resolve(output.trimEnd().split('\n')))
    child.stdin.end(`${lines.join('\n')}\n`)
  })
}

const encoded = (text: string) => Buffer.from(text).toString('base64')
const byUnits = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)

/** What we read, as the program writes it. */
function readByUs(kind: string, text: string): string {
  try {
    const modules: LoginModule[] | undefined = kind === 'config' ? parseJaasConfig(text) : parseJaasFile(text, {}).get('KafkaServer')
    if (!modules || (kind === 'config' && modules.length !== 1)) return 'error'
    const words = modules.flatMap(({ className, controlFlag, options }) => {
      const sorted = [...options.keys()].sort(byUnits).map((key) => `${key}=${options.get(key)}`)
      return [className, controlFlag, ...sorted].map(encoded)
    })
    return ['ok', ...words].join(' ')
  } catch {
    return 'error'
  }
}

const pieces = [
  ...['a.B', 'required', 'Optional', 'username', 'password', 'x', 'user_a-b', '"a b"', "'it is'", '"a\\"b"', '"\\101\\7\\400\\n\\q"'],
  ...['=', '=', '=', ';', ';', ';', ' ', ' ', '\n', '1', '-1', '-', '.', '1.5', '.5', 'a1', '1a', 'é', 'ü=', '$', '_', '*', '#', '@', ','],
  ...['// c\n', '/* c */', '/ c\n', '"open\n', '/* open', '\\', '"', "'", '{', '}', '\u00a0', '\u0085', '€', '𝒳'],
]
const phrase = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(''))
const values = ['x', '"a b"', "'it is'", '"a\\"b"', '"\\101\\7\\400\\n\\q"', '"\\u00e9"', 'a1', 'é', '$v', '"// c"', '""', '"€"', '"open\n']
const option = fc
  .tuple(
    fc.constantFrom('username', 'user_a-b', '"a b"', 'p'),
    fc.constantFrom('=', ' = ', '=/* c */', '= // c\n'),
    fc.constantFrom(...values),
  )
  .map((parts) => parts.join(''))
const options = fc.array(fc.oneof({ weight: 12, arbitrary: option }, { weight: 1, arbitrary: fc.constantFrom(...pieces) }), {
  maxLength: 6,
})
/** Most of them are valid up to one place. */
const config = fc
  .tuple(
    fc.oneof(
      phrase,
      options.map((parts) => parts.join(' ')),
    ),
    fc.constantFrom(';', '', ' ; '),
  )
  .map(([text, end]) => `a.B required ${text}${end}`)

async function expectSame(kind: string, texts: readonly string[]) {
  const theirs = await readByJava(texts.map((text) => `${kind} ${encoded(text)}`))
  expect(theirs).toHaveLength(texts.length)
  expect(theirs.filter((line) => line.startsWith('ok')).length).toBeGreaterThan(texts.length / 10)
  const different = texts.flatMap((text, index) => {
    const ours = readByUs(kind, text)
    return ours === theirs[index] ? [] : [{ text, ours, theirs: theirs[index] }]
  })
  expect(different).toEqual([])
}

test('sasl.jaas.config', async () => {
  await expectSame('config', [...fc.sample(config, SAMPLES), ...fc.sample(phrase, SAMPLES / 4), '', 'a.B required password="p";'])
})

test('a JAAS file', async () => {
  const file = fc
    .tuple(config, fc.constantFrom('};', '};', '};', '}', '};};', '}; Other { };'))
    .map(([text, end]) => `KafkaServer { ${text} ${end}`)
  await expectSame('file', [...fc.sample(file, SAMPLES / 2), 'KafkaServer { a.B required x="y"; c.D optional; };'])
})
