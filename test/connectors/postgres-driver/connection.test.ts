/**
 * Goal: the Postgres sink survives what happens to its connection: what is temporary is Retriable, what is not names the settings to check.
 * Method: a real server (test/services/postgres.ts), with connections that are closed, cut by a proxy, or refused.
 */
import { connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { Retriable } from '../../../connect/sdk/index.ts'
import { failure, record, SinkDatabase } from '../postgres-sink/sink-database.ts'

const database = new SinkDatabase()

test('a lost connection is Retriable and opened again', async () => {
  const task = await database.start()
  await task.write([record({ a: 1 })])
  await database.client.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
  )
  await expect
    .poll(() => failure(task.write([record({ a: 2 })])).then((error) => (error === null ? 'written' : (error as Error).name)))
    .toBe('written')
  expect(await database.rows('SELECT a FROM t ORDER BY a')).toEqual([{ a: '1' }, { a: '2' }])
})

test('a connection that breaks in the middle of a statement is Retriable', async () => {
  const target = new URL(database.url)
  const sockets: Socket[] = []
  const proxy = createServer((near) => {
    const far = connect(Number(target.port || 5432), target.hostname)
    near.pipe(far).pipe(near)
    sockets.push(near, far)
    for (const socket of [near, far]) socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const through = new URL(database.url)
  through.hostname = '127.0.0.1'
  through.port = String((proxy.address() as { port: number }).port)
  const task = await database.start({ 'connection.url': through.href })
  await task.write([record({ a: 1 })])
  await database.client.query('BEGIN; LOCK TABLE t')
  const writing = failure(task.write([record({ a: 2 })]))
  await expect.poll(() => database.rows('SELECT 1 FROM pg_locks WHERE NOT granted')).toHaveLength(1)
  for (const socket of sockets) socket.destroy()
  const error = (await writing) as Retriable
  expect(error).toBeInstanceOf(Retriable)
  expect(error.afterMs).toBe(10)
  await database.client.query('COMMIT')
  await task.write([record({ a: 3 })])
  proxy.close()
})

test('a server that does not respond does not keep the task from stopping', async () => {
  const target = new URL(database.url)
  let silent = false
  const proxy = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect(Number(target.port || 5432), target.hostname)
    near.on('data', (bytes) => silent || far.write(bytes))
    far.on('data', (bytes) => silent || near.write(bytes))
    for (const socket of [near, far]) socket.on('error', () => {})
    near.on('close', () => far.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const through = new URL(database.url)
  through.hostname = '127.0.0.1'
  through.port = String((proxy.address() as { port: number }).port)
  const task = await database.start({ 'connection.url': through.href })
  await task.write([record({ a: 1 })])
  silent = true
  await task.stop!()
  expect(silent).toBe(true)
  proxy.close()
})

test('an unavailable database is Retriable, up to max.retries', async () => {
  const away = { 'connection.url': 'jdbc:postgresql://127.0.0.1:1/x?user=u&password=p' }
  const task = await database.start({ ...away, 'max.retries': '1' })
  expect(await failure(task.write([record({ a: 1 })]))).toBeInstanceOf(Retriable)
  const error = (await failure(task.write([record({ a: 1 })]))) as Error
  expect(error).not.toBeInstanceOf(Retriable)
  expect(error.message).toContain('(after 1 retries). Mend the database')
})

test('the error for an unknown database names the settings to check', async () => {
  const wrong = new URL(database.url)
  wrong.pathname = '/nowhere'
  const task = await database.start({ 'connection.url': wrong.href })
  await expect(task.write([record({ a: 1 })])).rejects.toThrow(/Postgres refuses the login: .*nowhere.*Check connection.url/)
})

test('the error for a missing password names the settings to check', async () => {
  const part = (type: string, content: Buffer) => {
    const head = Buffer.alloc(5)
    head.write(type)
    head.writeInt32BE(content.length + 4, 1)
    return Buffer.concat([head, content])
  }
  const authentication = (kind: number, text: string) => part('R', Buffer.concat([Buffer.from([0, 0, 0, kind]), Buffer.from(text)]))
  const asking = createServer((socket) => {
    socket.once('data', () => {
      socket.once('data', () => void socket.write(authentication(11, 'r=nonce,s=c2FsdA==,i=4096')))
      socket.write(authentication(10, 'SCRAM-SHA-256\0\0'))
    })
  })
  await new Promise<void>((resolve) => asking.listen(0, '127.0.0.1', resolve))
  const { port } = asking.address() as { port: number }
  const error = (await failure(
    (await database.start({ 'connection.url': `jdbc:postgresql://127.0.0.1:${port}/x`, 'connection.user': 'u' })).write([record({ a: 1 })]),
  )) as Error
  asking.close()
  expect(error).not.toBeInstanceOf(Retriable)
  expect(error.message).toMatch(/Postgres refuses the login: .*password.*Check connection.url, connection.user and connection.password/)
})
