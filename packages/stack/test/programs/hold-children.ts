// Starts two long sleeps and ends or waits; with 'deaf' one ignores SIGTERM, with 'unguarded' one is started as anybody might.
import { spawn } from 'node:child_process'
import { createChildren } from '../../src/process.ts'

const [folder, how] = process.argv.slice(2) as [string, string]
if (how === 'unguarded') {
  const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' })
  console.log(`pids ${child.pid}`)
} else {
  const children = await createChildren(folder)
  const environment = process.env
  const one = await children.start({ name: 'one', command: ['sleep', '300'], environment })
  const command = how === 'deaf' ? (['sh', '-c', 'trap "" TERM; sleep 300'] as const) : (['sleep', '300'] as const)
  const two = await children.start({ name: 'two', command, environment })
  console.log(`pids ${one.pid} ${two.pid}`)
}
if (how === 'throws') throw new Error('this process dies of a bug')
if (how === 'exits') process.exit(0)
setInterval(() => {}, 1_000)
