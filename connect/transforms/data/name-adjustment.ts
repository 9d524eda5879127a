/**
 * Names of schemas and fields that Avro accepts, made of any names as Debezium makes them: with underscores for other characters, or with
 * their code (`_u002d`).
 */
export const nameAdjustments = ['none', 'avro', 'avro_unicode'] as const
export type NameAdjustment = (typeof nameAdjustments)[number]

export type AdjustName = (name: string) => string

const code = (character: string): string => {
  const hex = character.charCodeAt(0).toString(16)
  return `_u${hex.length <= 2 ? '00' : ''}${hex}`
}

function adjuster(mode: NameAdjustment, dots: '' | '.'): AdjustName {
  if (mode === 'none') return (name) => name
  const first = mode === 'avro' ? 'A-Za-z_' : 'A-Za-z'
  const invalid = new RegExp(`^[^${first}]|(?<!^)[^${first}0-9${dots}]`, 'g')
  const replaced = (character: string, at: number): string => {
    if (mode === 'avro_unicode') return code(character)
    // So that names which differ in a first digit only stay different.
    return at === 0 && /\p{Nd}/u.test(character) ? `_${character}` : '_'
  }
  return (name) => name.replace(invalid, replaced)
}

/** For full names of schemas, in which dots separate namespaces. */
export const schemaNameAdjuster = (mode: NameAdjustment): AdjustName => adjuster(mode, '.')

export const fieldNameAdjuster = (mode: NameAdjustment): AdjustName => adjuster(mode, '')
