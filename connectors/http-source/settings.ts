/**
 * The settings of the polling source. Those that Confluent's HTTP source has too have its names. Nothing here
 * loads the client.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { checkClient, clientSettings, filledUrlProblem } from '../http-driver/client-settings.ts'
import { headersOf, headersProblem } from '../http-driver/header-list.ts'
import { pointerProblem } from '../http-driver/json-pointer.ts'

// biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder in users' configs
export const OFFSET = '${offset}'
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024

function urlTemplateProblem(url: string): string | undefined {
  return placeholderProblem(url) ?? filledUrlProblem((text) => url.replaceAll(OFFSET, text))
}

const placeholderProblem = (text: string): string | undefined =>
  text.replaceAll(OFFSET, '').includes('${') ? `the only placeholder is ${OFFSET}` : undefined

const nonEmpty = (text: string) => (text === '' ? 'String must be non-empty' : undefined)

export const settings = {
  url: setting.string({
    doc: `The URL to poll. ${OFFSET} in its path or query is where reading goes on.`,
    importance: 'HIGH',
    check: urlTemplateProblem,
  }),
  topic: setting.string({ doc: 'The topic to publish data to', importance: 'HIGH', aliases: ['topic.name.pattern'], check: nonEmpty }),
  'request.interval.ms': setting.long({
    doc: 'The time between two polls, after one that has found nothing more',
    default: 15_000,
    importance: 'HIGH',
    least: 1,
  }),
  'http.request.method': setting.oneOf(['GET', 'POST'], { doc: 'The method of requests', default: 'GET' }),
  'http.request.headers': setting.string({
    doc: 'Headers of each request, as name:value, separated by http.request.headers.separator',
    default: '',
  }),
  'http.request.headers.separator': setting.string({
    doc: 'What separates these headers',
    default: '|',
    importance: 'LOW',
    check: nonEmpty,
  }),
  'http.request.sensitive.headers': setting.password({
    doc: 'Headers whose values are secrets, as in http.request.headers',
    default: null,
  }),
  'http.request.parameters': setting.string({
    doc:
      `Parameters of the query, as name=value, separated by http.request.parameters.separator, with ${OFFSET}. They are encoded. One whose ` +
      `value is an empty ${OFFSET} is left out.`,
    default: '',
    check: placeholderProblem,
  }),
  'http.request.parameters.separator': setting.string({
    doc: 'What separates these parameters',
    default: '&',
    importance: 'LOW',
    check: nonEmpty,
  }),
  'http.request.body': setting.string({
    doc: `The body of a POST, with ${OFFSET}. In a JSON body it is written as in a JSON string.`,
    default: null,
    check: placeholderProblem,
  }),
  'http.offset.mode': setting.oneOf(['SNAPSHOT', 'CHAINING', 'SIMPLE_INCREMENTING', 'PAGE_NUMBER', 'CURSOR_PAGINATION', 'LINK_HEADER'], {
    doc:
      "Where reading goes on: 'SNAPSHOT' reads all each time that it has changed, 'CHAINING' from the offset of the last item, " +
      "'SIMPLE_INCREMENTING' from the number of items, 'PAGE_NUMBER' from the number of pages, 'CURSOR_PAGINATION' from the cursor or the " +
      "URL at http.next.page.json.pointer, 'LINK_HEADER' from the URL of the header Link",
    default: 'SNAPSHOT',
    importance: 'HIGH',
  }),
  'http.initial.offset': setting.string({ doc: `What ${OFFSET} stands for in the first request`, default: '' }),
  'http.offset.json.pointer': setting.string({
    doc: 'Where an item has its offset, with http.offset.mode=CHAINING: a JSON pointer',
    default: null,
    check: pointerProblem,
  }),
  'http.offset.inclusive': setting.boolean({
    doc: `Whether the server sends items whose offset is ${OFFSET} again, with http.offset.mode=CHAINING. Those that were sent are left out.`,
    default: false,
  }),
  'http.next.page.json.pointer': setting.string({
    doc: 'Where a response has the cursor or the URL of the next page, with CURSOR_PAGINATION or SNAPSHOT: a JSON pointer',
    default: null,
    check: pointerProblem,
  }),
  'http.page.size': setting.int({
    doc: 'How many items a full page has, with http.offset.mode=PAGE_NUMBER',
    default: null,
    check: (size) => (size < 1 ? 'Value must be at least 1' : undefined),
  }),
  'http.response.format': setting.oneOf(['json', 'text'], {
    doc: "What a response is: 'json', or 'text' that is one item as a whole",
    default: 'json',
  }),
  'http.response.data.json.pointer': setting.string({
    doc: 'Where a response has its items: a JSON pointer to an array, or to a single item. Empty for the whole response.',
    default: '',
    check: pointerProblem,
  }),
  'key.json.pointer': setting.string({
    doc: "Where an item has what becomes the record's key: a JSON pointer. Without it, or without that part, the record has no key.",
    default: null,
    check: pointerProblem,
  }),
  'value.format': setting.oneOf(['json', 'string'], {
    doc: "What values are: 'json' without a schema, or a 'string' with the JSON of the item",
    default: 'json',
  }),
  'bad.items': setting.oneOf(['fail', 'skip'], {
    doc: "What happens to an item without an offset, with http.offset.mode=CHAINING: 'fail' fails the task, 'skip' logs and skips it",
    default: 'fail',
    importance: 'LOW',
  }),
  'batch.size': setting.int({ doc: 'The maximum number of records of a batch', default: 1000, importance: 'LOW', least: 1 }),
  'response.max.bytes': setting.int({
    doc: 'The maximum size of a response. A larger one fails the task.',
    default: 16 * 1024 * 1024,
    check: (bytes) => (bytes < 1 || bytes > MAX_RESPONSE_BYTES ? `Value must be between 1 and ${MAX_RESPONSE_BYTES}` : undefined),
  }),
  'retry.after.max.ms': setting.long({
    doc: 'The longest that the header Retry-After of a response may make the source wait',
    default: 300_000,
    importance: 'LOW',
    least: 0,
  }),
  ...clientSettings,
}

export type PollConfig = ConfigOf<typeof settings>

/** Where requests go, and get the credentials. */
export const originOf = ({ url }: PollConfig): string => new URL(url.replaceAll(OFFSET, '0')).origin

