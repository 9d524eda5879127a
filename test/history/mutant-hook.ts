/** Loaded by `node --import` before a broker that is to be a mutant: see mutant.ts. */
import { registerHooks } from 'node:module'
import { mutationOf, type Replacement } from './mutant.ts'

const replacements: (Replacement & { url: string })[] = JSON.parse(process.env.TRIBUTARY_TEST_MUTANT!)

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const own = replacements.filter((replacement) => replacement.url === url)
    if (own.length === 0) return loaded
    let source = loaded.source!.toString()
    for (const { file, text, by } of own) {
      const parts = source.split(text)
      if (parts.length !== 2) throw new Error(`${file} contains ${parts.length - 1} times instead of once: ${text}`)
      source = parts.join(by)
      process.stderr.write(`${mutationOf(file)}\n`)
    }
    return { ...loaded, source }
  },
})
