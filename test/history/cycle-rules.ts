/**
 * Circles among transactions that happened: by the order of their writes (ww), and by who read from whom (wr). Strongly connected
 * components of the graph, without recursion: histories are long.
 */
import type { AnomalyName, Rule } from './anomaly.ts'
import type { Operation } from './history.ts'
import type { KeyLogs } from './key-logs.ts'

type Graph = Map<Operation, Set<Operation>>

const link = (graph: Graph, from: Operation, to: Operation) => {
  if (from === to) return
  const next = graph.get(from)
  if (next) next.add(to)
  else graph.set(from, new Set([to]))
}

function writeOrder(logs: KeyLogs, graph: Graph): void {
  for (const log of logs.all()) {
    let previous: Operation | null = null
    for (const value of log.order('read_committed').keys()) {
      const operation = log.writes.get(value)?.operation
      if (!operation?.transactional || !logs.happened(operation)) continue
      if (previous) link(graph, previous, operation)
      previous = operation
    }
  }
}

function readFrom(logs: KeyLogs, graph: Graph): void {
  for (const log of logs.all())
    for (const { value, operation } of log.reads) {
      const writer = log.writes.get(value)?.operation
      if (writer?.transactional && operation.transactional && logs.happened(writer) && logs.happened(operation))
        link(graph, writer, operation)
    }
}

export const cycles: Rule = function* (_, logs) {
  const [ww, wr, both]: Graph[] = [new Map(), new Map(), new Map()]
  writeOrder(logs, ww!)
  readFrom(logs, wr!)
  writeOrder(logs, both!)
  readFrom(logs, both!)
  const found = new Set<Operation>()
  const graphs: [AnomalyName, Graph][] = [
    ['G0', ww!],
    ['G1c', wr!],
    ['G1c-ww', both!],
  ]
  for (const [name, graph] of graphs)
    for (const component of components(graph)) {
      if (component.every((operation) => found.has(operation))) continue
      for (const operation of component) found.add(operation)
      const some = component.slice(0, 4).map(({ process, started }) => `${process}'s of ${started}`)
      yield { name, detail: `${component.length} transactions: ${some.join(', ')}` }
    }
}

/** Tarjan's algorithm; components of one operation are left out. */
function* components(graph: Graph): Iterable<Operation[]> {
  const index = new Map<Operation, number>()
  const low = new Map<Operation, number>()
  const stack: Operation[] = []
  const isOnStack = new Set<Operation>()
  for (const root of graph.keys()) {
    if (index.has(root)) continue
    const frames = [enter(root)]
    while (frames.length > 0) {
      const { operation, next } = frames.at(-1)!
      const step = next.next()
      if (!step.done) {
        if (!index.has(step.value)) frames.push(enter(step.value))
        else if (isOnStack.has(step.value)) low.set(operation, Math.min(low.get(operation)!, index.get(step.value)!))
        continue
      }
      frames.pop()
      const parent = frames.at(-1)
      if (parent) low.set(parent.operation, Math.min(low.get(parent.operation)!, low.get(operation)!))
      if (low.get(operation) !== index.get(operation)) continue
      const component = stack.splice(stack.lastIndexOf(operation))
      for (const member of component) isOnStack.delete(member)
      if (component.length > 1) yield component
    }
  }

  function enter(operation: Operation) {
    index.set(operation, index.size)
    low.set(operation, index.get(operation)!)
    stack.push(operation)
    isOnStack.add(operation)
    return { operation, next: (graph.get(operation) ?? new Set<Operation>()).values() }
  }
}
