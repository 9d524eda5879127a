/**
 * What every declaration of a plugin keeps, whatever its kind: people read what it says, and its settings have defaults that can be
 * set.
 */
import { isDeepStrictEqual } from 'node:util'
import { MissingSetting, parseSettings, type Setting, type Settings } from '../sdk/index.ts'
import { type Checks, holds } from './checks.ts'

export interface Declared {
  readonly class: string
  readonly doc: string
  readonly settings: Settings
}

const settingsOf = ({ settings }: Declared) => Object.entries(settings) as [string, Setting<unknown>][]

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

export const declarationChecks: Checks<Declared> = {
  'has the name of a class and a sentence about it': (declared) => {
    holds(
      /^([a-z]\w*\.)+[A-Z]\w*(\$(Key|Value))?$/.test(declared.class),
      `${declared.class} is not the name of a class with a package, such as org.example.OrdersSourceConnector`,
    )
    holds(/^[A-Z].*\.$/s.test(declared.doc), `its doc is no sentence with a capital letter and a full stop: "${declared.doc}"`)
  },
  'each setting has a name and a doc': (declared) => {
    for (const [name, { doc }] of settingsOf(declared)) {
      // What users choose of a name is in parentheses: column.truncate.to.(length).chars.
      const word = '(?:[a-z\\d]+|\\([a-z]+\\))'
      holds(new RegExp(`^[a-z][a-z\\d]*([._-]${word})*$`, 'i').test(name), `the setting ${name} must have a name such as batch.size`)
      holds(/^["'`\w].{5}/s.test(doc), `the setting ${name} needs a doc that says what it does`)
    }
  },
  'a default as text is read as the default': (declared) => {
    for (const [name, setting] of settingsOf(declared)) {
      if (setting.required || setting.default === null) continue
      const [byText, unset] = [setting.parse(name, setting.default), setting.parse(name, null)]
      holds(isDeepStrictEqual(byText, unset), `${name}: ${setting.default} is read as ${byText}, and nothing as ${unset}`)
    }
  },
  'a required setting that is missing is named': (declared) => {
    for (const [name, setting] of settingsOf(declared)) {
      if (!setting.required || name === 'converter.type') continue
      const thrown = thrownBy(() => setting.parse(name, null))
      holds(
        thrown instanceof MissingSetting && thrown.message === new MissingSetting(name).message,
        `${name} is required, and without it there is no error that names it: ${thrown ?? 'there is none'}`,
      )
    }
  },
  'no setting has two names for one, or the name of another': (declared) => {
    const names = settingsOf(declared).flatMap(([name, { aliases }]) => [name, ...aliases])
    const twice = names.filter((name, at) => names.indexOf(name) !== at)
    holds(twice.length === 0, `these names are given twice: ${twice.join(', ')}`)
  },
  'settings that nobody declares do not matter': (declared) => {
    const required = Object.fromEntries(settingsOf(declared).map(([name, { required: is }]) => [name, is ? '1' : null]))
    const read = (raw: Record<string, string | null>) => {
      try {
        return parseSettings(declared.settings, raw)
      } catch (error) {
        return (error as Error).message
      }
    }
    holds(
      isDeepStrictEqual(read({ ...required, 'nobody.declares.this': 'x' }), read(required)),
      'a setting that nobody declares changes how the others are read',
    )
  },
}
