/**
 * Goal: the connections of the source are encrypted as `database.sslmode` says, with the client's certificate where the server asks for one,
 * and what is refused is told at the setting to change. Method: a server of its own with TLS, whose certificates are made in the test.
 */
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { type PostgresSourceConfig, settings } from '../../../connectors/postgres-source/settings.ts'
import { checkSystem } from '../../../connectors/postgres-source/system-checks.ts'
import { selfSigned } from '../../certificates.ts'
import { PostgresProcess } from '../../services/postgres-process.ts'
import { databaseSettings, runSql, SourceTask } from './source-task.ts'

let server: PostgresProcess
let url: string
const folder = mkdtempSync(join(tmpdir(), 'tributary-tls-'))
const file = (name: string) => join(folder, name)

beforeAll(async () => {
  server = await PostgresProcess.start()
  url = await server.database()
  const authority = selfSigned({ subject: 'test authority' })
  const write = (name: string, text: string) => writeFileSync(file(name), text, { mode: 0o600 })
  const identity = authority.issue({ subject: 'server', names: ['127.0.0.1'] })
  const client = authority.issue({ subject: 'cdc' })
  const other = selfSigned({ subject: 'other authority' })
  write('authority.pem', authority.certificate)
  write('other.pem', other.certificate)
  write('client.pem', client.certificate)
  write('client-key.pem', client.key)
  const elsewhere = authority.issue({ subject: 'server', names: ['db.example.com'] })
  for (const [name, { certificate, key }] of Object.entries({ server: identity, elsewhere })) serverFiles(name, certificate, key)
  writeServerFile('root.crt', authority.certificate)
  await runSql(url, 'CREATE TABLE t (id int PRIMARY KEY)', "CREATE ROLE cdc LOGIN REPLICATION SUPERUSER PASSWORD 'secret'")
  writeServerFile(
    'pg_hba.conf',
    'hostssl all cdc all cert\nhostnossl all cdc all reject\nhostssl replication cdc all cert\nhost all all all scram-sha-256\nhost replication all all scram-sha-256\n',
  )
  await server.configure({ ssl_cert_file: 'server.crt', ssl_key_file: 'server.key', ssl_ca_file: 'root.crt' })
  await server.configure({ ssl: 'on' })
}, 120_000)
afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true })
})

function writeServerFile(name: string, text: string): void {
  const path = join(server.dataFolder, name)
  writeFileSync(path, text, { mode: 0o600 })
  const { uid, gid } = statSync(server.dataFolder)
  chownSync(path, uid, gid)
}

function serverFiles(name: string, certificate: string, key: string): void {
  writeServerFile(`${name}.crt`, certificate)
  writeServerFile(`${name}.key`, key)
}

const problems = async (more: Record<string, string>) =>
  (
    await checkSystem(parseSettings(settings, { ...databaseSettings(url), ...more }) as PostgresSourceConfig, new AbortController().signal)
  ).map(({ setting, why }) => [setting, why])
const verified = { 'database.sslmode': 'verify-full', 'database.sslrootcert': file('authority.pem') }
const withCertificate = {
  ...verified,
  'database.user': 'cdc',
  'database.password': '',
  'database.sslcert': file('client.pem'),
  'database.sslkey': file('client-key.pem'),
}

test("changes are streamed with verify-full and the client's certificate, on all connections", async () => {
  const slot = new URL(url).pathname.slice(1)
  const task = new SourceTask({ ...databaseSettings(url), ...withCertificate, 'slot.name': slot })
  await task.streaming()
  await runSql(url, 'INSERT INTO t VALUES (1)')
  await task.received(1)
  const { rows } = await server.query("SELECT ssl, client_dn FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'cdc'")
  expect(rows.length).toBeGreaterThan(1)
  expect(rows).toEqual(rows.map(() => ({ ssl: true, client_dn: '/CN=cdc' })))
  await task.stop()
  await runSql(url, `SELECT pg_drop_replication_slot('${slot}')`)
})

test('a config that is right has no problem in any mode', async () => {
  expect(await problems(withCertificate)).toEqual([])
  for (const mode of ['disable', 'allow', 'prefer', 'require']) expect(await problems({ 'database.sslmode': mode }), mode).toEqual([])
  expect(await problems({ ...verified, 'database.sslmode': 'verify-ca' })).toEqual([])
})

test('an unknown authority, another host name, and missing files and certificates are told at their setting', async () => {
  expect(await problems({ ...verified, 'database.sslrootcert': file('other.pem') })).toEqual([
    ['database.sslrootcert', expect.stringMatching(/certificate of Postgres .* is refused.*database.sslrootcert/)],
  ])
  expect(await problems({ ...verified, 'database.sslrootcert': file('none.pem') })).toEqual([
    ['database.sslrootcert', expect.stringMatching(/file of database.sslrootcert cannot be read/)],
  ])
  expect(await problems({ ...withCertificate, 'database.sslkey': file('none.pem') })).toEqual([
    ['database.sslkey', expect.stringMatching(/file of database.sslkey cannot be read/)],
  ])
  expect(await problems({ ...withCertificate, 'database.sslkey': file('authority.pem') })).toEqual([
    ['database.sslcert', expect.stringMatching(/database.sslcert and database.sslkey belong together/)],
  ])
  const { 'database.sslcert': _cert, 'database.sslkey': _key, ...without } = withCertificate
  expect(await problems(without)).toEqual([
    ['database.sslcert', expect.stringMatching(/client certificate.*database.sslcert and database.sslkey/)],
  ])
  expect(await problems({ ...withCertificate, 'database.sslmode': 'disable' })).toEqual([
    ['database.sslmode', expect.stringMatching(/refuses the connection.*database.sslmode/)],
  ])
  await server.configure({ ssl_cert_file: 'elsewhere.crt', ssl_key_file: 'elsewhere.key' })
  expect(await problems(verified)).toEqual([['database.sslmode', expect.stringMatching(/names other hosts.*database.hostname.*verify-ca/)]])
  expect(await problems({ ...verified, 'database.sslmode': 'verify-ca' })).toEqual([])
  await server.configure({ ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' })
})
