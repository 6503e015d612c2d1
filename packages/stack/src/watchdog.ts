// Run as a process of its own. Standard input names the processes to guard, one a line: +PID, -PID. It closes however
// the parent ends, kill -9 included; what is still named then is ended, politely first.
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { signalGroup, startedAt } from './process-identity.ts'

const graceMs = 8_000
const guarded = new Map<number, string>()

for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1))
  const began = startedAt(pid)
  if (line.startsWith('-')) guarded.delete(pid)
  else if (began !== undefined) guarded.set(pid, began)
}

const left = () => [...guarded].filter(([pid, began]) => startedAt(pid) === began).map(([pid]) => pid)
for (const pid of left()) signalGroup(pid, 'SIGTERM')
const deadline = performance.now() + graceMs
while (left().length > 0 && performance.now() < deadline) await sleep(50)
for (const pid of left()) signalGroup(pid, 'SIGKILL')
