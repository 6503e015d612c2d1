// A headless Firefox, driven by WebDriver BiDi over its own debugging port. Source: https://w3c.github.io/webdriver-bidi/
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeFirefoxProfile } from '@offerstream/stack'

export type Firefox = {
  readonly version: string
  goTo(url: string): Promise<void>
  /** The value of an expression, awaited, in the page; what is no primitive goes as JSON. */
  evaluate(expression: string): Promise<unknown>
  /** A real click, as a user's. */
  click(selector: string): Promise<void>
  /** PNG of the page. */
  picture(): Promise<Buffer>
  stop(): Promise<void>
}

/**
 * The program, installed from Debian's packages where that is possible; a text that says what is missing otherwise.
 */
export function findFirefox(): { readonly program: string } | { readonly missing: string } {
  const found = (): string | undefined =>
    ['firefox-esr', 'firefox'].find(name => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0)
  let program = found()
  if (program !== undefined) return { program }
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status !== 0)
    return { missing: 'neither firefox-esr nor firefox is on PATH; on Debian, as root: apt-get install firefox-esr' }
  const apt = (...args: string[]) =>
    spawnSync('apt-get', ['-q', ...args], {
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  const steps = [apt('update'), apt('install', '-y', '--no-install-recommends', 'firefox-esr')]
  program = found()
  if (program !== undefined) return { program }
  return { missing: `firefox-esr cannot be installed: ${steps.map(({ stderr }) => stderr.slice(-500)).join('\n')}` }
}

/** `pushService` is its own push service's address (http); notifications are allowed everywhere. */
export async function startFirefox(program: string, pushService: string): Promise<Firefox> {
  const profile = mkdtempSync(join(tmpdir(), 'firefox-'))
  writeFirefoxProfile(profile, pushService, {
    'permissions.default.desktop-notification': 1,
    // Without a desktop there is nobody else to show a notification, and one that nobody shows is gone at once.
    'alerts.useSystemBackend': false,
    // Nothing goes out.
    'app.normandy.enabled': false,
    'app.update.disabledForTesting': true,
    'datareporting.policy.dataSubmissionEnabled': false,
    'network.captive-portal-service.enabled': false,
    'network.connectivity-service.enabled': false,
    'browser.safebrowsing.update.enabled': false,
    'services.settings.server': 'data:,#remote-settings-dummy/v1',
  })
  const child = spawn(
    program,
    ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'],
    // A home of its own: nothing of the machine's user is read or written.
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HOME: profile, MOZ_HEADLESS_WIDTH: '800', MOZ_HEADLESS_HEIGHT: '480' },
    },
  )
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    const address = await new Promise<string>((resolve, reject) => {
      let said = ''
      child.stderr!.on('data', data => {
        said += data
        const [, url] = /WebDriver BiDi listening on (ws:\S+)/.exec(said) ?? []
        if (url !== undefined) resolve(url)
      })
      child.once('error', reject)
      exited.then(() => reject(new Error(`${program} ended: ${said.slice(-1000)}`)))
    })
    const call = await openSession(`${address}/session`)
    const { capabilities } = (await call('session.new', { capabilities: {} })) as {
      capabilities: { browserVersion: string }
    }
    const { contexts } = (await call('browsingContext.getTree', {})) as { contexts: { context: string }[] }
    const { context } = contexts[0]!
    const evaluate = async (expression: string): Promise<unknown> => {
      const answer = (await call('script.evaluate', {
        expression,
        target: { context },
        awaitPromise: true,
      })) as Evaluated
      if (answer.type === 'exception') throw new Error(answer.exceptionDetails.text)
      return answer.result.value
    }
    return {
      version: capabilities.browserVersion,
      goTo: async url => void (await call('browsingContext.navigate', { context, url, wait: 'complete' })),
      evaluate,
      async click(selector) {
        const text = await evaluate(
          `(({ x, y, width, height }) => JSON.stringify([x + width / 2, y + height / 2]))(document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect())`,
        )
        const [x, y] = (JSON.parse(text as string) as number[]).map(Math.round)
        const actions = [
          { type: 'pointerMove', x, y },
          { type: 'pointerDown', button: 0 },
          { type: 'pointerUp', button: 0 },
        ]
        await call('input.performActions', { context, actions: [{ type: 'pointer', id: 'mouse', actions }] })
      },
      async picture() {
        const { data } = (await call('browsingContext.captureScreenshot', { context })) as { data: string }
        return Buffer.from(data, 'base64')
      },
      stop: end,
    }
  } catch (error) {
    await end()
    throw error
  }
}

type Evaluated =
  | { readonly type: 'success'; readonly result: { readonly value?: unknown } }
  | { readonly type: 'exception'; readonly exceptionDetails: { readonly text: string } }

type Call = (method: string, params: object) => Promise<unknown>

async function openSession(url: string): Promise<Call> {
  const socket = new WebSocket(url)
  const waiting = new Map<number, (answer: { error?: string; message?: string; result?: unknown }) => void>()
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve()
    socket.onerror = () => reject(new Error(`no WebDriver BiDi at ${url}`))
  })
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data))
    waiting.get(message.id)?.(message)
    waiting.delete(message.id)
  }
  socket.onclose = () => {
    for (const answer of waiting.values()) answer({ error: 'closed', message: 'the browser is gone' })
  }
  let calls = 0
  return (method, params) =>
    new Promise((resolve, reject) => {
      const id = ++calls
      waiting.set(id, ({ error, message, result }) => {
        if (error === undefined) resolve(result)
        else reject(new Error(`${method}: ${error}: ${message}`))
      })
      socket.send(JSON.stringify({ id, method, params }))
    })
}
