import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export type Running = {
  readonly process: ChildProcess
  readonly ended: Promise<number | null>
  /** Resolves with the first line that holds the words. */
  said(words: string): Promise<string>
}

/** Runs a TypeScript file as a process of its own, which goes with the test. */
export function runProgram(url: string, ...rest: readonly string[]): Running {
  const started = spawn(process.execPath, [fileURLToPath(url), ...rest], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>(resolve => started.once('close', resolve))
  let text = ''
  let complaints = ''
  started.stderr.setEncoding('utf8').on('data', more => {
    complaints += more
  })
  started.stdout.setEncoding('utf8').on('data', more => {
    text += more
  })
  onTestFinished(async () => {
    started.kill('SIGKILL')
    await ended
  })
  return {
    process: started,
    ended,
    said(words) {
      const find = () =>
        text
          .split('\n')
          .slice(0, -1)
          .find(line => line.includes(words))
      return new Promise((resolve, reject) => {
        const look = () => {
          const line = find()
          if (line !== undefined) resolve(line)
        }
        started.stdout.on('data', look)
        ended.then(code =>
          reject(new Error(`${url} ended with ${code} before it said ${words}; it said: ${text}${complaints}`)),
        )
        look()
      })
    },
  }
}
