/** `tributary connectors dead-letters NAME`: the records that a connector could not process, by their reason, the largest group first. */
import type { DeadLetterList, DeadLetterSample, ShownBytes } from '../../../connect/types.ts'
import { readArguments } from '../../arguments.ts'
import { ConnectRestClient, restOptions } from '../../connect-rest-client.ts'
import { connectorName, defineSubcommand, printJson } from './subcommand.ts'

const MAX_VALUE_CHARACTERS = 120

export default defineSubcommand({
  async run({ args, print }) {
    const known = { options: [...restOptions, 'since', 'limit'], flags: ['json'], files: 1 }
    const { files, options, flags } = readArguments('connectors', args, known)
    const name = connectorName(files, 'dead-letters')
    const query = new URLSearchParams(Object.entries(options).filter(([option]) => option === 'since' || option === 'limit'))
    const path = `/connectors/${encodeURIComponent(name)}/dead-letters?${query}`
    const found = await new ConnectRestClient(options).request<DeadLetterList>('GET', path)
    if (flags.has('json')) printJson(print, found)
    else show(found, print)
    return 0
  },
})

function show({ topic, groups, scanned, next }: DeadLetterList, print: (line: string) => void): void {
  for (const { group, count, replayed, stage, class_name: className, exception, message, first, last, samples } of groups) {
    print(`${group}  ${count} letters, ${replayed} of them replayed, ${new Date(first).toISOString()} to ${new Date(last).toISOString()}`)
    if (stage === null) print('    no context headers: set errors.deadletterqueue.context.headers.enable to true to see reasons')
    else print(`    ${stage} in ${className}: ${exception}: ${message}`)
    for (const sample of samples) print(`    ${sampleLine(sample)}`)
  }
  print(`${scanned} letters of ${topic} were read${next === null ? ', to its end.' : `; go on with --since ${next}`}`)
}

const sampleLine = ({ partition, offset, origin, key, value }: DeadLetterSample): string =>
  `${partition}@${offset} from ${origin.topic}${origin.offset === null ? '' : `-${origin.partition}@${origin.offset}`} ${shown(key)} ${shown(value)}`

const shown = (bytes: ShownBytes): string => {
  const text = bytes === null ? 'null' : 'text' in bytes ? JSON.stringify(bytes.text) : `base64 ${bytes.base64}`
  return text.length > MAX_VALUE_CHARACTERS ? `${text.slice(0, MAX_VALUE_CHARACTERS)}…` : text
}
