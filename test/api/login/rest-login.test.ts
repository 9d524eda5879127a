/**
 * Goal: the users are those of the file that the JAAS file names, a change of it is followed, and what cannot work is refused with a
 * sentence that repeats no password. Method: real files, and a clock that the test moves.
 */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { FAILED_LOGIN_BURST } from '../../../api/login/failed-logins.ts'
import { FILE_CHECK_MS, FILE_SETTLE_MS } from '../../../api/login/property-file-users.ts'
import { openRestLogin } from '../../../api/login/rest-login.ts'
import type { System } from '../../../core/system/index.ts'
import { keepingLogger, type LogLine } from '../../broker-in-process.ts'
import { testSystem } from '../fake-services.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-login-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const module = 'org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule'
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
let files = 0
function write(text: string | Buffer, name = `${files++}`): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  // Two writes within one tick of the clock of the disk look the same.
  utimesSync(path, files, files++)
  return path
}
const jaas = (body: string) => ({ 'java.security.auth.login.config': write(body) })
const entry = (...paths: string[]) => jaas(`KafkaConnect { ${paths.map((path) => `${module} required file="${path}";`).join('\n')} };`)

function movable() {
  let now = 0
  const lines: LogLine[] = []
  const system: System = { ...testSystem(), logger: keepingLogger(lines) }
  return { system: { ...system, clock: { ...system.clock, monotonic: () => now } }, lines, pass: (ms: number) => void (now += ms) }
}

test('users as Java reads the file: Latin-1, escapes, separators', () => {
  const path = write(
    Buffer.from('# users\nalice=secret\nbob\\:x : two words\n\\u00fcml\\u0430ut=p\\u0430ss\nempty\nplain\xe9=\xe9\n', 'latin1'),
  )
  const login = openRestLogin(entry(path), testSystem())
  const check = (user: string, password: string) => login.check(basic(user, password), '10.0.0.1')
  expect(check('alice', 'secret')).toBe('accepted')
  expect(check('ümlаut', 'pаss')).toBe('accepted')
  expect(check('plainé', 'é')).toBe('accepted')
  expect(check('empty', '')).toBe('accepted')
  // A colon ends the user in the header.
  expect(check('bob:x', 'two words')).toBe('refused')
  for (const [user, password] of [
    ['alice', 'Secret'],
    ['alice', ''],
    ['alice', 'secret\0'],
    ['Alice', 'secret'],
    ['nobody', ''],
    ['__proto__', ''],
    ['constructor', ''],
  ] as const)
    expect([user, check(user, password)]).toEqual([user, 'refused'])
  expect(login.check(undefined, '10.0.0.1')).toBe('refused')
})

test('several login modules are alternatives', () => {
  const login = openRestLogin(entry(write('alice=a'), write('bob=b')), testSystem())
  expect(login.check(basic('alice', 'a'), '1.1.1.1')).toBe('accepted')
  expect(login.check(basic('bob', 'b'), '1.1.1.1')).toBe('accepted')
  expect(login.check(basic('bob', 'a'), '1.1.1.1')).toBe('refused')
})

test('a change of the file is followed; a broken, empty or missing one leaves the users as they were', () => {
  const { system, lines, pass } = movable()
  const path = write('alice=old', 'users')
  const login = openRestLogin(entry(path), system)
  const check = (password: string) => login.check(basic('alice', password), '10.0.0.1')
  expect(check('old')).toBe('accepted')
  write('alice=new-secret', 'users')
  expect(check('old')).toBe('accepted')
  pass(FILE_CHECK_MS)
  expect(check('old')).toBe('refused')
  expect(check('new-secret')).toBe('accepted')
  for (const broken of ['', '# nobody\n', 'alice=\\uXYZW-secret']) {
    write(broken, 'users')
    pass(FILE_CHECK_MS)
    expect([broken, check('new-secret')]).toEqual([broken, 'accepted'])
  }
  rmSync(path)
  pass(FILE_CHECK_MS)
  expect(check('new-secret')).toBe('accepted')
  expect(lines.filter(({ level }) => level === 'error')).toHaveLength(4)
  expect(inspect(lines, { depth: 12, showHidden: true })).not.toMatch(/secret/)
})

