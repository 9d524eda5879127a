/**
 * Story of connectors/redis-driver.
 * Goal: a worker that has no Redis connector does not load ioredis. Method: a process loads the declarations of all Redis connectors, and
 * tells whether the package was resolved.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const connectors = ['redis-stream-source', 'redis-sink', 'redis-pubsub-source', 'redis-keys-source']

const loads = async (module: string): Promise<boolean> => {
  const script = `await import(${JSON.stringify(module)})
    const { createRequire } = await import('node:module')
    const path = createRequire(${JSON.stringify(join(root, 'package.json'))}).resolve('ioredis')
    console.log(path in createRequire(import.meta.url).cache)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { cwd: root })
  return stdout.trim() === 'true'
}

test.each(connectors)('%s', async (name) => {
  expect(await loads(join(root, `connectors/${name}/connector.ts`))).toBe(false)
})

test('what loads ioredis is noticed', async () => {
  expect(await loads('ioredis')).toBe(true)
})
