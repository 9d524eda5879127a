/**
 * The code of a cleaning thread: cleans one log at a time with the real disk, and waits for its owner to put each complete segment in
 * place. It has no state between two cleanings and may be terminated at any time: a start after it completes or removes what it leaves.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { realClock } from '../../system/clock.ts'
import { realDisk } from '../../system/disk.ts'
import { AppendRest } from './append-rest.ts'
import { IoThrottle } from './io-throttle.ts'
import { cleanLog } from './log-cleaning.ts'
import type { FromThread, ThreadControl, ToThread } from './thread-messages.ts'

class Aborted extends Error {
  override name = 'Aborted'
}

const { bytesPerSecond, isAborted, appendWrites } = workerData as ThreadControl
const port = parentPort as MessagePort
const tell = (message: FromThread) => port.postMessage(message)
const throttle = new IoThrottle(realClock, () => bytesPerSecond[0]!)
const rest = new AppendRest(
  () => realClock.monotonic(),
  () => Atomics.load(appendWrites, 0),
)
let onReplaced: (isReplaced: boolean | null) => void = () => {}

const checkAborted = () => {
  if (Atomics.load(isAborted, 0) !== 0) throw new Aborted()
}

/** Shorter than a timer of the event loop can be; nothing else waits in this thread. */
const sleep = (ms: number) => void Atomics.wait(isAborted, 0, 0, ms)

port.on('message', (message: ToThread) => {
  if (message.type === 'replaced') {
    onReplaced(message.isReplaced)
    return
  }
  const cleaning = cleanLog(message.request, {
    disk: realDisk,
    transferred: (bytes) => {
      rest.afterWork(sleep)
      return throttle.transferred(bytes, checkAborted)
    },
    replace: (group) =>
      new Promise((resolve, reject) => {
        onReplaced = (isReplaced) => (isReplaced === null ? reject(new Error('the log has failed')) : resolve(isReplaced))
        tell({ type: 'group', group })
      }),
  })
  cleaning.then(
    (result) => tell({ type: 'done', result }),
    (error: NodeJS.ErrnoException) => {
      if (error instanceof Aborted) tell({ type: 'aborted' })
      else tell({ type: 'failed', message: error.message, code: error.code })
    },
  )
})