/** Whether the offset is a number of items or pages. */
export const isCounted = (config: PollConfig): boolean => ['SIMPLE_INCREMENTING', 'PAGE_NUMBER'].includes(config['http.offset.mode'])

/** The headers of each request. */
export const headersIn = (config: PollConfig) => ({
  accept: config['http.response.format'] === 'json' ? 'application/json' : '*/*',
  // Without it a server may compress.
  'accept-encoding': 'identity',
  ...headersOf(config['http.request.headers'], config['http.request.headers.separator']),
  ...headersOf(config['http.request.sensitive.headers'] ?? '', config['http.request.headers.separator']),
})

/** Checks that concern several settings. */
export function check(config: PollConfig): SettingProblem[] {
  const problems = checkClient(config)
  const mode = config['http.offset.mode']
  const add = (name: keyof PollConfig & string, why: string | undefined) => why !== undefined && problems.push({ setting: name, why })
  const needs = (name: keyof PollConfig & string) => config[name] === null && add(name, `http.offset.mode=${mode} needs it`)
  const separator = config['http.request.headers.separator']
  add('http.request.headers', headersProblem(config['http.request.headers'], separator))
  add('http.request.sensitive.headers', headersProblem(config['http.request.sensitive.headers'] ?? '', separator))
  if (config['auth.type'] !== 'NONE' && 'authorization' in headersIn(config))
    add(
      'authorization' in headersOf(config['http.request.headers'], separator) ? 'http.request.headers' : 'http.request.sensitive.headers',
      'the header authorization is written by auth.type: leave out one of them',
    )
  if (mode === 'CHAINING') needs('http.offset.json.pointer')
  if (mode === 'CURSOR_PAGINATION') needs('http.next.page.json.pointer')
  if (mode === 'PAGE_NUMBER') needs('http.page.size')
  if (isCounted(config) && !/^\d{1,15}$/.test(config['http.initial.offset']))
    add('http.initial.offset', `http.offset.mode=${mode} needs a whole number`)
  const templates = [config.url, config['http.request.parameters'], config['http.request.body'] ?? '']
  if (['CHAINING', 'SIMPLE_INCREMENTING', 'PAGE_NUMBER'].includes(mode) && !templates.some((text) => text.includes(OFFSET)))
    add('http.offset.mode', `${mode} needs ${OFFSET} in url, http.request.parameters or http.request.body`)
  if (config['http.response.format'] === 'text' && mode !== 'SNAPSHOT')
    add('http.response.format', 'a text has no offset: set http.offset.mode=SNAPSHOT')
  if (config['http.request.body'] !== null && config['http.request.method'] === 'GET')
    add('http.request.body', 'a GET has no body: set http.request.method=POST')
  return problems
}
