/**
 * The values that several ready-made schemas share: people, addresses of documentation networks, places.
 */
const firstNames = [
  ...['Ada', 'Bela', 'Carla', 'Dario', 'Elif', 'Fritz', 'Greta', 'Hugo', 'Ines', 'Jonas', 'Klara', 'Luca', 'Mira', 'Nils', 'Olga'],
  ...['Pavel', 'Quirin', 'Rosa', 'Sami', 'Tilda', 'Ugo', 'Vera', 'Wanda', 'Xaver', 'Yara'],
]
const lastNames = [
  ...['Aigner', 'Berger', 'Conti', 'Dietl', 'Egger', 'Fabbri', 'Gruber', 'Hofer', 'Ivanov', 'Jansen', 'Kovacs', 'Lindner', 'Moser'],
  ...['Nagy', 'Oberhauser', 'Pichler', 'Rossi', 'Schuster', 'Toth', 'Unger', 'Varga', 'Winkler', 'Zeman'],
]

export interface Person {
  readonly first: string
  readonly last: string
  readonly email: string
  readonly gender: string
}

/** Steps without a common divisor with the lengths, so that pairs of names do not repeat soon. */
export const people = (count: number): Person[] =>
  Array.from({ length: count }, (_, index) => {
    const first = firstNames[(index * 7) % firstNames.length]!
    const last = lastNames[(index * 5) % lastNames.length]!
    return { first, last, email: `${first}.${last}${index}@example.com`.toLowerCase(), gender: index % 2 === 0 ? 'Female' : 'Male' }
  })

export const personNames = people(40).map(({ first, last }) => `${first} ${last}`)

/** Of the networks that are set aside for documentation. */
export const addresses = Array.from({ length: 60 }, (_, index) => `${['192.0.2', '198.51.100', '203.0.113'][index % 3]}.${10 + index * 4}`)

export const cities = ['Graz', 'Linz', 'Porto', 'Ghent', 'Turku', 'Leeds', 'Tulsa', 'Boise', 'Salem', 'Akron']

/** A UUID that a number decides. */
export const uuidOf = (kind: string, index: number): string => `${kind.padEnd(8, '0')}-0000-4000-8000-${String(index).padStart(12, '0')}`