test('a file that is still being written is not read: half a line would be half a password', () => {
  const { system, pass } = movable()
  const path = write('alice=old\n', 'written')
  const login = openRestLogin(entry(path), system)
  const check = (password: string) => login.check(basic('alice', password), '10.0.0.1')
  const writeNow = (text: string) => {
    writeFileSync(path, text)
    // Of a machine whose clock is ahead: it never looks older than it is.
    utimesSync(path, Date.now() / 1000 + 60, Date.now() / 1000 + 60 + files++)
  }
  writeNow('alice=')
  pass(FILE_CHECK_MS)
  expect([check(''), check('old')]).toEqual(['refused', 'accepted'])
  writeNow('alice=new-')
  pass(FILE_SETTLE_MS)
  expect([check('new-'), check('old')]).toEqual(['refused', 'accepted'])
  writeNow('alice=new-secret\n')
  pass(FILE_SETTLE_MS)
  expect(check('old')).toBe('accepted')
  pass(FILE_SETTLE_MS)
  expect([check('new-secret'), check('old')]).toEqual(['accepted', 'refused'])
})

test('wrong passwords: a burst, then blocked for a while, for this address only; the log says so once and names no user', () => {
  const { system, lines, pass } = movable()
  const login = openRestLogin(entry(write('alice=secret\nbob=secret')), system)
  for (let index = 0; index < FAILED_LOGIN_BURST; index++) expect(login.check(basic('alice', 'guess'), '10.0.0.1')).toBe('refused')
  expect(login.check(basic('alice', 'guess'), '10.0.0.1')).toBe('blocked')
  // It would tell a guess that is right from one that is not.
  expect(login.check(basic('alice', 'secret'), '10.0.0.1')).toBe('blocked')
  expect(login.check(basic('alice', 'secret'), '10.0.0.2')).toBe('accepted')
  expect(login.check(basic('bob', 'secret'), '10.0.0.1')).toBe('accepted')
  pass(1000)
  expect(login.check(basic('alice', 'secret'), '10.0.0.1')).toBe('accepted')
  // A user who does not exist is treated the same.
  for (let index = 0; index < FAILED_LOGIN_BURST; index++) login.check(basic('mallory', 'guess'), '10.0.0.1')
  expect(login.check(basic('mallory', 'guess'), '10.0.0.1')).toBe('blocked')
  expect(lines).toHaveLength(1)
  expect(inspect(lines)).not.toMatch(/alice|mallory|guess|secret/)
})

test.each([
  ['no JAAS file', () => ({}), /Could not find a 'KafkaConnect' entry .* is not set: name the JAAS file in KAFKA_OPTS/],
  ['a JAAS file that is not there', () => ({ 'java.security.auth.login.config': '/nope.conf' }), /is \/nope.conf, which does not exist/],
  ['a JAAS file without the entry', () => jaas('KafkaServer { a.B required; };'), /Could not find a 'KafkaConnect' entry/],
  [
    'another login module',
    () => jaas('KafkaConnect { com.example.Ldap required url="secret"; };'),
    /com.example.Ldap is not available for the REST API/,
  ],
  ['no login module', () => jaas('KafkaConnect { };'), /has no login module/],
  ['no file', () => jaas(`KafkaConnect { ${module} required; };`), /Property Credentials file must be specified/],
  ['a missing file', () => entry(join(folder, 'missing')), /missing, does not exist/],
  ['a folder', () => entry(folder), /cannot be read \(EISDIR\)/],
  ['an empty file', () => entry(write('')), /has no users/],
  ['a broken file', () => entry(write('alice=\\uZZZZsecret')), /not in the format of .properties/],
])('%s is refused', (_, properties, message) => {
  let error: unknown
  try {
    openRestLogin(properties(), testSystem())
  } catch (thrown) {
    error = thrown
  }
  expect((error as Error).message).toMatch(message)
  expect(inspect(error, { depth: 12, showHidden: true })).not.toMatch(/secret/)
})
