/**
 * Goal: a process that has started gives back the memory that the start took, once, and not where that would hold up requests. Method: a
 * process of its own that makes garbage, and reports its heap before and after.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const module = join(import.meta.dirname, '../../bin/startup-memory.ts')

/** Heap in MB before and after, of a process that holds `liveMb` and has made 30 MB of garbage. */
function heaps(liveMb: number): { before: number; after: number } {
  const text = execFileSync(process.execPath, [
    '--input-type=module',
    '-e',
    `import { releaseStartupMemory } from ${JSON.stringify(module)}
     const objects = (mb) => Array.from({ length: mb * 16 }, () => Array.from({ length: 8192 }, (_, i) => i + 0.5))
     const live = objects(${liveMb})
     let garbage = objects(30)
     garbage = null
     const heap = () => process.memoryUsage().heapTotal / 2 ** 20
     const before = heap()
     releaseStartupMemory(1)
     setTimeout(() => console.log(JSON.stringify({ before, after: heap(), live: live.length })), 200)`,
  ])
  return JSON.parse(text.toString())
}

test('what the start left behind is given back', () => {
  const { before, after } = heaps(0)
  expect(before - after).toBeGreaterThan(20)
})

test('a large heap is not collected', () => {
  const { before, after } = heaps(80)
  expect(before - after).toBeLessThan(5)
})
