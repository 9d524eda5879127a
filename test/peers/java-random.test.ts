/**
 * Goal: datagen draws the numbers that java.util.Random draws, so that a seed means the same as for Confluent's connector. Method: all
 * methods that the generator uses, one after the other, for random seeds, in a JVM and here.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { JavaRandom } from '../../connectors/datagen/java-random.ts'
import { seededRandom } from '../random.ts'
import { javaProgram } from './java-program.ts'

// It starts a JVM.
vi.setConfig({ testTimeout: 120_000 })

const java = await javaProgram('random-numbers', '.')

function numbers(seed: number): string {
  const random = new JavaRandom(seed)
  const drawn: unknown[] = []
  for (let round = 1; round <= 50; round++) {
    let sum = 0
    for (const octet of random.nextBytes(round % 7)) sum = (Math.imul(sum, 31) + octet) | 0
    drawn.push(random.nextInt(), random.nextBelow(round * 1_000_003), random.nextBelow(2 ** (round % 31)), random.nextLong())
    drawn.push(random.nextBoolean(), Math.trunc(random.nextDouble() * 9e15), Math.trunc(random.nextFloat() * 16_777_216), sum)
    random.seed(random.nextSeed())
  }
  return drawn.join(' ')
}

test('every method, for random seeds', async () => {
  const random = seededRandom()
  const seeds = [0, -1, 42, ...Array.from({ length: 200 }, () => Math.floor((random() - 0.5) * 2 ** 53))]
  const { stdout } = await promisify(execFile)(java.command, java.args(...seeds.map(String)))
  expect(seeds.map(numbers)).toEqual(stdout.trimEnd().split('\n'))
})
