/**
 * Goal: the numbers are those of java.util.Random. Method: the first ones of seeds, as Java prints them.
 */
import { expect, test } from 'vitest'
import { JavaRandom } from '../../../connectors/datagen/java-random.ts'

const three = <T>(next: () => T) => [next(), next(), next()]

test('each method gives the numbers of Java', () => {
  const of = (seed: number) => new JavaRandom(seed)
  let random = of(42)
  expect(three(() => random.nextInt())).toEqual([-1_170_105_035, 234_785_527, -1_360_544_799])
  random = of(42)
  expect([...three(() => random.nextBelow(100)), random.nextBelow(64)]).toEqual([30, 63, 48, 3])
  random = of(42)
  expect(random.nextLong()).toBe(-5_025_562_857_975_149_833n)
  random = of(42)
  expect(random.nextDouble()).toBe(0.7275636800328681)
  random = of(42)
  expect([...random.nextBytes(6)]).toEqual([53, 157, 65, 186, 247, 138])
  random = of(42)
  expect(three(() => random.nextBoolean())).toEqual([true, false, true])
})

test('a seed of 64 bits and its lowest 48 give the same numbers', () => {
  const [long, short] = [new JavaRandom(7), new JavaRandom(7)]
  for (let round = 0; round < 100; round++) {
    const seed = short.nextSeed()
    expect(BigInt(seed)).toBe(BigInt.asUintN(48, long.nextLong()))
  }
})
