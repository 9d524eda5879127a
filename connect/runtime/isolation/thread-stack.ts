/**
 * Where a thread is that does not respond: V8's inspector stops it for a moment, also in a loop, and tells its stack. Nothing is opened to
 * the outside. Null where it cannot be told in time, as in a synchronous call of the system.
 */
import type { Clock } from '../../../core/system/clock.ts'
import { within } from '../../../core/system/within.ts'

const STACK_MS = 5_000
const MAX_FRAMES = 20
/** The numbers of the requests to the thread. */
const ENABLE = 1
const PAUSE = 2
const RESUME = 3
const DISABLE = 4

interface Frame {
  functionName: string
  location: { scriptId: string; lineNumber: number; columnNumber: number }
}

/** What the inspector of a thread says. */
type Said =
  | { id?: undefined; method: 'Debugger.scriptParsed'; params: { scriptId: string; url: string } }
  | { id?: undefined; method: 'Debugger.paused'; params: { callFrames: Frame[] } }
  | { method?: undefined; id?: number }

/** The innermost frame comes first. The thread goes on when it resolves: one that the inspector holds cannot be terminated. */
export async function currentStack(threadId: number, clock: Clock): Promise<string[] | null> {
  const { Session } = await import('node:inspector')
  const session = new Session()
  session.connect()
  let frames: string[] | null = null
  let letGo = () => {}
  const urls = new Map<string, string>()
  const goesOn = new Promise<void>((resolve) => {
    const ask = (sessionId: string, id: number, method: string) =>
      session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id, method }) }, (error) => error && resolve())
    session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
      // Its own ids are numbers of a session: the title has the thread's.
      if (!workerInfo.title.startsWith(`[worker ${threadId}] `)) return
      letGo = () => {
        ask(sessionId, RESUME, 'Debugger.resume')
        ask(sessionId, DISABLE, 'Debugger.disable')
      }
      ask(sessionId, ENABLE, 'Debugger.enable')
      ask(sessionId, PAUSE, 'Debugger.pause')
    })
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      const said = JSON.parse(params.message) as Said
      if (said.id === DISABLE) resolve()
      if (said.method === 'Debugger.scriptParsed') urls.set(said.params.scriptId, said.params.url)
      if (said.method !== 'Debugger.paused') return
      frames = said.params.callFrames.slice(0, MAX_FRAMES).map(({ functionName, location }) => {
        const place = `${urls.get(location.scriptId) ?? '?'}:${location.lineNumber + 1}:${location.columnNumber + 1}`
        return `${functionName || '<anonymous>'} (${place})`
      })
      letGo()
    })
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false }, (error) => error && resolve())
  })
  if (!(await within(clock, STACK_MS, goesOn))) letGo()
  session.disconnect()
  return frames
}
