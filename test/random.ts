/**
 * Random numbers from a seed, so that a failed run can be repeated: the seed is logged, and TRIBUTARY_TEST_SEED=n repeats the moments of
 * that run.
 */
export function seededRandom(fallback = Math.floor(Math.random() * 2 ** 31)): () => number {
  const seed = Number(process.env.TRIBUTARY_TEST_SEED ?? fallback)
  console.log(`seed ${seed}: TRIBUTARY_TEST_SEED=${seed} repeats the moments of this run`)
  return randomFrom(seed)
}

/** The numbers of mulberry32, from 0 up to but without 1. */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
