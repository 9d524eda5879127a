/**
 * `tributary connectors new`: writes the package of a plugin that works, with its tests, from the files in bin/templates. It never writes
 * into a folder that exists.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { readArguments } from '../../arguments.ts'
import { UserError, wrongUsage } from '../../user-error.ts'
import { defineSubcommand } from './subcommand.ts'

const kinds = ['connector', 'source', 'sink', 'transform', 'converter'] as const
type Kind = (typeof kinds)[number]

const MAX_NAME_LENGTH = 64

/** The templates are beside the program, whether its sources run or its build. */
const FROM_ROOT = import.meta.url.endsWith('.ts') ? '../../..' : '../../../..'
const TEMPLATES = resolve(import.meta.dirname, FROM_ROOT, 'bin/templates')

const folderOf = (kind: Kind): string => (kind === 'source' || kind === 'sink' ? 'connector' : kind)

export default defineSubcommand({
  async run({ args, print }) {
    const { files, options } = readArguments('connectors', args, { options: ['into', 'kind'], files: 1 })
    const name = nameIn(files)
    const kind = kinds.find((each) => each === (options.kind ?? 'connector'))
    if (kind === undefined) throw wrongUsage(`--kind must be one of ${kinds.join(', ')}, not "${options.kind}".`, 'connectors')
    const folder = resolve(options.into ?? '.', name)
    const texts = await textsFor(kind, name)
    await mkdir(dirname(folder), { recursive: true })
    await mkdir(folder).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EEXIST')
        throw new UserError(`${folder} exists already: choose another name, or --into another folder.`, { cause })
      throw cause
    })
    for (const [path, text] of texts) {
      const target = join(folder, path)
      await mkdir(dirname(target), { recursive: true })
      await writeFile(target, text, { flag: 'wx' })
    }
    const shown = relative(process.cwd(), folder)
    print(`${texts.size} files are in ${folder}: index.js is what a worker loads, README.md says how to go on.

  cd ${shown.startsWith('..') ? folder : shown}
  tributary connectors check .
  npm test`)
    return 0
  },
})

function nameIn([name]: readonly string[]): string {
  if (name === undefined) throw wrongUsage('connectors new needs the name of the plugin.', 'connectors')
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > MAX_NAME_LENGTH)
    throw wrongUsage(
      `"${name}" cannot be the name of a plugin: use at most ${MAX_NAME_LENGTH} small letters, digits and single hyphens, as in order-lines.`,
      'connectors',
    )
  return name
}

/** The texts of the package by their path in it. */
async function textsFor(kind: Kind, name: string): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>()
  for (const folder of [join(TEMPLATES, 'shared'), join(TEMPLATES, folderOf(kind))]) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const template = join(entry.parentPath, entry.name)
      const path = relative(folder, template)
      if (!entry.isFile() || !isOf(kind, path)) continue
      // Packing a package leaves a file of this name out.
      const target = path === 'gitignore' ? '.gitignore' : path
      texts.set(withName(target, name), withName(linesOf(kind, await readFile(template, 'utf8')), name))
    }
  }
  return texts
}

/** A file of one side of a connector has it in its name. */
const isOf = (kind: Kind, path: string): boolean =>
  !(kind === 'source' && /\bsink\b/.test(path)) && !(kind === 'sink' && /\bsource\b/.test(path))

/** A line of one side of a connector ends with its mark. */
const linesOf = (kind: Kind, text: string): string =>
  text
    .split('\n')
    .filter((line) => !(kind === 'source' && line.endsWith('// #sink')) && !(kind === 'sink' && line.endsWith('// #source')))
    .map((line) => line.replace(/ \/\/ #(?:source|sink)$/, ''))
    .join('\n')

function withName(text: string, name: string): string {
  const className = name
    .split('-')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('')
  return text.replaceAll('my-plugin', name).replaceAll('MyPlugin', className)
}
